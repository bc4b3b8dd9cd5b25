#!/bin/bash
# make check-reproducible: builds the commit twice and compares the bytes. The two builds differ in their folder, CARGO_HOME, time
# zone, locale and umask, and in where the sources of the dependencies come from: the registry, and the source archive, without a
# network.
#
#   packaging/check_reproducible.sh ARCHIVE
set -euo pipefail
archive=$(realpath "${1:?usage: packaging/check_reproducible.sh ARCHIVE}")
cd "$(dirname "$0")/.."
. packaging/common.sh
needs git tar sha256sum

directory=$(mktemp -d "${TMPDIR:-/tmp}/pq-reproducible.XXXXXX")
trap 'rm -rf "$directory"' EXIT

mkdir "$directory/first"
unpack_commit "$directory/first"
build_in "$directory/first/$name" "$directory/first/cargo"

second=$directory/second/a-folder-with-a-longer-name
mkdir -p "$second"
tar -x -C "$second" -f "$archive"
find_offline
(
    umask 077
    build_locale=C.UTF-8 build_zone=Asia/Kolkata
    build_in "$second/$name" "$directory/second/home-of-cargo" "${offline[@]}" env CARGO_NET_OFFLINE=true
)

different=0
for file in libpq.so libpq.a static/libpq.a goaway-proxy; do
    sums=$(sha256sum "$directory/first/$name/target/release/$file" "$second/$name/target/release/$file" | cut -d ' ' -f 1)
    if [ "$(echo "$sums" | sort -u | wc -l)" = 1 ]; then
        echo "$file: twice $(echo "$sums" | head -n 1)"
    else
        echo "$file: different: " $sums
        different=1
    fi
    if grep -q -F -e "$directory" -e "$HOME/" "$directory/first/$name/target/release/$file"; then
        echo "$file has paths of this machine in it"
        different=1
    fi
done
if [ "$different" = 1 ] && [ -n "${KEEP:-}" ]; then
    trap - EXIT
    echo "The builds are in $directory"
fi
exit "$different"
