#!/bin/bash
# make check-races: the threaded C programs of the harness with ThreadSanitizer. The library, Rust's standard library and the C
# code of the cryptography are instrumented, too. Only the cryptography's assembler is not.
#
#   c-tests/sanitizers/races.sh [TEST...]    modules or tests of the harness
#
# It needs the nightly toolchain, because only that can compile with ThreadSanitizer, and gcc or clang. C_TESTS is the compiled
# harness; by default cargo compiles it.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${CARGO:=cargo}"
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
host=x86_64-unknown-linux-gnu

missing() {
    echo "c-tests/sanitizers/races.sh: $1 is missing; with rustup: rustup toolchain install nightly --component rust-src" >&2
    exit 1
}
sysroot=$(rustc +nightly --print sysroot 2>/dev/null) || missing "a nightly toolchain"
[ -e "$sysroot/lib/rustlib/src/rust/library/Cargo.lock" ] || missing "the source of nightly's standard library (rust-src)"
RACES_RUNTIME=$sysroot/lib/rustlib/$host/lib/librustc-nightly_rt.tsan.a
[ -e "$RACES_RUNTIME" ] || missing "ThreadSanitizer's runtime for $host"
export RACES_RUNTIME

# The harness is not instrumented. It is compiled before CC is set: cargo would compile the C code of crates again.
if [ -z "${C_TESTS:-}" ]; then
    C_TESTS=$("$CARGO" test --locked --workspace --test c_tests --no-run --message-format=json |
        sed -n 's/.*"name":"c_tests".*"executable":"\([^"]*\)".*/\1/p')
fi

# The profile without link-time optimization, and with line numbers for the reports.
CFLAGS_x86_64_unknown_linux_gnu=-fsanitize=thread RUSTFLAGS=-Zsanitizer=thread \
    "$CARGO" +nightly rustc --locked -p libpq-oxide -Zbuild-std --target "$host" --profile valgrind --lib --crate-type cdylib
library=$target/$host/valgrind
ln -sf libpq.so "$library/libpq.so.5"
# Without programs of another run: they may have other options.
rm -rf "$target/races"
mkdir -p "$target/races"

export LIBPQ_OXIDE_LIB=$library RACES_CC=${CC:-cc} CC=$PWD/c-tests/sanitizers/cc-races LIBPQ_OXIDE_TARGET=$target/races

# Each planted race must be reported, with the function in which it is.
planted=$LIBPQ_OXIDE_TARGET/planted
"$CC" -std=gnu99 -g -O1 -pthread -Iinclude -o "$planted" c-tests/programs/threads/*.c -L"$library" -l:libpq.so.5
while read -r place function; do
    status=0
    LD_LIBRARY_PATH=$library "$planted" "planted in the $place" '' >"$planted.log" 2>&1 || status=$?
    if [ "$status" != 66 ] || ! grep -q "WARNING: ThreadSanitizer: data race" "$planted.log" || ! grep -q "#[0-9]* $function" "$planted.log"; then
        cat "$planted.log"
        echo "c-tests/sanitizers/races.sh: the race planted in the $place is not reported (status $status)" >&2
        exit 1
    fi
    echo "reported: a race planted in the $place"
done <<'END'
program count
library PQsetvalue
END

[ "$#" -gt 0 ] || set -- threads:: cancelled_threads:: programs::copy_memory programs::cancel
exec "$C_TESTS" "$@" --test-threads 1
