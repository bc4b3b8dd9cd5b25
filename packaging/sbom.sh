#!/bin/bash
# make sbom: software bills of materials in CycloneDX's JSON, one for the library and one for goaway-proxy.
#
#   packaging/sbom.sh DIRECTORY
#
# They list the crates that are linked on this kind of machine. The same commit gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
. c-tests/lib/cache.sh
output=${1:?usage: packaging/sbom.sh DIRECTORY}
needs git tar python3 "$cargo"
mkdir -p "$output"
output=$(realpath "$output")
linked=$PWD/packaging/sbom_linked.py
# The tool writes this time, and leaves out the random serial number.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

directory=$(mktemp -d "${TMPDIR:-/tmp}/pq-sbom.XXXXXX")
trap 'rm -rf "$directory"' EXIT
unpack_commit "$directory"
cd "$directory/$name"
# It writes a file beside each Cargo.toml.
CARGO=$cargo "$cache/cargo/bin/cargo-cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps \
    --target "$(rustc -vV | sed -n 's/^host: //p')" --override-filename bom
for package in libpq-oxide goaway-proxy; do
    bom=$package/bom.json
    [ -e "$bom" ] || bom=bom.json
    file=$output/$package-${name#libpq-oxide-}.cdx.json
    "$cargo" tree --locked --package "$package" --edges normal,no-proc-macro --prefix none --format '{p}' |
        "$linked" "$bom" >"$file.new"
    mv "$file.new" "$file"
    echo "$file"
done
