#!/bin/sh
# Makes the libpq.a that programs link with from the one that cargo builds.
#
#   static_library.sh FROM TO [LIBRARY...]    libraries that FROM needs and the programs will not have
#
# Cargo's library also defines the symbols of Rust's runtime and of aws-lc as global ones. They would clash with those of a
# program that contains Rust code of its own, or another version of aws-lc. In the new library, one object file, only the
# functions of include/exports.txt are global. LD, OBJCOPY and AR name the tools, for another target than this machine.
set -eu
exports=$(dirname "$0")/include/exports.txt
from=$1 to=$2
shift 2
directory=$(dirname "$to")
mkdir -p "$directory"
# Two builds may run at once in one target directory.
work=$(mktemp -d "$directory/static.XXXXXX")
trap 'rm -rf "$work"' EXIT
object=$work/libpq.o
roots=$(sed 's/^/-u /' "$exports")
# Groups of sections that another copy of Rust's runtime also has must not be merged with that copy's: their symbols are local.
# shellcheck disable=SC2086
"${LD:-ld}" -r --force-group-allocation --gc-sections $roots -o "$object" "$from" "$@"
# Rust's standard library brings sections with LLVM's bitcode, which tools read as one and cannot.
"${OBJCOPY:-objcopy}" --keep-global-symbols="$exports" --remove-section=.llvmbc --remove-section=.llvmcmd "$object"
"${AR:-ar}" rcsD "$work/libpq.a" "$object"
mv -f "$work/libpq.a" "$to"
