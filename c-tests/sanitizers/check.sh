#!/bin/bash
# make check-sanitizers: the C programs of the harness with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer.
# The library is not instrumented, but its memory comes from the sanitizers' malloc: what it leaks is reported, and so are
# programs that use its memory after the end or after it was freed, and its own calls of memcpy, strlen and so on.
#
#   c-tests/sanitizers/check.sh [TEST...]    modules or tests of the harness
#
# C_TESTS is the compiled harness; by default cargo compiles it.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${CARGO:=cargo}"
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
library=$(realpath "${LIBPQ_OXIDE_LIB:-$target/release}")
export LIBPQ_OXIDE_LIB=$library

# Before CC is set: cargo would compile the C code of crates again, with the sanitizers.
if [ -z "${C_TESTS:-}" ]; then
    C_TESTS=$("$CARGO" test --locked --workspace --test c_tests --no-run --message-format=json |
        sed -n 's/.*"name":"c_tests".*"executable":"\([^"]*\)".*/\1/p')
fi
export SANITIZED_CC=${CC:-cc} CC=$PWD/c-tests/sanitizers/cc LIBPQ_OXIDE_TARGET=$target/sanitized
mkdir -p "$LIBPQ_OXIDE_TARGET"

# Each planted fault must be reported.
faulty=$LIBPQ_OXIDE_TARGET/faulty
"$CC" -std=gnu99 -g -O1 -Iinclude -o "$faulty" c-tests/programs/faulty.c -L"$library" -l:libpq.so.5
planted() {
    local fault=$1 report=$2 status=0
    LD_LIBRARY_PATH=$library "$faulty" "$fault" >"$faulty.log" 2>&1 || status=$?
    if [ "$status" != 99 ] || ! grep -q "$report" "$faulty.log"; then
        cat "$faulty.log"
        echo "c-tests/sanitizers/check.sh: a planted fault is not reported: $fault (status $status)" >&2
        exit 1
    fi
    echo "reported: $fault"
}
planted 'leak' 'LeakSanitizer: detected memory leaks'
planted 'read freed' 'heap-use-after-free'
planted 'read past the end' 'heap-buffer-overflow'
LD_LIBRARY_PATH=$library "$faulty" none

# Without programs that leak on purpose (c-tests/runner/support/valgrind.rs), that limit their address space, which the shadow
# memory does not fit into, that preload a malloc in place of the sanitizer's (without_sizes), or that search all of their memory
# for secrets, freed blocks included (wiped). Python (psycopg) is not instrumented.
modules=(programs:: result_memory:: large_objects:: passwords:: lost::)
without=(--skip cancel_thread --skip jumps --skip out_of_memory --skip without_sizes --skip wiped --skip psycopg:: --skip proxy::)
[ "$#" = 0 ] || modules=("$@")
"$C_TESTS" "${modules[@]}" "${without[@]}"
