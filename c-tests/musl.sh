#!/bin/bash
# Builds libpq.a for musl and a C program with it, which needs no shared library. Needs Rust's target x86_64-unknown-linux-musl
# (rustup target add) and musl-gcc (musl-tools); hosted CI runs it.
#
#   c-tests/musl.sh CONNINFO    connects to a server with TLS
set -euo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-musl
built=${CARGO_TARGET_DIR:-target}/$target/release
CC_x86_64_unknown_linux_musl=musl-gcc cargo rustc --locked --release --target "$target" --lib --crate-type staticlib
# Rust brings the unwinder for musl; the one of gcc is glibc's.
unwinder=$(rustc --print target-libdir --target "$target")/self-contained/libunwind.a
./static_library.sh "$built/libpq.a" "$built/static/libpq.a" "$unwinder"
musl-gcc -static -Iinclude -o "$built/query" c-tests/programs/query.c -L"$built/static" -lpq
if readelf --program-headers "$built/query" | grep INTERP; then
    echo "the program is not static" >&2
    exit 1
fi
output=$("$built/query" "$1" "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
echo "$output"
[ "$output" = $'SELECT 1\nt' ]
