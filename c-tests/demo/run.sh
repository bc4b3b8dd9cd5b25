#!/bin/bash
# psql on this library, and a GoAway arriving. Installs what it needs (as root), leaves nothing running.
set -euo pipefail
cd "$(dirname "$0")/../.."
. c-tests/lib/cache.sh

say() { printf '\n%s  %s\n' "$(date +%T.%3N)" "$*"; }
show() { printf '    $ %s\n' "$*"; }

directory=
server=
finish() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    if [ -n "$directory" ]; then
        if [ -e "$directory/data/postmaster.pid" ]; then
            as_user "$bin/pg_ctl" stop -m immediate -w -s -D "$directory/data" || true
        fi
        rm -rf "$directory"
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

begin=$SECONDS
say "Packages: PostgreSQL 15 and a C compiler, unless they are here"
c-tests/setup.sh demo
bin=/usr/lib/postgresql/15/bin

say "Building the library"
make --no-print-directory all
cargo build --locked --quiet --example goaway-server
target=${CARGO_TARGET_DIR:-target}
target=$(cd "$target" && pwd)
libraries=$target/release
ls -l "$libraries/libpq.so"

directory=$(mktemp -d /tmp/libpq-oxide-demo.XXXXXX)
chmod 755 "$directory"
if [ "$(id -u)" = 0 ]; then
    chown "$service_user" "$directory"
fi
say "Starting a temporary PostgreSQL in $directory"
as_user "$bin/initdb" -D "$directory/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
# Only a Unix socket, so no port can be taken.
as_user "$bin/pg_ctl" start -w -s -D "$directory/data" -l "$directory/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$directory' -c fsync=off"
real="host=$directory user=postgres dbname=postgres"

# Everything below runs on our library.
export LD_LIBRARY_PATH=$libraries
export PSQLRC=/dev/null PGSERVICEFILE=/dev/null

say "Debian's psql, unmodified, loads our libpq"
show "ldd $bin/psql | grep libpq"
ldd "$bin/psql" | grep libpq
show "psql \"$real\""
"$bin/psql" "$real" -v ON_ERROR_STOP=1 <<'SQL'
\conninfo
SELECT version();
CREATE TABLE animal (id int GENERATED ALWAYS AS IDENTITY, name text, legs int);
\copy animal (name, legs) FROM PROGRAM 'printf "elephant 🐘,4\nbee,6\nsnake,\n"' (FORMAT csv)
SELECT * FROM animal ORDER BY legs NULLS FIRST;
\copy (SELECT name FROM animal WHERE legs > 4) TO STDOUT
SQL

say "A server that asks its clients to go away (a script: no PostgreSQL of today does)"
"$target/debug/examples/goaway-server" >"$directory/goaway-server" &
server=$!
until [ -s "$directory/goaway-server" ]; do
    kill -0 "$server"
    sleep 0.05
done
scripted=$(cat "$directory/goaway-server")

say "psql shows it when asked to: goaway=notice"
show "psql \"$scripted goaway=notice\" -c \"SELECT 'hello'\""
"$bin/psql" "$scripted goaway=notice" -c "SELECT 'hello'"

say "A connection pool: examples/pool.c, compiled with our headers"
show "cc examples/pool.c -Iinclude -lpq"
"${CC:-cc}" -std=gnu99 -Wall -Wextra -Iinclude -o "$directory/pool" examples/pool.c -L"$libraries" -lpq
show "pool \"$scripted\""
"$directory/pool" "$scripted"
wait "$server"
server=

say "The same pool on the real PostgreSQL, which never heard of GoAway"
"$directory/pool" "$real" 1

say "Done after $((SECONDS - begin)) seconds; stopping the server"
