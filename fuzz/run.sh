#!/bin/bash
# Runs fuzz targets, each for SECONDS, and prints a line for each: executions, edges reached, findings.
#
#   fuzz/run.sh SECONDS [TARGET...]
#
# With a nightly toolchain and cargo-fuzz, with AddressSanitizer. Otherwise with the stable toolchain: the compiler's own
# coverage pass, and libFuzzer, which the crate libfuzzer-sys compiles; this needs a C++ compiler. Findings are in
# fuzz/artifacts. `escape` compares with C libpq if `make oracle` has built it.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?the seconds for each target}
shift
: "${CARGO:=cargo}"
. c-tests/lib/cache.sh
if [ -e "$cache/postgresql-18/lib/libpq.so.5" ]; then
    export LIBPQ_ORACLE=$cache/postgresql-18/lib/libpq.so.5
else
    echo "escape: no C libpq to compare with (make oracle)"
fi

host=$(rustc -vV | sed -n 's/^host: //p')
options=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Cdebug-assertions -Ccodegen-units=1)

if [ -z "${FUZZ_STABLE:-}" ] && "$CARGO" +nightly fuzz --version >/dev/null 2>&1; then
    how="nightly, AddressSanitizer"
    "$CARGO" +nightly fuzz build --target-dir fuzz/target
    programs=fuzz/target/$host/release
else
    how="stable, without sanitizers"
    target=${CARGO_TARGET_DIR:-target}/fuzz
    # With --target, build scripts and macros are compiled without these options.
    RUSTFLAGS="--cfg fuzzing ${options[*]}" CARGO_TARGET_DIR=$target "$CARGO" build --quiet --locked --release \
        --target "$host" --manifest-path fuzz/Cargo.toml
    programs=$target/$host/release
fi
echo "$how"

# A fault that only a fuzzer finds that is told which comparisons fail. Without it, a run that finds nothing proves nothing.
planted=$(mktemp -d)
trap 'rm -rf "$planted"' EXIT
if "$programs/planted" -artifact_prefix="$planted/" -max_total_time=60 -runs=20000000 >"$planted/log" 2>&1 ||
    ! grep -q 'the planted fault' "$planted/log"; then
    tail -5 "$planted/log" >&2
    echo "fuzz/run.sh: the planted fault was not found" >&2
    exit 1
fi
echo "planted: found after $(grep -c '^#' "$planted/log") steps"

if [ "$#" = 0 ]; then
    set -- $(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | grep -vx -e libpq-oxide-fuzz -e planted)
fi
status=0
for name in "$@"; do
    mkdir -p "fuzz/corpus/$name" "fuzz/artifacts/$name"
    number=0
    while read -r line; do
        number=$((number + 1))
        base64 -d <<<"$line" >"fuzz/corpus/$name/found-$number"
    done <"fuzz/found/$name.txt"
    log=fuzz/artifacts/$name.log
    result=0
    # A header can announce 2 GB, for which the library reserves memory that it does not touch.
    "$programs/$name" -max_total_time="$seconds" -print_final_stats=1 -timeout=20 -malloc_limit_mb=2100 -artifact_prefix="fuzz/artifacts/$name/" \
        "fuzz/corpus/$name" "fuzz/seeds/$name" >"$log" 2>&1 || result=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    findings=$(find "fuzz/artifacts/$name" -type f | wc -l)
    echo "$name: ${executions:-0} executions, ${edges:-0} edges, $findings findings"
    if [ "$result" != 0 ] || [ "${edges:-0}" = 0 ]; then
        tail -20 "$log" >&2
        status=1
    fi
done
exit "$status"
