#!/bin/bash
# Installs the library with cargo-c in a temporary directory and checks what it wrote. Needs cargo-c (cargo install cargo-c);
# hosted CI runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$(mktemp -d /tmp/pq-capi.XXXXXX)
trap 'rm -rf "$directory"' EXIT
cargo cinstall --locked --release --library-type=cdylib --prefix="$directory" --libdir="$directory/lib"
library=$directory/lib/libpq.so.5
soname=$(readelf --dynamic --wide "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
[ "$soname" = libpq.so.5 ] || { echo "the soname is $soname" >&2; exit 1; }
diff include/exports.txt <(nm -D --defined-only --format=just-symbols "$library" | LC_ALL=C sort)
for header in libpq-fe.h libpq-events.h postgres_ext.h pg_config.h libpq/libpq-fs.h; do
    cmp "include/$header" "$directory/include/$header"
done
export PKG_CONFIG_LIBDIR=$directory/lib/pkgconfig
[ "$(pkg-config --modversion libpq)" = 19.0 ]
# shellcheck disable=SC2046
cc -Wall -Werror -o "$directory/pool" examples/pool.c $(pkg-config --cflags --libs libpq)
LD_LIBRARY_PATH=$directory/lib ldd "$directory/pool" | grep "=> $directory/lib/libpq.so.5 "
echo "cargo-c installs libpq.so.5 with the $(wc -l <include/exports.txt) functions of include/exports.txt"
