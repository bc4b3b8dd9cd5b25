# Sourced by the scripts. Decides where builds and downloads are cached that are expensive to repeat.
#
# LIBPQ_OXIDE_CACHE overrides the directory. Root uses /var/cache/libpq-oxide, because the oracle is built, and its
# server run, by a non-root user, who cannot enter root's home. Other users have it in $XDG_CACHE_HOME or ~/.cache.
#
#   postgresql-18/        the oracle, installed: bin, lib, include
#   oracle.stamp          exists when it is complete
#   oracle.lock           held while it is built
#   setup.lock            held while the set-up runs
#   src/postgresql-18-*/  its source tree, with Debian's patches
#   build/                its build tree
#   assertions/           its server program, with assertions
#   node/                 node-postgres
#   python/               a venv with the pure-Python psycopg and what uses it
#   psycopg/              psycopg's C part, compiled (binary) and as source
#   debian/               a Debian 12 for the tests of the packages, and the packages in it
#   wheels/               psycopg and psycopg2, for the tests of the wheel
#   sources/              drivers that the tests compile
#   cargo/                cargo-cyclonedx, which writes the bills of materials

if [ -n "${LIBPQ_OXIDE_CACHE:-}" ]; then
    cache=$LIBPQ_OXIDE_CACHE
elif [ "$(id -u)" = 0 ]; then
    cache=/var/cache/libpq-oxide
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/libpq-oxide
fi
export LIBPQ_OXIDE_CACHE=$cache

# Servers and builds run as this user when we are root: the one Debian's packages make.
service_user=postgres

# as_user COMMAND...: runs it as a non-root user, with that user's home and a plain environment.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid "$service_user" --regid "$service_user" --init-groups \
            env -i PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" LANG=C.UTF-8 \
            HOME="$cache" "$@")
    else
        "$@"
    fi
}
