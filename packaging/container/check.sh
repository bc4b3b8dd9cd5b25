#!/bin/bash
# Builds both images, and uses them with a PostgreSQL server in a third: psql connects through the proxy, sees a GoAway, and the proxy
# drains when it is stopped. Needs Docker; hosted CI runs it.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
    echo "$*" >&2
    docker logs goaway-check-proxy >&2 || true
    exit 1
}

finish() {
    docker rm --force goaway-check-proxy goaway-check-server >/dev/null 2>&1 || true
    docker network rm goaway-check >/dev/null 2>&1 || true
}
output=$(mktemp)
trap 'finish; rm -f "$output"' EXIT
finish

docker build --tag goaway-proxy --file packaging/container/goaway-proxy.Dockerfile .
docker build --tag psql-oxide --file packaging/container/psql.Dockerfile .
for image in goaway-proxy psql-oxide; do
    user=$(docker image inspect --format '{{.Config.User}}' "$image")
    [ "$user" = 65532:65532 ] || fail "$image runs as $user"
    echo "$image: $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB"
done

docker network create goaway-check >/dev/null
docker run --detach --name goaway-check-server --network goaway-check --env POSTGRES_HOST_AUTH_METHOD=trust postgres:15 >/dev/null
docker run --detach --name goaway-check-proxy --network goaway-check goaway-proxy \
    --listen 0.0.0.0:6432 --server goaway-check-server:5432 --spread 0 --deadline 20 >/dev/null

health=
for _ in $(seq 60); do
    health=$(docker inspect --format '{{.State.Health.Status}}' goaway-check-proxy)
    [ "$health" = healthy ] && break
    sleep 1
done
[ "$health" = healthy ] || fail "the proxy's health is $health"
for _ in $(seq 60); do
    docker exec goaway-check-proxy goaway-proxy ctl status | grep -q '"server_health":"up"' && break
    sleep 1
done

connection="host=goaway-check-proxy port=6432 user=postgres dbname=postgres goaway=notice"
docker run --rm --network goaway-check psql-oxide "$connection" --command "SELECT 'through the proxy'" | grep 'through the proxy' ||
    fail "psql does not connect"
docker run --rm --network goaway-check psql-oxide "$connection" --command 'SELECT pg_sleep(5)' --command "SELECT 'it goes on'" \
    >"$output" 2>&1 &
psql=$!
sleep 2
docker exec goaway-check-proxy goaway-proxy ctl goaway
wait "$psql" || fail "psql failed: $(cat "$output")"
grep 'server requests to disconnect when convenient' "$output" || fail "no notice: $(cat "$output")"
grep 'it goes on' "$output" || fail "the session ended"

docker stop --time 30 goaway-check-proxy >/dev/null
status=$(docker inspect --format '{{.State.ExitCode}}' goaway-check-proxy)
[ "$status" = 0 ] || fail "the proxy's exit status is $status"
echo "Both images work."
