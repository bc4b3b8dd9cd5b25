#!/bin/bash
# make deb: packs what make and make proxy built as Debian packages, and pg_goaway for each server version whose headers are installed
# (from PostgreSQL 14). Writes to dist; the working directory is deb in cargo's target directory.
set -euo pipefail
cd "$(dirname "$0")/../.."
checkout=$PWD
mkdir -p dist "${CARGO_TARGET_DIR:-target}"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
work=$target/deb

rm -rf "$work"
mkdir -p "$work/libpq-oxide"
cp -r packaging/debian "$work/libpq-oxide/debian"
cd "$work/libpq-oxide"
export CARGO_TARGET_DIR=$target LIBPQ_OXIDE_SOURCE=$checkout
# A variable of postgresql-common's: which server versions to build for.
export PG_SUPPORTED_VERSIONS=${PG_SUPPORTED_VERSIONS:-installed}
debian/rules generated
dpkg-buildpackage --build=binary --no-sign

# Packages of earlier versions would be installed along with these by dist/*.deb.
for package in $(sed -n 's/^Package: //p' debian/control); do
    rm -f "$checkout/dist/$package"_*.deb
done
mv "$work"/*.deb "$checkout/dist/"
cd "$checkout"
ls -l dist/*.deb
