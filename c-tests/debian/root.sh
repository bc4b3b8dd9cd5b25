#!/bin/bash
# Makes the Debian 12 in which check.sh installs the packages: a minimal system with a server, drivers and a compiler, as a tar file in the
# cache. Takes about three minutes and 0.6 GB in the cache the first time, and nothing later. Needs root; the first time also the network.
#
#   c-tests/debian/root.sh    prints the path of the tar file
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/cache.sh"
. "$here/namespace.sh"

mirror=${LIBPQ_OXIDE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
suite=bookworm
packages=(
    postgresql-15
    # What runs on libpq; pgloader, which does not.
    python3-psycopg2 ruby ruby-pg libdbd-pg-perl php-cli php-pgsql pgloader
    # Programs are compiled with libpq-oxide-dev beside libpq-dev, and dpkg-shlibdeps names their dependencies.
    gcc libc6-dev pkg-config libpq-dev dpkg-dev
    # systemd-analyze, and the loopback device.
    systemd iproute2
)
directory=$cache/debian
wanted="$mirror $suite ${packages[*]}"
archive=$directory/root.tar.zst

if [ "$(cat "$directory/root.stamp" 2>/dev/null)" = "$wanted" ]; then
    echo "$archive"
    exit 0
fi

# Packages that were downloaded before are not downloaded again.
mkdir -p "$directory/archives"
work=$(mktemp -d "$directory/new.XXXXXX")
trap 'leave_root "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root
log=$directory/root.log

fail() {
    tail -n 20 "$log" >&2
    echo "$1: the log is $log. The first call needs $mirror; LIBPQ_OXIDE_DEBIAN_MIRROR names another." >&2
    exit 1
}

echo "Making a Debian 12 for the test in $directory: about three minutes, this time only" >&2
debootstrap --variant=minbase --cache-dir="$directory/archives" "$suite" "$root" "$mirror" >"$log" 2>&1 || fail "debootstrap failed"
# No service starts here.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
cp "$directory"/archives/*.deb "$root/var/cache/apt/archives/"
in_root "$root" online sh -c "apt-get -q update && apt-get -q install -y --no-install-recommends ${packages[*]}" >>"$log" 2>&1 ||
    fail "apt-get failed"
cp -u "$root"/var/cache/apt/archives/*.deb "$directory/archives/"
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*_*
tar -C "$root" --numeric-owner -c . | zstd -q -T0 -3 -f -o "$archive.new"
mv "$archive.new" "$archive"
echo "$wanted" >"$directory/root.stamp"
echo "$archive"
