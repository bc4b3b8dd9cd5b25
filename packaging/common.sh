# Sourced by the scripts in this folder, in the root of the checkout.

cargo=${CARGO:-cargo}

# The version of the workspace in DIRECTORY.
version_in() {
    sed -n 's/^version = "\(.*\)"$/\1/p' "$1/Cargo.toml" | head -n 1
}

# needs PROGRAM...: stops if one is missing.
needs() {
    local program missing=()
    for program in "$@"; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    if [ "${#missing[@]}" -gt 0 ]; then
        echo "$0 needs ${missing[*]}" >&2
        exit 1
    fi
}

# unpack_commit DIRECTORY: the committed files, in DIRECTORY/libpq-oxide-VERSION. Sets name to the last part of that.
unpack_commit() {
    # An unpacked source archive may lie inside another repository.
    if [ ! -e .git ]; then
        echo "$0 packs what is committed: it needs a git checkout" >&2
        exit 1
    fi
    mkdir -p "$1/files"
    git archive HEAD | tar -x -C "$1/files"
    name=libpq-oxide-$(version_in "$1/files")
    mv "$1/files" "$1/$name"
}

# The command that runs another without a network, in offline.
offline=()
find_offline() {
    if unshare --net true 2>/dev/null; then
        offline=(unshare --net)
    elif unshare --map-root-user --net true 2>/dev/null; then
        offline=(unshare --map-root-user --net)
    else
        echo "This machine does not let the script switch off the network: only cargo is told to work offline"
    fi
}

# build_in DIRECTORY CARGO_HOME [COMMAND...]: runs make all proxy there, through COMMAND, with an environment of its own.
build_in() {
    local directory=$1 cargo_home=$2
    shift 2
    mkdir -p "$cargo_home"
    # rustup, if cargo is its, still needs its own directory.
    (cd "$directory" && env -i PATH="$PATH" HOME="$HOME" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
        LC_ALL="${build_locale:-C}" TZ="${build_zone:-UTC}" CARGO_HOME="$cargo_home" CARGO_TERM_COLOR=never \
        "$@" make --no-print-directory CARGO="$cargo" all proxy)
}
