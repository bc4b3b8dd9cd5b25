#!/bin/bash
# make docs: builds the book of docs/SUMMARY.md in dist/docs, and checks the links in it. mdBook is compiled once and cached.
#
#   docs/book/build.sh                  the whole book
#   docs/book/build.sh stage DIRECTORY  only copies the pages and what they link to, for mdBook and for the tests
set -euo pipefail
cd "$(dirname "$0")/../.."

# The official package, without its server and file watcher; compiling it takes about two minutes.
mdbook_version=0.4.52

# The copy has the layout of the repository, so links between pages need no change. SUMMARY.md moves to the root, because mdBook
# accepts no pages above it. The manual page becomes a page of text.
stage() {
    local source=$1/src page
    mkdir -p "$source"
    cp docs/book/book.toml "$1"
    cp --parents ./*.md LICENSE docs/*.md docs/*.svg docs/*.service ./*/README.md crates/verify/WIDER.md "$source"
    rm "$source/docs/SUMMARY.md"
    find examples -type f ! -path '*/target/*' ! -path '*/__pycache__/*' -exec cp --parents -t "$source" {} +
    sed -e 's,](,](docs/,' -e 's,](docs/\.\./,](,' docs/SUMMARY.md >"$source/SUMMARY.md"
    {
        printf '# goaway-proxy(1)\n\n```text\n'
        groff -man -Tutf8 -rLL=100n -P-cbou docs/goaway-proxy.1
        printf '```\n'
    } >"$source/docs/goaway-proxy.1.md"
    # The table of contents is beside every page.
    sed -i -e 's,(docs/SUMMARY\.md),(README.md),' "$source/README.md"
    find "$source" -name '*.md' -exec sed -i -e 's,\(goaway-proxy\.1\)\([)#]\),\1.md\2,g' {} +
}

needs_packages() {
    local package missing=()
    for package in groff-base python3; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ]; then
        apt-get -q update
        DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
    else
        echo "These packages are missing: ${missing[*]}" >&2
        exit 1
    fi
}

if [ "${1:-}" = stage ]; then
    stage "$2"
    exit
fi

. c-tests/lib/cache.sh
needs_packages
mdbook=$cache/mdbook-$mdbook_version
if [ ! -x "$mdbook/bin/mdbook" ]; then
    echo "Compiling mdBook $mdbook_version into $mdbook (once, about two minutes)"
    CARGO_TARGET_DIR=$mdbook/target "${CARGO:-cargo}" install --quiet --locked --root "$mdbook" --no-default-features --features search \
        "mdbook@$mdbook_version"
    rm -rf "$mdbook/target"
fi
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
stage "$staged"
rm -rf dist/docs
mkdir -p dist
"$mdbook/bin/mdbook" build --dest-dir "$PWD/dist/docs" "$staged"
/usr/bin/python3 -B docs/book/check.py dist/docs
