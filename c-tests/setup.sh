#!/bin/bash
# Prepares a fresh Debian 12 with a Rust toolchain for the tests. As root it installs missing packages; otherwise it lists
# them. It starts no daemon, and disables those that it installs. A second call does nothing.
#
#   c-tests/setup.sh              what the tests need
#   c-tests/setup.sh demo         what the demo needs, which is much less
#   c-tests/setup.sh report       what the drain report needs
#   c-tests/setup.sh soak         what make soak needs
#   c-tests/setup.sh proxy-bench  what goaway-proxy's benchmark needs
#   c-tests/setup.sh extension-bench  what pg_goaway's benchmark needs
#   c-tests/setup.sh deb          what builds the Debian packages
#   c-tests/setup.sh check-deb    what tests them
#   c-tests/setup.sh aarch64      what make aarch64 and make check-aarch64 need, besides what the tests need
#   c-tests/setup.sh gem          what packing the Ruby gem needs
#   c-tests/setup.sh dist         what packing the source archive needs
#   c-tests/setup.sh sbom         what the software bills of materials need
#   c-tests/setup.sh abi          what make check-abi needs
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib/cache.sh"

packages=(
    # The real server and the unmodified programs, and the libpq they came with.
    postgresql-15 postgresql-client-15 postgresql-contrib libpq5 libpq-dev
    # What modules for that server are built with.
    postgresql-server-dev-15
    # The C, C++ and sanitizer tests.
    gcc g++ libc6-dev make binutils valgrind strace abigail-tools
    # Drivers, and a real peer that rejects what it does not know.
    ruby ruby-pg python3 python3-venv pgbouncer
    # Pools.
    ruby-connection-pool ruby-activerecord
    # A fiber scheduler, and what links ruby-pg with a libpq of another name.
    ruby-async patchelf
    # Programs and drivers that link libpq: Python, Perl, PHP, C++, ODBC, Qt.
    python3-psycopg2 libdbd-pg-perl php-cli php-pgsql libpqxx-dev unixodbc odbc-postgresql qtbase5-dev libqt5sql5-psql
    # What the commands in the documentation call; the formatter of the manual page.
    curl jq groff-base
    # A real KDC, a real directory and certificates, for the tests of authentication.
    krb5-kdc krb5-admin-server krb5-user slapd ldap-utils openssl
    # Build systems that must find the library.
    cmake meson ninja-build
    # Networks and locales for make torture.
    iproute2 locales
    # What the oracle is built from, and what its suites call.
    dpkg-dev bison flex pkg-config perl libipc-run-perl zlib1g-dev libreadline-dev libicu-dev libssl-dev libkrb5-dev
    libldap-dev libcurl4-openssl-dev liblz4-dev libzstd-dev lz4 zstd gzip python3-dev util-linux ca-certificates
)
# Spelled as pip freeze prints them.
psycopg=3.2.10
psycopg2=2.9.13
python=("psycopg==$psycopg" psycopg-pool==3.3.3)
wheels=()
# The driver for Node.js.
node=
# Drivers that the tests compile with the pg_config of an installation.
sources=()
# Rust's standard library for another processor.
rust_target=
# The Cargo command that writes bills of materials: CycloneDX's own.
cyclonedx_version=0.5.9
cyclonedx=
for_the_demo=(postgresql-15 postgresql-client-15 libpq5 gcc libc6-dev make python3 python3-venv ca-certificates)
# What a target takes on two cores, compilation included.
case ${1:-} in
demo)
    packages=("${for_the_demo[@]}")
    costs="make demo: 6 minutes the first time, 1 minute later; 0.2 GB of packages, 0.2 GB in CACHE, 0.6 GB in target"
    ;;
report)
    costs="make drain-report: 20 minutes; 0.3 GB of packages, 0.3 GB in CACHE, 0.6 GB in target"
    packages=("${for_the_demo[@]}" postgresql-server-dev-15)
    python+=(matplotlib==3.11.2)
    ;;
soak)
    costs="make soak: MINUTES (60), and 6 minutes the first time; 0.3 GB of packages, 0.3 GB in CACHE, 0.6 GB in target"
    packages=("${for_the_demo[@]}" postgresql-server-dev-15 ruby ruby-pg openssl util-linux)
    python+=(matplotlib==3.11.2)
    ;;
