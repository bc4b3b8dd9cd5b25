#!/bin/bash
# Builds the oracle: PostgreSQL 18 from Debian's source package, server, programs, contrib and test modules, outside
# the checkout. Its libpq is what our library is compared with. A second call does nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/cache.sh"
. "$here/../lib/apt-source.sh"

# Raise this when the way it is built changes.
recipe=2
# "postgres" in the prefix keeps all files below it: see pkglibdir in PostgreSQL's Makefile.global.
prefix=$cache/postgresql-18
stamp=$cache/oracle.stamp
if [ "$(cat "$stamp" 2>/dev/null)" = "$recipe" ]; then
    exit 0
fi

mkdir -p "$cache"
chmod 755 "$cache"
exec 9>"$cache/oracle.lock"
flock 9
if [ "$(cat "$stamp" 2>/dev/null)" = "$recipe" ]; then
    exit 0
fi

echo "Building the oracle, PostgreSQL 18, in $cache (once, some minutes)"
mkdir -p "$cache/src"
source_tree() {
    find "$cache/src" -mindepth 1 -maxdepth 1 -type d -name 'postgresql-18-18*' | head -n 1
}
if [ ! -e "$cache/src/unpacked" ]; then
    rm -rf "$cache/src"/postgresql-18*
    fetch_source postgresql-18 sid "$cache/src"
    touch "$cache/src/unpacked"
fi
source=$(source_tree)

rm -rf "$cache/build" "$prefix"
mkdir -p "$cache/build" "$prefix"
if [ "$(id -u)" = 0 ]; then
    chown -R "$service_user:" "$cache/src" "$cache/build" "$prefix"
fi

log=$cache/build.log
jobs=${LIBPQ_OXIDE_JOBS:-$(nproc)}
if ! as_user bash -euc '
    source=$1 build=$2 prefix=$3 jobs=$4
    cd "$build"
    "$source/configure" --prefix="$prefix" --enable-tap-tests --enable-injection-points --without-perl --with-openssl \
        --with-gssapi --with-ldap --with-libcurl --with-lz4 --with-zstd --with-python --with-icu --with-readline PYTHON=/usr/bin/python3
    export MAKEFLAGS= MAKELEVEL=
    make -j "$jobs" world-bin
    make -j "$jobs" -C src/test/modules
    make -j "$jobs" -C src/interfaces/libpq/test
    make -j "$jobs" -C src/test/regress
    make -j "$jobs" -C src/test/isolation
    make install-world-bin
' bash "$source" "$cache/build" "$prefix" "$jobs" >"$log" 2>&1 9>&-; then
    tail -n 40 "$log" >&2
    echo "The oracle's build failed; the whole log is $log" >&2
    exit 1
fi
echo "$recipe" >"$stamp"
