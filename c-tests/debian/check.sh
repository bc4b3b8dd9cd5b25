#!/bin/bash
# make check-deb: builds the packages, calls lintian, then inside.sh in a throw-away Debian 12. Ends whatever it started and removes what it
# wrote outside of the cache, also when it is interrupted.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. "$here/namespace.sh"

if [ "$(id -u)" != 0 ]; then
    echo "make check-deb is skipped: only root can make a Debian of its own and install packages there." >&2
    exit 0
fi
namespaces_work
c-tests/setup.sh check-deb
packaging/debian/build.sh

# Who builds is the maintainer, wherever that is; the packages are not for Debian's archive, where the first upload closes a bug.
lintian --allow-root --fail-on error,warning --tag-display-limit 0 \
    --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs \
    dist/*.deb
echo "lintian: no errors or warnings"

archive=$("$here/root.sh")
work=$(mktemp -d "${TMPDIR:-/var/tmp}/pq-deb.XXXXXX")
trap 'leave_root "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/root"
tar -C "$work/root" --numeric-owner -xf "$archive"

mkdir "$work/root/test"
cp dist/*.deb c-tests/drivers/*_client.p* examples/pool.c "$here"/{inside.sh,steps.sh,drain_client.py} "$work/root/test/"
chmod -R go+rX "$work/root/test"
in_root "$work/root" offline /test/inside.sh
