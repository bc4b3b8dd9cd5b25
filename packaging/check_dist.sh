#!/bin/bash
# make check-dist: unpacks the source archive, and builds it without a network and with an empty CARGO_HOME.
#
#   packaging/check_dist.sh ARCHIVE
set -euo pipefail
archive=$(realpath "${1:?usage: packaging/check_dist.sh ARCHIVE}")
cd "$(dirname "$0")/.."
. packaging/common.sh

directory=$(mktemp -d "${TMPDIR:-/tmp}/pq-dist.XXXXXX")
trap 'rm -rf "$directory"' EXIT
tar -x -C "$directory" -f "$archive"
root=$(echo "$directory"/libpq-oxide-*)
find_offline
build_in "$root" "$directory/cargo" "${offline[@]}" env CARGO_NET_OFFLINE=true

version=$(version_in "$root")
[ "$("$root/target/release/goaway-proxy" --version)" = "goaway-proxy $version" ]
cat >"$directory/program.c" <<'END'
#include <stdio.h>
#include <libpq-fe.h>

int
main(void)
{
	return printf("%d %d\n", PQlibVersion(), PQgoAwayReceived(NULL)) < 0;
}
END
"${CC:-cc}" -o "$directory/program" "$directory/program.c" -I "$root/include" -L "$root/target/release" -lpq
[ "$(LD_LIBRARY_PATH=$root/target/release "$directory/program")" = "190000 0" ]
echo "Built $version from $archive without a network"
