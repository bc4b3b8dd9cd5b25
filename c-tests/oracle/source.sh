# Sourced: fetches one version of PostgreSQL 18's source package from Debian and verifies its checksums.
#
# To use another version, change the version and the checksums (the .dsc lists them), and increase `recipe` in
# build.sh.

source_version=18.6-3
# File, SHA-256, and SHA-1, which snapshot.debian.org uses to find a file.
source_files="
postgresql-18_18.6-3.dsc           a4254c4548ebeea683832de193460ee8a9f1271418e884803b44ded1aead1776 d3d65d84e3d4116049a0f4b3c2a48ba09e15e519
postgresql-18_18.6.orig.tar.bz2    555610c24d53e4316da5b7d3fc25c279d96856d5e0e23ee308c328c5fa881d9f a0b624ab95fd6fae676bc929d0e6fbcbc777c327
postgresql-18_18.6-3.debian.tar.xz 5efd00aa59930757931d13e3b2a343b5ac983fdf646a54a3b96caa30cb40512b 76fbad48e74c7c05a3ee5fc47305abea5e306ba5
"

# debian_mirror: prints the Debian mirror that this machine uses.
debian_mirror() {
    local mirror
    mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
        sed 's/^[[:space:]]*#.*//' | tr -s '[:space:]' '\n' |
        sed -n -E '\,^(https?|file|copy):.*/debian/?$,p' | sed -n 1p)
    mirror=${mirror:-http://deb.debian.org/debian}
    echo "${mirror%/}"
}

# fetch_source DIRECTORY: fetches the files into DIRECTORY and unpacks them next to it. Files with the right checksum
# are not fetched again.
fetch_source() {
    local directory=$1 mirror name sha256 sha1
    mirror=$(debian_mirror)
    while read -r name sha256 sha1; do
        [ -n "$name" ] || continue
        if has_checksum "$directory/$name" "$sha256"; then
            continue
        fi
        rm -f "$directory/$name"
        fetch_file "$directory/$name" "$sha256" "$mirror/pool/main/p/postgresql-18/$name" \
            "https://snapshot.debian.org/file/$sha1" || return 1
    done <<<"$source_files"
    (cd "$directory" && dpkg-source --no-check -x "postgresql-18_$source_version.dsc")
}

# fetch_file FILE SHA256 URL...: fetches the file from the first URL that has it with this checksum.
fetch_file() {
    local file=$1 sha256=$2 url
    shift 2
    for url in "$@"; do
        echo "Fetching $url"
        if /usr/lib/apt/apt-helper -q download-file "$url" "$file" "SHA256:$sha256" && has_checksum "$file" "$sha256"; then
            return 0
        fi
        rm -f "$file" "$file.FAILED"
    done
    cat >&2 <<END
The source of C libpq, which the tests compare with, cannot be fetched: ${file##*/}.
Debian's mirrors drop a version some time after a newer one arrives; snapshot.debian.org keeps all of them. If neither can be
reached from here, put the files of postgresql-18 $source_version into ${file%/*} by hand and run this again, or choose a version
that a mirror has: see c-tests/oracle/source.sh.
END
    return 1
}

has_checksum() {
    [ -e "$1" ] && echo "$2  $1" | sha256sum --check --status
}
