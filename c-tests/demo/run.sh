#!/bin/bash
# Runs psql and connection pools on this library, and stops a server under load with and without GoAway. As root it installs
# the packages that it needs. It stops everything that it starts.
set -euo pipefail
cd "$(dirname "$0")/../.."
. c-tests/lib/cache.sh
. c-tests/lib/progress.sh

say() { printf '\n%4d s  %s\n' "$SECONDS" "$*"; }
show() { printf '    $ %s\n' "$*"; }

directory=
proxy=
finish() {
    status=$?
    trap '' INT TERM
    trap - EXIT
    stop_job
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
    case $status in
    0) say "Shown: Debian's psql and two connection pools ran on this library; with GoAway a server with 100 connections" \
        "stopped at once and no query failed, without it queries failed or the stop waited for the clients." ;;
    130 | 143) printf '\nInterrupted after %d s: everything that the demo started is stopped, and its files are removed.\n' "$SECONDS" ;;
    *) printf '\nThe demo failed after %d s; everything that it started is stopped.\n' "$SECONDS" ;;
    esac
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/demo"
target=$(cd "$target" && pwd)
libraries=$target/release

echo "The demo takes a minute once everything is compiled. The first time it compiles for about five minutes (two cores)."
say "Installing PostgreSQL 15, a C compiler and psycopg, if they are missing (log: $target/demo/setup.log)"
with_progress "set-up" "$target/demo/setup.log" line_detail c-tests/setup.sh demo
bin=/usr/lib/postgresql/15/bin

say "Building the library and goaway-proxy (log: $target/demo/build.log)"
export CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=100 CARGO_TERM_COLOR=never
with_progress "build" "$target/demo/build.log" cargo_detail make --no-print-directory all proxy
ls -l "$libraries/libpq.so"

directory=$(mktemp -d /tmp/libpq-oxide-demo.XXXXXX)
chmod 755 "$directory"
if [ "$(id -u)" = 0 ]; then
    chown "$service_user" "$directory"
fi
say "Starting a temporary PostgreSQL in $directory"
as_user "$bin/initdb" -D "$directory/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
# A Unix socket only: no TCP port can be in use already.
as_user "$bin/pg_ctl" start -w -s -D "$directory/data" -l "$directory/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$directory' -c fsync=off"
real="host=$directory user=postgres dbname=postgres"

# Everything below runs on this library.
export LD_LIBRARY_PATH=$libraries
export PSQLRC=/dev/null PGSERVICEFILE=/dev/null

say "Debian's psql, unmodified, runs on this library"
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

say "goaway-proxy in front of the server: no released PostgreSQL sends a GoAway"
program=$target/release/goaway-proxy
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

say "psql prints a GoAway if the connection string says goaway=notice; the session continues"
show "psql \"$front goaway=notice\""
"$bin/psql" "$front goaway=notice" -a -v ON_ERROR_STOP=1 <<SQL
SELECT 'hello';
\\! $program ctl --control $control goaway
SELECT 'the session continues';
SQL

say "A connection pool in C, examples/pool.c, opens a new connection after a GoAway"
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

say "A server is stopped under 100 connections of psycopg's pools, and the next host takes over (c-tests/demo/drain.py)"
start_job env -u LD_LIBRARY_PATH "$cache/python/bin/python" -B c-tests/demo/drain.py --short stock-8 fast goaway-0 goaway-2
end_job
