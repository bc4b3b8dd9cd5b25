# Sourced by inside.sh: what its steps are made of.

ours=/usr/lib/libpq-oxide/libpq.so.5
theirs=/lib/x86_64-linux-gnu/libpq.so.5

say() {
    printf '%4d s  %s\n' "$SECONDS" "$*"
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# same WHAT EXPECTED FOUND
same() {
    [ "$2" = "$3" ] || fail "$1"$'\n'"expected: $2"$'\n'"found:    $3"
}

# wait_for WHAT COMMAND...: waits until it succeeds.
wait_for() {
    local what=$1
    shift
    for _ in $(seq 300); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "waited 30 seconds for $what"
}

apt_get() {
    apt-get -q -y -o Dpkg::Options::=--force-confdef "$@" >/test/apt.log 2>&1 || { cat /test/apt.log; fail "apt-get $*"; }
}

as_postgres() {
    (cd /tmp && runuser -u postgres -- env PGDATABASE=client PGCLIENTENCODING=UTF8 PYTHONDONTWRITEBYTECODE=1 "$@")
}

# All files with what dpkg or a maintainer script could change, except those that record what was done. Contents below /etc.
list_files() {
    find / \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /test -o -path /var/log -o -path /var/cache \
        -o -path /var/lib/postgresql -o -path /var/lib/apt -o -path '/var/lib/dpkg/[^i]*' -o -path /etc/ld.so.cache \) -prune -o \
        \( -type d -printf '%p %y %m %u:%g\n' -o -printf '%p %y %m %u:%g %s %l\n' \) | sort
    find /etc -type f ! -name ld.so.cache -exec md5sum {} + | sort
}

# What ld.so.cache answers for libpq.
cached() {
    ldconfig -p | sed -n 's/.*libpq\.so\.5 .*=> //p'
}

snapshots=()

# add PACKAGE: installs it with apt, from the file.
add() {
    list_files >"/test/before-$1"
    cached >"/test/cached-$1"
    snapshots+=("$1")
    apt_get install "$(ls /test/"$1"_*.deb)"
}

# Purges the package that was installed last; the system is as before.
purge_last() {
    local package=${snapshots[-1]}
    apt_get purge "$package"
    same "$package left its mark on dpkg" "" "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -v not-installed)"
    list_files >/test/after
    diff "/test/before-$package" /test/after || fail "files differ after purging $package"
    same "ld.so.cache after purging $package" "$(cat "/test/cached-$package")" "$(cached)"
    unset 'snapshots[-1]'
    say "$package purged: files and ld.so.cache as before"
}
