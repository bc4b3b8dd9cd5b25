#!/bin/bash
# make test: everything, from nothing. Cheap checks come first; the oracle is built beside the library.
set -u
cd "$(dirname "$0")/.."
. c-tests/lib/stages.sh
make=${MAKE:-make}

stage toolchain c-tests/lib/cargo_version.sh "${CARGO:-cargo}" clippy fmt
stage setup "$make" setup
stage style "$make" check-style
stage features "$make" check-features
stage dependencies "$make" check-dependencies
stage build "$make" -j2 all oracle
stage symbols c-tests/check_abi.sh
stage unit "$make" check-unit
stage harness "$make" check-c
end_of_stages 'make test:'
