# Sourced: runs a long command with its output in a log, and prints a line at least every ten seconds.

# The process group of the command that runs now.
job=

# with_progress LABEL LOG DETAIL COMMAND...: DETAIL is a function that prints what the log says about the progress. Shows the end
# of the log when the command fails, and returns its status.
with_progress() {
    local label=$1 log=$2 detail=$3 begin=$SECONDS status=0 last=$SECONDS
    shift 3
    start_job "$@" >"$log" 2>&1 </dev/null 9>&-
    while kill -0 "$job" 2>/dev/null; do
        sleep 0.5
        if [ $((SECONDS - last)) -ge 8 ]; then
            last=$SECONDS
            printf '    %4d s  %s: %s\n' $((SECONDS - begin)) "$label" "$("$detail" "$log")"
        fi
    done
    end_job || status=$?
    if [ "$status" != 0 ]; then
        tail -n 40 "$log" | tr '\r' '\n' >&2
        echo "$label: failed after $((SECONDS - begin)) s; the whole log is $log" >&2
        return "$status"
    fi
    printf '    %4d s  %s: done\n' $((SECONDS - begin)) "$label"
}

# start_job COMMAND...: starts it in a process group of its own, so that Ctrl-C does not reach it.
start_job() {
    set -m
    "$@" &
    job=$!
    set +m
}

# end_job: waits for it, and returns its status.
end_job() {
    local status=0
    wait "$job" || status=$?
    job=
    return "$status"
}

# stop_job: for a trap. Ends the command, if one runs, with everything that it started.
stop_job() {
    [ -n "$job" ] || return 0
    kill -s TERM -- "-$job" 2>/dev/null || true
    wait "$job" 2>/dev/null || true
    job=
}

# What cargo's progress bar says. It writes one to a file when CARGO_TERM_PROGRESS_WHEN=always and CARGO_TERM_PROGRESS_WIDTH are set.
cargo_detail() {
    local bar
    bar=$(tail -c 2000 "$1" | tr '\r' '\n' |
        sed -n 's,.*Building \[[^]]*\] \([0-9]*\)/\([0-9]*\)\(: \)*,\1 of \2 crates; now ,p' | tail -n 1 | sed "s/ *$//")
    echo "compiling, ${bar:-see the log}" | cut -c 1-100
}

# The last line.
line_detail() {
    tail -c 2000 "$1" | tr '\r' '\n' | sed '/^[[:space:]]*$/d' | tail -n 1 | cut -c 1-80
}
