# Sourced: runs named stages one after the other, and prints a line for each with its time at the end.

summary=()
failed=

# stage NAME COMMAND...: runs it, unless a stage before has failed.
stage() {
    local name=$1 begin=$SECONDS outcome=passed
    shift
    [ -z "$failed" ] || return 0
    printf '\n=== %s: %s\n' "$name" "$*"
    "$@" || { outcome=FAILED failed=1; }
    summary+=("$(printf '%-14s %-6s %5d s' "$name" "$outcome" $((SECONDS - begin)))")
}

# end_of_stages TITLE: prints the summary; its status tells whether all stages passed.
end_of_stages() {
    printf '\n%s\n' "$1"
    printf '  %s\n' "${summary[@]}"
    [ -z "$failed" ]
}
