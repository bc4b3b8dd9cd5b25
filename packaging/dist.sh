#!/bin/bash
# make dist: the source archive, with the sources of all dependencies, from which everything builds without a network.
#
#   packaging/dist.sh DIRECTORY
#
# It has the committed files and no others. The same commit gives the same bytes: the files are sorted, and have the time of the
# commit.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
output=${1:?usage: packaging/dist.sh DIRECTORY}
needs git tar xz "$cargo"

directory=$(mktemp -d "${TMPDIR:-/tmp}/pq-dist.XXXXXX")
trap 'rm -rf "$directory"' EXIT
unpack_commit "$directory"
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "Uncommitted changes are not in the archive" >&2
fi

(
    cd "$directory/$name"
    # Packages outside the workspace: examples, and those that the tests and cargo fuzz build.
    others=()
    for lock in $(git -C "$OLDPWD" ls-tree -r --name-only HEAD | grep '/Cargo\.lock$'); do
        others+=(--sync "${lock%lock}toml")
    done
    # Its programs are in the documentation, and Cargo asks for one.
    mkdir c-tests/rust_examples/src
    echo 'fn main() {}' >c-tests/rust_examples/src/main.rs
    "$cargo" vendor --quiet --locked --versioned-dirs "${others[@]}" vendor
    rm -r c-tests/rust_examples/src
    cat >>.cargo/config.toml <<'END'

# The sources of the dependencies are in this archive.
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
END
)

mkdir -p "$output"
archive=$output/$name.tar.xz
tar --create --directory "$directory" --sort=name --format=posix \
    --pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' --mtime="@$(git log -1 --format=%ct)" \
    --owner=0 --group=0 --numeric-owner --mode=u+rw,a+rX,go-w "$name" |
    xz --threads=1 "-${XZ_LEVEL:-6}" >"$archive.new"
mv "$archive.new" "$archive"
echo "$archive"
