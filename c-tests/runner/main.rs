//! Tests of the library through its C API: C programs run on ours and on C libpq and compared, exact bytes from a scripted
//! server, a real PostgreSQL. `c-tests/setup.sh` and `c-tests/oracle/build.sh` make what they need; `make test` runs all.

mod api;
mod backends;
mod cancel_connections;
mod cancelled_threads;
mod clients;
mod demonstrations;
mod differences;
mod directories;
mod documents;
mod exports;
mod extension;
mod goaway;
mod gss;
mod harness;
mod hostile;
mod languages;
mod large_objects;
mod layers;
mod lost;
mod null;
mod oauth;
mod out_of_memory;
mod passwords;
mod pools;
mod programs;
mod proxy;
mod result_memory;
mod signal_safety;
mod support;
mod tls;
