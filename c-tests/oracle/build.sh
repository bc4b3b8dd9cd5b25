#!/bin/bash
# Builds the oracle outside the checkout: PostgreSQL 18 from Debian's source package, with server, programs, contrib
# and test modules. Our library is compared with its libpq. Does nothing if it is already built; otherwise it takes 10
# to 20 minutes on two cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/cache.sh"
. "$here/../lib/progress.sh"
. "$here/source.sh"

# Increase this when the way it is built changes.
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

echo "Building the oracle, PostgreSQL $source_version, in $cache: once, 10 to 20 minutes on two cores, 0.5 GB (log: $cache/build.log)"
trap 'stop_job' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$cache/src"
source_tree() {
    find "$cache/src" -mindepth 1 -maxdepth 1 -type d -name 'postgresql-18-18*' | head -n 1
}
if [ ! -e "$cache/src/unpacked" ]; then
    rm -rf "$cache/src"/postgresql-18-18*
    fetch_source "$cache/src"
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
# The number of compiler calls in the log.
oracle_detail() {
    echo "compiled $(grep -c -- ' -c ' "$1") of about 1820 files"
}
with_progress "oracle" "$log" oracle_detail as_user bash -euc '
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
' bash "$source" "$cache/build" "$prefix" "$jobs"
echo "$recipe" >"$stamp"
