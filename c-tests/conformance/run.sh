#!/bin/bash
# Runs PostgreSQL's own test suites with C libpq and with ours, using the programs from the oracle's build. Fails if a
# subtest passes with C libpq but not with ours, unless differences.tsv lists it.
#
#   run.sh [--all] [--c-in-server] [SUITE...]
#
# Without SUITE it runs the short suites of suites.tsv, and with --all the long ones too. Programs load the library
# under test through LD_LIBRARY_PATH, which has priority over their RUNPATH. So do the servers that they start, for
# dblink, postgres_fdw and the walreceiver. With --c-in-server the servers use C libpq, which shows on which side a
# failure is. LIBPQ_OXIDE_LIB is the directory of the library under test; by default it is the release build. The
# results with C libpq are cached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/cache.sh"

all= c_in_server=
while [[ ${1-} == --* ]]; do
    case $1 in
        --all) all=1 ;;
        --c-in-server) c_in_server=1 ;;
        *) echo "usage: $0 [--all] [--c-in-server] [SUITE...]" >&2 && exit 2 ;;
    esac
    shift
done
chosen=("$@")

# One name with three addresses, for load balancing over DNS, in a mount namespace of our own. If we may not create
# one, that test file is skipped for both libraries.
if [ "$(id -u)" = 0 ] && [ -z "${CONFORMANCE_NAMESPACE-}" ]; then
    export CONFORMANCE_NAMESPACE=none
    if unshare --mount mount --bind /etc/hosts /etc/hosts 2>/dev/null; then
        CONFORMANCE_NAMESPACE=private
        exec unshare --mount "$here/run.sh" ${all:+--all} ${c_in_server:+--c-in-server} "${chosen[@]}"
    fi
fi

