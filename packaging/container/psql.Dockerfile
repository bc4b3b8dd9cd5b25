# syntax=docker/dockerfile:1
# Debian's psql on libpq-oxide. Build it from the root of the repository:
#
#     docker build -t psql-oxide -f packaging/container/psql.Dockerfile .
#     docker run -it --rm psql-oxide "host=db.example.com user=me dbname=postgres"

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    make && make install PREFIX=/usr/local DESTDIR=/out

FROM debian:bookworm-slim
COPY --from=build /out/usr/local/lib/libpq.so.5.19 /usr/local/lib/
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# ldd fails the build if psql would load another libpq.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates postgresql-client-15 \
    && rm -rf /var/lib/apt/lists/* \
    && ldconfig \
    && ldd /usr/lib/postgresql/15/bin/psql | grep -F /usr/local/lib/libpq.so.5 \
    && useradd --system --uid 65532 --user-group --home-dir /home/psql --create-home psql
USER 65532:65532
WORKDIR /home/psql
ENTRYPOINT ["/usr/lib/postgresql/15/bin/psql"]
