#!/bin/bash
# Runs a part of the C harness as an ordinary user whose name is no role of the servers, on a copy of the checkout that this
# user can read. Fails if a test fails or if the tests leave files in the temporary directory. Takes under two minutes once
# the harness is compiled.
#
#   c-tests/ordinary_user.sh HARNESS [FILTER...]    the compiled harness; names of tests or modules, instead of those below
#
# make check-ordinary-user compiles it and calls this.
set -euo pipefail
cd "$(dirname "$0")/.."
. c-tests/lib/cache.sh

if [ "$(id -u)" != 0 ]; then
    echo "You are an ordinary user already: make test has run all tests as one."
    exit 0
fi

harness=$1
shift
tests=("$@")
if [ "${#tests[@]}" = 0 ]; then
    tests=(programs::connect programs::service_and_password_files backends::foreign_tables_and_dblink passwords:: directories::
        documents:: clients::psql_files tls::keys)
fi
user=nobody
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
libraries=${LIBPQ_OXIDE_LIB:-$target/release}

directory=$(mktemp -d /tmp/pq-ordinary.XXXXXX)
trap 'rm -rf "$directory"' EXIT
chmod 755 "$directory"
mkdir -m 755 "$directory"/{checkout,target,target/release,target/release/static,home,tmp}
tar -c --exclude=./target --exclude=./.git . | tar -x --no-same-permissions -C "$directory/checkout"
cp -L "$libraries"/libpq.{so,so.5,a} "$directory/target/release/"
cp "$libraries/static/libpq.a" "$directory/target/release/static/"
cp "$harness" "$directory/target/c_tests"
chown -R "$user:" "$directory"/{target,home,tmp}

echo "Running ${tests[*]} as $user"
cd "$directory/checkout"
status=0
setpriv --reuid "$user" --regid "$(id -gn "$user")" --clear-groups \
    env -i PATH="$PATH" HOME="$directory/home" TMPDIR="$directory/tmp" LANG=C.UTF-8 LIBPQ_OXIDE_CACHE="$cache" \
    LIBPQ_OXIDE_CHECKOUT="$directory/checkout" LIBPQ_OXIDE_TARGET="$directory/target" \
    LIBPQ_OXIDE_LIB="$directory/target/release" \
    "$directory/target/c_tests" --test-threads 2 "${tests[@]}" || status=$?

# The shells that clean up end after the tests: on a busy machine, removing a server's files takes more than ten seconds.
for _ in $(seq 600); do
    [ -n "$(ls -A "$directory/tmp")" ] || exit "$status"
    sleep 0.1
done
echo "The tests left files in the temporary directory:" >&2
ls -lA "$directory/tmp" >&2
exit 1