build=$cache/build
state=$cache/conformance
ours=$(cd "${LIBPQ_OXIDE_LIB:-${CARGO_TARGET_DIR:-$here/../../target}/release}" && pwd)/libpq.so
version=$(find "$cache/src" -mindepth 1 -maxdepth 1 -type d -name 'postgresql-18-18*' -printf '%f\n')
# The suites themselves skip tests for features that the machine lacks, for both libraries.
extra='ssl oauth libpq_encryption'
[ "${CONFORMANCE_NAMESPACE:-none}" = none ] || extra+=' load_balance'
[ -z "$(command -v krb5kdc)" ] || extra+=' kerberos'
[ -z "$(command -v slapd)" ] || extra+=' ldap'
# Increase this when the measured tests, or the way to run them, change.
recipe=1
on_c="$version $(cat "$cache/oracle.stamp") $recipe $extra"
on_c=${on_c// /-}
jobs=${LIBPQ_OXIDE_JOBS:-$(nproc)}

mkdir -p "$state"
exec 9>"$state/lock"
flock 9
[ "$(id -u)" != 0 ] || chown "$service_user:" "$state"

if [ "${CONFORMANCE_NAMESPACE:-none}" = private ]; then
    { cat /etc/hosts && printf '127.0.0.%d pg-loadbalancetest\n' 1 2 3; } >"$state/hosts"
    chmod 644 "$state/hosts"
    mount --bind "$state/hosts" /etc/hosts
fi

# Creates the installation for the suites, as PostgreSQL's "make check" does, with everything that any suite needs.
installed=$build/tmp_install
prefix=$installed$cache/postgresql-18
make_installation() {
    # Increase the number when the installed files change.
    local stamp=$installed/complete.2
    [ ! -e "$stamp" ] || return 0
    echo "Installing PostgreSQL for its test suites"
    if ! as_user bash -euc '
        build=$1 installed=$2 prefix=$3 stamp=$4
        # Without this word, the module of the suite ldap_password_func is left out.
        export MAKEFLAGS= MAKELEVEL= PG_TEST_EXTRA=ldap
        rm -rf "$installed"
        for part in . contrib src/test/modules; do
            make -C "$build/$part" DESTDIR="$installed" install
        done
        LD_LIBRARY_PATH=$prefix/lib "$prefix/bin/initdb" --auth trust --no-sync --no-instructions --lc-messages=C \
            --no-clean "$installed/initdb-template"
        touch "$stamp"
    ' bash "$build" "$installed" "$prefix" "$stamp" >"$state/install.log" 2>&1 9>&-; then
        tail -n 40 "$state/install.log" >&2
        exit 1
    fi
}

# library NAME FILE: copies a library to a directory that the service user can read.
library() {
    rm -rf "$state/lib/$1"
    mkdir -p "$state/lib/$1"
    cp -L "$2" "$state/lib/$1/libpq.so.5"
}

# With --c-in-server, `postgres` is a script that starts the server with C libpq.
put_c_in_server() {
    as_user bash -euc '
        cd "$1/bin"
        [ ! -e postgres.real ] || mv -f postgres.real postgres
        [ -n "$2" ] || exit 0
        mv postgres postgres.real
        printf "#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s \"\$@\"\n" "$1/lib" "$PWD/postgres.real" >postgres
        chmod 755 postgres
    ' bash "$prefix" "$1"
}

# loads LIBRARY: whether the programs load libpq from the given directory.
loads() {
    as_user env LD_TRACE_LOADED_OBJECTS=1 LD_LIBRARY_PATH="$1:$prefix/lib" "$prefix/bin/psql" |
        grep -F "libpq.so.5 => $1/libpq.so.5 " >/dev/null
}

# run_suite SUITE DIRECTORY LIBRARY RESULTS: runs a suite with the library in that directory and stores the results of
# its subtests. make's exit status is ignored, because the names of passed subtests are compared.
run_suite() {
    local log=$state/log/$4-$1 tap=$state/tap
    rm -rf "$tap" "$log"
    as_user mkdir -p "$tap" "$state/log" "$state/results/$4"
    as_user env TMPDIR=/tmp PERL_TEST_HARNESS_DUMP_TAP="$tap" PG_TEST_EXTRA="$extra" \
        timeout --kill-after=30 "${CONFORMANCE_TIMEOUT:-3600}" make --silent --ignore-errors -C "$build/$2" check \
        NO_TEMP_INSTALL=yes PROVE_FLAGS="-j $jobs" with_temp_install_extra="LD_LIBRARY_PATH=$3:$prefix/lib" \
        >"$log" 2>&1 9>&- </dev/null || true
    "$here/results.py" collect "$tap" "$log" >"$state/results/$4/$1"
}

# on_c_library SUITE DIRECTORY: the same with C libpq; taken from the cache if all subtests passed the last time.
on_c_library() {
    [ ! -e "$state/results/$on_c/$1" ] || return 0
    put_c_in_server ''
    run_suite "$1" "$2" "$prefix/lib" c
    if ! "$here/results.py" all-passed "$state/results/c/$1"; then
        echo "$1: not all passes on C's library: $state/log/c-$1 and $build/$2" >&2
        return 1
    fi
    mkdir -p "$state/results/$on_c"
    cp "$state/results/c/$1" "$state/results/$on_c/$1"
}

# directory SUITE
directory() {
    awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$here/suites.tsv"
}

# Checks that the comparison can fail: with Debian's libpq 15, the pipeline tests must fail.
negative_control() {
    library debian15 "$(/sbin/ldconfig -p | sed -n 's/.*libpq\.so\.5 .*=> //p' | head -n 1)"
    run_suite libpq_pipeline "$(directory libpq_pipeline)" "$state/lib/debian15" debian15
    "$here/results.py" compare libpq_pipeline "$state/results/$on_c/libpq_pipeline" \
        "$state/results/debian15/libpq_pipeline" /dev/null >"$state/log/negative-control" || true
    if ! grep -F 'passes on C libpq only: t/001_libpq_pipeline.pl' "$state/log/negative-control" >/dev/null; then
        echo "libpq_pipeline passes on Debian's libpq 15: the library under test is not the one that runs" >&2
        exit 1
    fi
}

if [ "${#chosen[@]}" = 0 ]; then
    mapfile -t chosen < <(awk -F '\t' -v all="$all" '!/^#/ && (all || $3 == "short") { print $1 }' "$here/suites.tsv")
fi
for suite in "${chosen[@]}"; do
    [ -n "$(directory "$suite")" ] || { echo "suites.tsv has no $suite" >&2 && exit 2; }
done

make_installation
library ours "$ours"
loads "$state/lib/ours" || { echo "psql does not load $ours" >&2 && exit 1; }
on_c_library libpq_pipeline "$(directory libpq_pipeline)"
negative_control

failed=
"$here/results.py" heading
for suite in "${chosen[@]}"; do
    if "$here/results.py" left-out "$suite" "$here/differences.tsv"; then
        continue
    fi
    if ! on_c_library "$suite" "$(directory "$suite")"; then
        failed=1
        continue
    fi
    put_c_in_server "$c_in_server"
    run_suite "$suite" "$(directory "$suite")" "$state/lib/ours" ours
    "$here/results.py" compare "$suite" "$state/results/$on_c/$suite" "$state/results/ours/$suite" \
        "$here/differences.tsv" || { failed=1 && echo "  logs: $state/log/ours-$suite, $build/$(directory "$suite")"; }
done
put_c_in_server ''
[ -z "$failed" ]
