#!/bin/bash
# Builds the oracle's server program again, with assertions, from the source that build.sh fetched. The tests run it
# in a copy of the oracle's installation. Does nothing if it is already built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/cache.sh"
. "$here/../lib/progress.sh"

# Increase this when the way it is built changes.
recipe=1
directory=$cache/assertions
stamp=$directory/stamp
if [ "$(cat "$stamp" 2>/dev/null)" = "$recipe" ]; then
    exit 0
fi

mkdir -p "$directory"
exec 9>"$directory/lock"
flock 9
if [ "$(cat "$stamp" 2>/dev/null)" = "$recipe" ]; then
    exit 0
fi

echo "Building PostgreSQL 18's server with assertions, in $directory (once, about 5 minutes on two cores; log: $directory/build.log)"
trap 'stop_job' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
source=$(find "$cache/src" -mindepth 1 -maxdepth 1 -type d -name 'postgresql-18-18*' | head -n 1)
rm -rf "$directory/build"
mkdir -p "$directory/build"
if [ "$(id -u)" = 0 ]; then
    chown -R "$service_user:" "$directory"
fi

log=$directory/build.log
jobs=${LIBPQ_OXIDE_JOBS:-$(nproc)}
# make -s prints nothing, so the number of object files is the progress.
assertions_detail() {
    echo "compiled $(find "$directory/build" -name '*.o' | wc -l) of about 870 files"
}
with_progress "server with assertions" "$log" assertions_detail as_user bash -euc '
    source=$1 directory=$2 prefix=$3 jobs=$4
    cd "$directory/build"
    "$source/configure" --prefix="$prefix" --enable-cassert --enable-injection-points --without-perl --with-openssl \
        --with-gssapi --with-ldap --with-lz4 --with-zstd --with-icu --without-readline CFLAGS="-O1 -g0"
    export MAKEFLAGS= MAKELEVEL=
    make -s -j "$jobs" -C src/backend generated-headers
    make -s -j "$jobs" -C src/backend all
    cp src/backend/postgres "$directory/postgres"
' bash "$source" "$directory" "$cache/postgresql-18" "$jobs"
rm -rf "$directory/build"
echo "$recipe" >"$stamp"
