#!/bin/bash
# Runs a command as root in a Linux of its own: user-mode Linux, from Debian's package user-mode-linux. Its limits are not those
# of this machine: a process may have 100,000 descriptors, which a container often does not permit. It has this machine's files,
# but /tmp, /run and /dev/shm are its own, and its network is the loopback interface.
#
#   c-tests/torture/own_kernel.sh COMMAND...
set -euo pipefail
if ! command -v linux.uml >/dev/null; then
    echo "$0: install the package user-mode-linux" >&2
    exit 1
fi
# Not in /tmp, which the command does not see.
work=$(mktemp -d -p /var/tmp)
trap 'rm -rf "$work"' EXIT
echo 1 >"$work/status"
{
    echo '#!/bin/bash'
    export -p
    cat <<'SCRIPT'
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/shm
for directory in /tmp /run /dev/shm; do
    mount -t tmpfs -o mode=1777 tmpfs "$directory"
done
ip link set lo up
ulimit -n 100000
SCRIPT
    printf 'cd %q\n' "$PWD"
    printf '%q ' "$@"
    printf '\necho $? >%q\n' "$work/status"
    # Turns the machine off. The first process must not end before that.
    echo 'echo o >/proc/sysrq-trigger; sleep 60'
} >"$work/init"
chmod +x "$work/init"
linux.uml mem=2048M rootfstype=hostfs rootflags=/ rw init="$work/init" con=null con0=fd:0,fd:1 loglevel=1 </dev/null
exit "$(cat "$work/status")"
