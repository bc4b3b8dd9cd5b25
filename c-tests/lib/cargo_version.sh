#!/bin/bash
# Says what is needed when cargo is missing or too old: an old one only reports a parse error about the edition.
#
#   c-tests/lib/cargo_version.sh CARGO [SUBCOMMAND...]    for instance clippy, fmt
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo=$1
shift
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

fail() {
    cat >&2 <<END
$1
Needed are Rust $needed or newer with cargo, clippy and rustfmt, a C compiler and make; the tests also need pkg-config and the packages
that c-tests/setup.sh installs or lists. Debian 12's own cargo (1.65) is too old: install Rust from https://rustup.rs, then
    rustup toolchain install stable --component clippy,rustfmt
END
    exit 1
}

# Outside the checkout, whose files an old cargo may not understand.
version=$(cd / && "$cargo" --version 2>/dev/null) || fail "There is no cargo: $cargo does not run."
version=$(echo "$version" | sed -n 's/^cargo \([0-9.]*\).*/\1/p')
oldest=$(printf '%s\n' "$needed" "$version" | sort -V | head -n 1)
[ "$oldest" = "$needed" ] || fail "This cargo is too old: $version."
for subcommand in "$@"; do
    "$cargo" "$subcommand" --version >/dev/null 2>&1 || fail "cargo $subcommand is missing."
done
