# syntax=docker/dockerfile:1
# goaway-proxy. Build it from the root of the repository:
#
#     docker build -t goaway-proxy -f packaging/container/goaway-proxy.Dockerfile .
#     docker run -p 6432:6432 goaway-proxy --listen 0.0.0.0:6432 --server db.example.com:5432 --deadline 60
#
# docker stop drains. Give it more time than --deadline: docker stop --time 75 NAME.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    make proxy \
    && install -D target/release/goaway-proxy /out/usr/local/bin/goaway-proxy \
    && install -d -m 700 /out/run/goaway-proxy

# glibc, libgcc_s and the roots of public certificate authorities; no shell. Its user nonroot has the number 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/usr/local/bin/ /usr/local/bin/
COPY --from=build --chown=65532:65532 /out/run/ /run/
USER 65532:65532
STOPSIGNAL SIGTERM
# Whether the proxy answers. The server's health is in the status: restarting the proxy would not help the server.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/goaway-proxy", "ctl", "status"]
ENTRYPOINT ["/usr/local/bin/goaway-proxy", "--control", "/run/goaway-proxy/control"]
CMD ["--help"]