extension-bench)
    costs="make extension-bench: 10 minutes; 0.2 GB of packages"
    packages=("${for_the_demo[@]}" postgresql-server-dev-15 valgrind)
    python=()
    ;;
deb | check-deb)
    costs="make deb: 5 minutes, 1 minute if make proxy was called before; 0.7 GB of packages. make check-deb: 5 minutes more the first time, 0.6 GB in CACHE"
    packages=(debhelper dpkg-dev postgresql-common postgresql-server-dev-15 python3 gcc libc6-dev make)
    [ "$1" = deb ] || packages+=(debootstrap lintian zstd util-linux)
    python=()
    ;;
aarch64)
    costs="make aarch64: 5 minutes, make check-aarch64: 10 more; 0.3 GB of packages, 0.5 GB in target"
    packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)
    python=()
    rust_target=aarch64-unknown-linux-gnu
    ;;
gem)
    costs="make gem: a few seconds; 0.1 GB of packages"
    packages=(ruby binutils)
    python=()
    ;;
dist)
    costs="make dist: 2 minutes"
    packages=(git tar xz-utils)
    python=()
    ;;
sbom)
    costs="make sbom: 2 minutes the first time; 20 MB in CACHE"
    packages=(git tar python3 gcc libc6-dev ca-certificates)
    python=()
    cyclonedx=$cyclonedx_version
    ;;
abi)
    costs="make check-abi: a second; 0.1 GB of packages"
    packages=(abigail-tools libpq5 gcc libc6-dev binutils)
    python=()
    ;;
proxy-bench)
    costs="make proxy-bench: 10 minutes; 0.2 GB of packages, 0.4 GB in target"
    packages=("${for_the_demo[@]}" pgbouncer)
    python=()
    ;;
'')
    costs="make test: 1 hour the first time, 40 minutes later; 1 GB of packages, 0.7 GB in CACHE, 4 GB in target"
    python+=(SQLAlchemy==2.1.9 Django==5.2.19 asyncpg==0.32.0 cryptography==48.0.0 auditwheel==6.8.2
        cyclonedx-python-lib==11.12.0 jsonschema==4.26.0)
    cyclonedx=$cyclonedx_version
    # What the tests of the wheel install in environments of their own.
    wheels=("psycopg==$psycopg" psycopg-pool==3.3.3 "psycopg-binary==$psycopg" "psycopg2==$psycopg2" "psycopg2-binary==$psycopg2")
    node=pg@8.23.1
    sources=("psycopg2==$psycopg2" PyGreSQL==6.2.3)
    packages+=(nodejs)
    # Packages of Node.js that are not Debian's bring it along.
    command -v npm >/dev/null || packages+=(npm)
    ;;
*)
    echo "usage: c-tests/setup.sh [demo|report|soak|proxy-bench|extension-bench|deb|check-deb|aarch64|gem|dist|sbom|abi]" >&2
    exit 2
    ;;
esac

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

mkdir -p "$cache"
chmod 755 "$cache"

# Two checkouts may be set up at the same time. Only flock holds the lock, not what the programs below leave running.
if [ -z "${set_up_has_lock:-}" ]; then
    flock --nonblock "$cache/setup.lock" true || echo "Waiting for another set-up that uses $cache"
    set_up_has_lock=1 exec flock --close "$cache/setup.lock" "$0" "$@"
fi

missing=()
for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
done

# The services of the packages.
declare -A services=([postgresql-common]=postgresql [pgbouncer]=pgbouncer [slapd]=slapd [krb5-kdc]=krb5-kdc
    [krb5-admin-server]=krb5-admin-server)

# Nothing that this script installs starts at boot. Services that were there before stay as they are.
disable_services() {
    local package disabled=()
    for package in "${!services[@]}"; do
        if [ -z "${was_installed[$package]:-}" ] && is_installed "$package"; then
            if command -v systemctl >/dev/null; then
                systemctl --quiet disable "${services[$package]}" 2>/dev/null || continue
            else
                update-rc.d "${services[$package]}" disable 2>/dev/null || continue
            fi
            disabled+=("${services[$package]}")
        fi
    done
    if [ "${#disabled[@]}" -gt 0 ]; then
        echo "Disabled what would start at boot (systemctl enable NAME starts it again): ${disabled[*]}"
    fi
}

