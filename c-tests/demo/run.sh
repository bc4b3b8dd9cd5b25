#!/bin/bash
# psql and a pool on this library, and a server stopped under load. Installs what it needs (as root), leaves nothing running.
set -euo pipefail
cd "$(dirname "$0")/../.."
. c-tests/lib/cache.sh

say() { printf '\n%s  %s\n' "$(date +%T.%3N)" "$*"; }
show() { printf '    $ %s\n' "$*"; }

directory=
proxy=
finish() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$proxy" ]; then
        kill -KILL "$proxy" 2>/dev/null || true
        wait "$proxy" 2>/dev/null || true
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
say "Packages: PostgreSQL 15, a C compiler and psycopg, unless they are here"
c-tests/setup.sh demo
bin=/usr/lib/postgresql/15/bin

say "Building the library and goaway-proxy"
make --no-print-directory all proxy
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

say "goaway-proxy in front of it: no PostgreSQL of today sends a GoAway by itself"
program=$target/proxy/goaway-proxy
control=$directory/control
mkdir "$directory/proxy"
show "goaway-proxy --listen $directory/proxy --server $directory:5432"
"$program" --listen "$directory/proxy" --server "$directory:5432" --control "$control" --trust-local --spread 0 \
    2>"$directory/proxy.log" &
proxy=$!
until "$program" ctl --control "$control" status >/dev/null 2>&1; do
    kill -0 "$proxy"
    sleep 0.05
done
front="host=$directory/proxy user=postgres dbname=postgres"

say "psql shows a GoAway when asked to: goaway=notice"
show "psql \"$front goaway=notice\""
"$bin/psql" "$front goaway=notice" -a -v ON_ERROR_STOP=1 <<SQL
SELECT 'hello';
\\! $program ctl --control $control goaway
SELECT 'the session goes on';
SQL

say "A connection pool, which lets go by itself: examples/pool.c, compiled with our headers"
show "cc examples/pool.c -Iinclude -lpq"
"${CC:-cc}" -std=gnu99 -Wall -Wextra -Iinclude -o "$directory/pool" examples/pool.c -L"$libraries" -lpq
show "pool \"$front\""
{
    echo "SELECT 'first query'"
    sleep 0.5
    "$program" ctl --control "$control" goaway >/dev/null
    sleep 0.5
    echo "SELECT 'second query'"
} | "$directory/pool" "$front"

say "A server is stopped under load: 100 connections of psycopg's pools; the next host takes over (c-tests/demo/drain.py)"
env -u LD_LIBRARY_PATH "$cache/python/bin/python" -B c-tests/demo/drain.py --short stock-8 fast goaway-0 goaway-2

say "Done after $((SECONDS - begin)) seconds; stopping the server"
