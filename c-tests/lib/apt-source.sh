# Sourced: fetches a Debian source package through an apt configuration of our own, so that the system's lists,
# sources and cache stay as they are.

# debian_mirror: prints the mirror this machine uses for the Debian archive.
debian_mirror() {
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
        sed 's/^[[:space:]]*#.*//' | tr -s '[:space:]' '\n' |
        sed -n -E '\,^(https?|file|copy|mirror\+[a-z]+):.*/debian/?$,p' | sed -n 1p
}

# fetch_source PACKAGE SUITE DIRECTORY: leaves the .dsc and its tarballs in DIRECTORY, unpacked beside them.
fetch_source() {
    local package=$1 suite=$2 directory=$3 mirror apt_root
    mirror=$(debian_mirror)
    mirror=${mirror:-http://deb.debian.org/debian}
    apt_root=$(mktemp -d "$directory/apt.XXXXXX")
    mkdir -p "$apt_root"/{lists/partial,cache/archives/partial,state,parts}
    : >"$apt_root/status"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt_root/sources.list"
    cat >"$apt_root/apt.conf" <<END
Dir::Etc::SourceList "$apt_root/sources.list";
Dir::Etc::SourceParts "$apt_root/parts";
Dir::State "$apt_root/state";
Dir::State::Lists "$apt_root/lists";
Dir::State::Status "$apt_root/status";
Dir::Cache "$apt_root/cache";
APT::Sandbox::User "$(id -un)";
APT::Get::List-Cleanup "false";
Acquire::Languages "none";
Acquire::Retries "5";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
END
    (
        cd "$directory"
        export APT_CONFIG=$apt_root/apt.conf
        apt-get -q update
        apt-get -q source --only-source "$package"
    )
    rm -rf "$apt_root"
}