install_missing() {
    local package
    declare -A was_installed
    for package in "${!services[@]}"; do
        if is_installed "$package"; then
            was_installed[$package]=1
        fi
    done
    echo "Installing ${#missing[@]} packages and what they depend on. They include servers: prefer a container or a virtual machine."
    export DEBIAN_FRONTEND=noninteractive
    policy=/usr/sbin/policy-rc.d
    made_policy=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        made_policy=1
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get -q update
    # A new machine may be installing updates.
    apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"
    if [ -n "$made_policy" ]; then
        rm -f "$policy"
        trap - EXIT
    fi
    disable_services
}

if [ "${#missing[@]}" -gt 0 ]; then
    echo "${costs//CACHE/$cache}"
    if [ "$(id -u)" = 0 ]; then
        install_missing
    else
        echo "These packages are missing. Install them, or run this script as root:" >&2
        echo "  apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi

if [ -n "$rust_target" ] && ! ls "$(rustc --print target-libdir --target "$rust_target")"/libstd-*.rlib >/dev/null 2>&1; then
    command -v rustup >/dev/null || {
        echo "Rust's standard library for $rust_target is missing, and there is no rustup to fetch it" >&2
        exit 1
    }
    rustup target add "$rust_target"
fi

pip() {
    # Debian's pg_config, for psycopg2, even if the PATH has another.
    PATH=/usr/bin:/bin "$cache/python/bin/pip" --quiet --disable-pip-version-check "$@" || {
        echo "pip failed: this script needs PyPI (https://pypi.org) for what is not in $cache yet" >&2
        exit 1
    }
}

# Debian's python3, even if the PATH has another. PSYCOPG_IMPL=python makes psycopg load libpq by itself.
packages_file=$cache/python/packages
for package in "${python[@]}"; do
    if ! grep -qsxF "$package" "$packages_file"; then
        [ -x "$cache/python/bin/pip" ] || /usr/bin/python3 -m venv "$cache/python"
        pip install "${python[@]}"
        pip freeze >"$packages_file.new"
        mv "$packages_file.new" "$packages_file"
        break
    fi
done

# psycopg's C part: as a wheel with a libpq of its own, and as source, which the tests compile.
if [ "$#" = 0 ] && [ "$(cat "$cache/psycopg/version" 2>/dev/null)" != "$psycopg" ]; then
    rm -rf "$cache/psycopg"
    pip install --no-deps --target "$cache/psycopg/binary" "psycopg-binary==$psycopg"
    pip download --no-deps --no-binary psycopg-c --dest "$cache/psycopg/source" "psycopg-c==$psycopg"
    echo "$psycopg" >"$cache/psycopg/version"
fi

# psycopg2 is compiled here, against Debian's libpq.
if [ "${#wheels[@]}" -gt 0 ] && [ "$(cat "$cache/wheels/packages" 2>/dev/null)" != "${wheels[*]}" ]; then
    rm -rf "$cache/wheels"
    pip wheel --wheel-dir "$cache/wheels" "${wheels[@]}"
    echo "${wheels[*]}" >"$cache/wheels/packages"
fi

if [ "${#sources[@]}" -gt 0 ] && [ "$(cat "$cache/sources/packages" 2>/dev/null)" != "${sources[*]}" ]; then
    rm -rf "$cache/sources"
    names=("${sources[@]%%==*}")
    pip download --no-deps --no-binary "$(IFS=, && echo "${names[*]}")" --dest "$cache/sources" "${sources[@]}"
    echo "${sources[*]}" >"$cache/sources/packages"
fi

if [ -n "$node" ] && [ "$(cat "$cache/node/packages" 2>/dev/null)" != "$node" ]; then
    mkdir -p "$cache/node"
    npm install --silent --no-fund --no-audit --no-save --ignore-scripts --prefix "$cache/node" "$node" >/dev/null
    echo "$node" >"$cache/node/packages"
fi

# Compiled without optimizations: it runs for less than a second.
if [ -n "$cyclonedx" ] && [ "$(cat "$cache/cargo/cyclonedx" 2>/dev/null)" != "$cyclonedx" ]; then
    echo "Compiling cargo-cyclonedx $cyclonedx"
    (
        cd "$cache"
        export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_TARGET_DIR=$cache/cargo/target
        "${CARGO:-cargo}" install --quiet --locked --force --root "$cache/cargo" "cargo-cyclonedx@$cyclonedx"
    )
    rm -rf "$cache/cargo/target"
    echo "$cyclonedx" >"$cache/cargo/cyclonedx"
fi
