//! Tests of the library through its C API. C programs run with our library and with C libpq, on a real PostgreSQL or
//! a scripted server, and the results are compared. `c-tests/setup.sh` and `c-tests/oracle/build.sh` prepare the
//! machine; `make test` runs everything.

mod api;
mod backends;
mod book;
mod builds;
mod cancel_connections;
mod cancelled_threads;
mod clients;
mod demonstrations;
mod differences;
mod directories;
mod documents;
mod edges;
mod exports;
mod extension;
mod gem;
mod goaway;
mod gss;
mod harness;
mod history;
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
mod release;
mod result_memory;
mod scripts;
mod signal_safety;
mod support;
mod threads;
mod tls;
mod wheel;
