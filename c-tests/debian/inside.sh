#!/bin/bash
# Installs the packages in /test on this system, uses them as their descriptions say, and purges them. check.sh runs it in a throw-away
# system without a network.
set -euo pipefail
. /test/steps.sh
ip link set lo up

server() {
    pg_ctlcluster 15 main "$@"
}

clients=(psql pg_dump psycopg2 ruby perl php)

# client NAME: one real session.
client() {
    case $1 in
    psql) psql -XAtc 'SELECT 6 * 7' ;;
    # Its key for psql's restricted mode is random.
    pg_dump) pg_dump --schema-only | sed '/restrict /d' ;;
    psycopg2) python3 /test/psycopg2_client.py ;;
    ruby) ruby -rpg -e 'conn = PG.connect(""); puts conn.exec_params("SELECT $1::int * 7", [6]).getvalue(0, 0)' ;;
    perl) perl /test/dbd_pg_client.pl ;;
    php) php /test/php_pgsql_client.php ;;
    esac
}
export -f client

# clients_load EXPECTED OUTPUT [VARIABLE=VALUE]: each client works, and loads this libpq alone. ld.so itself says which.
clients_load() {
    local expected=$1 output=$2 name
    shift 2
    mkdir -p "$output"
    for name in "${clients[@]}"; do
        rm -rf /tmp/loaded
        mkdir -m 1777 /tmp/loaded
        as_postgres dropdb --if-exists client 2>/dev/null
        PGDATABASE=postgres as_postgres createdb -T template0 client
        as_postgres env "$@" LD_DEBUG=libs LD_DEBUG_OUTPUT=/tmp/loaded/by bash -c "client $name" >"$output/$name" 2>"$output/errors" ||
            { cat "$output/errors"; fail "$name, which should have loaded $expected"; }
        [ -s "$output/$name" ] || fail "$name printed nothing"
        same "libpq of $name" "$expected" "$(sed -n 's/.*calling init: \(.*libpq\.so.*\)/\1/p' /tmp/loaded/by.* | sort -u)"
    done
    say "${clients[*]}: all on $expected"
}

# The number that a driver gets from PQlibVersion.
lib_version() {
    as_postgres "$@" ruby -rpg -e 'puts PG.library_version'
}

library() {
    same "ld.so.cache of a fresh system" "$theirs" "$(cached)"
    clients_load "$theirs" /test/theirs
    add libpq5-oxide
    same "ld.so.cache with libpq5-oxide alone" "$theirs" "$(cached)"
    clients_load "$theirs" /test/still_theirs
    clients_load "$ours" /test/ours LD_LIBRARY_PATH=/usr/lib/libpq-oxide
    diff -r -x errors /test/theirs /test/ours || fail "the clients print something else on libpq-oxide"
    same "PQlibVersion" 190000 "$(lib_version env LD_LIBRARY_PATH=/usr/lib/libpq-oxide)"
}

# A backend that connects to another server.
dblink() {
    as_postgres psql -XAtqc "CREATE EXTENSION IF NOT EXISTS dblink" \
        -c "SELECT n FROM dblink('dbname=client', 'SELECT 42') AS t (n int)" \
        -c "SELECT DISTINCT regexp_replace(line, '.* ', '') FROM regexp_split_to_table(pg_read_file('/proc/self/maps'), '\n') AS line
            WHERE line LIKE '%libpq.so%'"
}

by_default() {
    add libpq-oxide-default
    same "ld.so.cache with libpq-oxide-default" "$ours"$'\n'"$theirs" "$(cached)"
    clients_load "$ours" /test/ours_by_default
    same "PQlibVersion" 190000 "$(lib_version)"
    same "dblink in a running server" "42"$'\n'"$(readlink -f $ours)" "$(dblink)"
    # Removing is enough to undo it, without purging.
    apt_get remove libpq-oxide-default
    same "ld.so.cache after removing libpq-oxide-default" "$theirs" "$(cached)"
    clients_load "$theirs" /test/theirs_again
    apt_get install "$(ls /test/libpq-oxide-default_*.deb)"
    # pgloader speaks the protocol itself: it works as before.
    as_postgres sh -c 'printf "1,one\n2,two\n" >/tmp/rows.csv; psql -qc "CREATE TABLE rows (a int, b text)"'
    as_postgres env LD_DEBUG=libs LD_DEBUG_OUTPUT=/tmp/loaded/pgloader pgloader --type csv --with "fields terminated by ','" \
        /tmp/rows.csv 'pgsql:///client?rows' >/test/pgloader.log 2>&1 || { cat /test/pgloader.log; fail pgloader; }
    same "rows of pgloader" "1|one"$'\n'"2|two" "$(as_postgres psql -XAtc 'SELECT * FROM rows ORDER BY a')"
    if grep -q 'calling init: .*libpq' /tmp/loaded/pgloader.*; then
        fail "pgloader uses libpq: move it to the clients"
    fi
    say "pgloader works, without any libpq"
}

