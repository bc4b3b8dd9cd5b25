#!/bin/bash
# make check-abi: compares the symbols of a library with Debian's libpq5. No function or variable may be missing, and the
# name that programs ask the loader for must be the same. Types are compared in c-tests/abi.
#
#   c-tests/check_abi.sh [LIBRARY]    the release build if not given
set -euo pipefail
cd "$(dirname "$0")/.."
library=${1:-${CARGO_TARGET_DIR:-target}/release/libpq.so}
debians=/usr/lib/$(gcc -print-multiarch)/libpq.so.5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "c-tests/check_abi.sh: $*" >&2
    exit 1
}

# This library could be installed in its place.
changed=$(dpkg --verify libpq5 | grep -F "$(basename "$(readlink -f "$debians")")" || true)
[ -z "$changed" ] || fail "$debians is not the file of Debian's package"

# The symbols only: the types of Rust's and C's debugging information have different names.
compare() {
    local stripped=$work/libpq.so.5
    cp "$2" "$stripped"
    strip --strip-debug "$stripped"
    abidiff --no-added-syms "$1" "$stripped"
}

# A library that lacks functions must be found.
echo 'int PQstatus(void *conn) { return conn != 0; }' | gcc -shared -fPIC -Wl,-soname,libpq.so.5 -x c -o "$work/planted.so" -
if compare "$debians" "$work/planted.so" >"$work/report"; then
    fail "abidiff does not find removed functions"
fi
grep -q '^Function symbols changes summary: [1-9][0-9]* Removed' "$work/report" || fail "abidiff reports no removed functions"
sed -n 's/^Function symbols changes summary: /planted: /p' "$work/report"

compare "$debians" "$library" || fail "$library lacks what $debians has"
echo "$library: nothing of $debians is missing"
