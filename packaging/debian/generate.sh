#!/bin/bash
# Writes the files of debian/ that depend on the version, the checkout or the installed servers: control, changelog, copyright.
#
#   debian/generate.sh CHECKOUT    in the directory that has debian/
#
# The version is Cargo.toml's. Who builds is the maintainer: DEBFULLNAME and DEBEMAIL, or the last commit's author. The time in the
# packages is SOURCE_DATE_EPOCH, or that of the last commit, so that the same commit gives the same packages.
set -euo pipefail
source=$1
revision=${LIBPQ_OXIDE_DEB_REVISION:-1}

# last_commit FORMAT DEFAULT
last_commit() {
    git -C "$source" log -1 --format="$1" 2>/dev/null || echo "$2"
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/Cargo.toml" | head -n 1)
epoch=${SOURCE_DATE_EPOCH:-$(last_commit %ct "$(stat -c %Y "$source/Cargo.toml")")}
name=${DEBFULLNAME:-$(last_commit %an "libpq-oxide maintainers")}
email=${DEBEMAIL:-$(last_commit %ae "$(id -un)@$(hostname)")}

# A pre-release sorts before its release: 0.2.0-rc.1 is 0.2.0~rc.1.
cat >debian/changelog <<EOF
libpq-oxide (${version/-/\~}-$revision) unstable; urgency=medium

  * Built from libpq-oxide $version: changelog.gz has its changes.

 -- $name <$email>  $(LC_ALL=C date -u -R -d "@$epoch")
EOF
sed -i "s/@MAINTAINER@/$name <$email>/" debian/control.in
pg_buildext updatecontrol

debian/copyright.py "$source" >debian/copyright
for package in libpq5-oxide libpq-oxide-dev; do
    debian/copyright.py "$source" libpq-oxide >"debian/$package.copyright"
done
debian/copyright.py "$source" goaway-proxy >debian/goaway-proxy.copyright