flags() {
    PKG_CONFIG_PATH=/usr/lib/libpq-oxide/pkgconfig pkg-config "$@" libpq
}

# dependencies PROGRAM: what dpkg-shlibdeps makes of its use of libpq.
dependencies() {
    (cd /test/program && dpkg-shlibdeps -O -l/usr/lib/libpq-oxide "$1" 2>/test/shlibdeps.log | tr ',' '\n' | grep -o 'libpq.*' | sort)
}

development() {
    add libpq-oxide-dev
    mkdir -p /test/program/debian
    printf 'Source: program\n\nPackage: program\nArchitecture: any\nDescription: program\n' >/test/program/debian/control
    cat >/test/program/ordinary.c <<'EOF'
#include <libpq-fe.h>
#include <stdio.h>
int main(void)
{
    PGconn *conn = PQconnectdb("");
    PGresult *result = PQexec(conn, "SELECT 'ordinary'");
    puts(PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    return 0;
}
EOF
    cd /test/program
    # shellcheck disable=SC2046 # several flags
    {
        cc -Wall -Werror -o ordinary ordinary.c $(flags --cflags --libs)
        cc -Wall -Werror -o pool ../pool.c $(flags --cflags --libs)
        cc -Wall -Werror -o static ../pool.c $(flags --static --cflags --libs | sed 's/-lpq/-l:libpq.a/')
    }
    cd /
    same "an ordinary program" ordinary "$(as_postgres /test/program/ordinary)"
    same "its dependencies" "libpq5 | libpq-oxide-default" "$(dependencies ordinary)"
    same "the dependencies of a program with PQgoAwayReceived" "libpq-oxide-default (>= 0.2.0)"$'\n'"libpq5 | libpq-oxide-default" \
        "$(dependencies pool)"
    for program in pool static; do
        as_postgres sh -c "echo SELECT 1 | /test/program/$program dbname=client" | grep -q '^1 (server process' || fail "$program"
    done
    same "pkg-config without the path" "$(dpkg-query -W -f '${Version}' libpq-dev | sed 's/-.*//')" "$(pkg-config --modversion libpq)"
    say "programs compile with libpq-oxide-dev beside libpq-dev, and dpkg-shlibdeps names their dependencies"
}

# Repacks goaway-proxy as an older version with another default.
older_proxy() {
    dpkg-deb -R /test/goaway-proxy_*.deb /test/older
    sed -i 's/^Version: .*/Version: 0.0.1-1/' /test/older/DEBIAN/control
    sed -i 's/--spread 5/--spread 4/' /test/older/etc/default/goaway-proxy
    dpkg-deb --root-owner-group -b /test/older /test/older.deb >/dev/null
}

# The maintainer scripts take this system for one that systemd runs. /test/invoked has what they do to services.
pretend_systemd_runs() {
    mkdir -p /run/systemd/system
    mv /usr/bin/deb-systemd-invoke /test/
    printf '#!/bin/sh\necho "$*" >>/test/invoked\n' >/usr/bin/deb-systemd-invoke
    chmod 755 /usr/bin/deb-systemd-invoke
    : >/test/invoked
}

upgrade_of_the_proxy() {
    local conffile=/etc/default/goaway-proxy new
    new=$(ls /test/goaway-proxy_*.deb)
    older_proxy
    list_files >/test/before-upgrade
    pretend_systemd_runs
    apt_get install /test/older.deb
    apt_get install "$new"
    grep -q -e '--spread 5' $conffile || fail "the upgrade did not bring the new default"
    same "what an installation and an upgrade do to the service" "" "$(cat /test/invoked)"
    apt_get purge goaway-proxy
    same "what a removal does to the service" "stop goaway-proxy.service" "$(cat /test/invoked)"
    apt_get install /test/older.deb
    sed -i 's/--deadline 60/--deadline 61/' $conffile
    apt_get install "$new"
    grep -q -e '--spread 4 --deadline 61' $conffile || fail "the upgrade changed a file that was edited"
    apt_get remove goaway-proxy
    [ -e $conffile ] || fail "removing the package removed its settings"
    apt_get purge goaway-proxy
    mv /test/deb-systemd-invoke /usr/bin/
    rm -r /run/systemd/system
    list_files | diff /test/before-upgrade - || fail "files differ after an upgrade and purging"
    say "an upgrade of goaway-proxy does not restart it, and keeps an edited /etc/default/goaway-proxy"
}

# Runs the unit's command with its environment, as systemd would.
proxy_as_the_unit_starts_it() {
    local command
    command=$(sed -n 's/^ExecStart=//p' /lib/systemd/system/goaway-proxy.service)
    mkdir -p /run/goaway-proxy
    chown nobody: /run/goaway-proxy
    (
        set -a
        . /etc/default/goaway-proxy
        RUNTIME_DIRECTORY=/run/goaway-proxy
        exec setpriv --reuid nobody --regid nogroup --clear-groups sh -c "exec $command"
    ) >/test/proxy.log 2>&1 &
    proxy=$!
}

proxy() {
    upgrade_of_the_proxy
    add goaway-proxy
    same "conffiles" "/etc/default/goaway-proxy" "$(dpkg-query -W -f '${Conffiles}' goaway-proxy | awk '{ print $1 }' | xargs)"
    same "the service after the installation" disabled "$(systemctl is-enabled goaway-proxy)"
    same "systemd-analyze" "" "$(systemd-analyze --man=no verify /lib/systemd/system/goaway-proxy.service 2>&1 | grep goaway-proxy)"
    zcat /usr/share/man/man1/goaway-proxy.1.gz | grep -q '^.TH' || fail "the manual page"
    as_postgres psql -qc "CREATE ROLE app LOGIN PASSWORD 'secret'"
    proxy_as_the_unit_starts_it
    wait_for "the proxy" goaway-proxy ctl status
    same "a query through the proxy" 42 \
        "$(as_postgres env PGPASSWORD=secret psql -XAt -h 127.0.0.1 -p 6432 -U app -c 'SELECT 6 * 7')"
    kill -s TERM $proxy
    wait $proxy || fail "the proxy ended with status $?: $(cat /test/proxy.log)"
    say "goaway-proxy serves with the command of its unit, which is not enabled, and drains"
}

module() {
    add postgresql-15-goaway
    as_postgres psql -qc "ALTER SYSTEM SET shared_preload_libraries = 'pg_goaway'"
    server restart
    same "the functions" 0 "$(as_postgres psql -XAtqc 'CREATE EXTENSION pg_goaway' -c 'SELECT count(*) FROM pg_goaway_status')"
    as_postgres python3 /test/drain_client.py >/test/told_psycopg2 &
    local psycopg2=$!
    { echo SELECT 1; sleep 40; } | as_postgres /test/program/pool dbname=client >/test/told_pool &
    wait_for "psycopg2" grep off /test/told_psycopg2
    wait_for "the pool" grep '^1 ' /test/told_pool
    server stop -m smart
    wait $psycopg2 || fail "the client ended with status $?"
    same "what psycopg2 was told" "off"$'\n'"on" "$(cat /test/told_psycopg2)"
    wait_for "the pool's connection to be closed" grep 'closed: the server asks for it' /test/told_pool
    grep -q 'asked to disconnect: 2, told: 2, left: 2, terminated: 0' /var/log/postgresql/*.log || fail "the server's log"
    server start
    as_postgres psql -qc 'DROP EXTENSION pg_goaway' -c 'ALTER SYSTEM RESET shared_preload_libraries'
    server restart
    say "pg_goaway tells clients of psycopg2 and of libpq-oxide when the server is stopped smartly"
}

server start
library
by_default
development
proxy
module
while [ "${#snapshots[@]}" -gt 0 ]; do
    purge_last
done
clients_load "$theirs" /test/theirs_at_last
server stop
say "done"
