# Sourced. Runs commands in a root directory, in namespaces of their own: when they end, or when this script ends in whatever way, the kernel
# stops what they started and removes what they mounted.

# The process that holds the namespaces.
holder=

# in_root DIRECTORY NETWORK COMMAND...: NETWORK is "online" for the machine's network, or "offline" for a loopback device of its own.
in_root() {
    local directory=$1 namespaces=(--mount --pid --ipc --uts)
    [ "$2" = online ] || namespaces+=(--net)
    shift 2
    # shellcheck disable=SC2016 # the inner shell expands it
    setpriv --pdeathsig KILL unshare "${namespaces[@]}" --fork --kill-child bash -c '
        set -e
        mount -t proc proc "$1/proc"
        [ ! -d "$1/dev" ] || mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
        directory=$1
        shift
        exec chroot "$directory" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            LANG=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"' bash "$directory" "$@" </dev/null &
    holder=$!
    wait "$holder"
    holder=
}

# For a trap: ends what in_root runs, and removes a directory that it used.
leave_root() {
    [ -z "$holder" ] || kill -s KILL "$holder" 2>/dev/null || true
    local try
    for try in 1 2 3; do
        rm -rf --one-file-system "$1" 2>/dev/null && return
        sleep "$try"
    done
    echo "could not remove $1" >&2
}

# Says what is missing to use namespaces.
namespaces_work() {
    local reason
    reason=$(unshare --mount --pid --ipc --uts --net --fork mount -t proc proc /proc 2>&1) && return
    echo "This test needs mount, process and network namespaces, which are not permitted here ($reason)." >&2
    echo "Run it as root on a machine, in a virtual machine, or in a container with the capability SYS_ADMIN." >&2
    return 1
}
