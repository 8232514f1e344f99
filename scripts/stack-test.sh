#!/usr/bin/env bash
# The stack of docker-compose.yml, built and run for real: pages load, all lanes receive, data channels come through the
# relay alone, a killed server is met again, and nothing is left behind. Needs a Docker engine, compose, Node.js and
# Chromium; `just stack-test` runs it.
#
# STACK_HOST is where published ports are reached, if that is not 127.0.0.1 (an engine in a machine of its own).
#
# It ends with 0 if all is well, 1 if a check failed (the last line says which), 2 if something it needs is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly HOST=${STACK_HOST:-127.0.0.1}
# A project of its own, so that a stack that somebody works with is left alone.
readonly PROJECT=wirelab-stack-test
# The most that the image may add to its base.
readonly MOST_BYTES=$((80 * 1000 * 1000))

main() {
  need docker
  need node
  docker info >/dev/null 2>&1 || missing 'docker has no engine to talk to. Start one, or set DOCKER_HOST.'
  find_compose
  export LAB_HOST=$HOST
  # Only what a published port on loopback needs no opening for is open by default.
  [[ $HOST == 127.0.0.1 ]] || export LAB_ADDRESS=0.0.0.0
  trap 'compose --profile proxy down --volumes --timeout 15 >/dev/null 2>&1 || true; docker rm -f "$PROJECT-plain" >/dev/null 2>&1 || true' EXIT

  step 'the file is valid' compose config --quiet
  step 'build' compose build wirelab
  step 'the image is small' is_small
  step 'up, in the order of health' compose --profile proxy up --detach
  step 'everything is healthy' all_healthy
  step 'the server has no rights' has_no_rights "$(container wirelab)"
  step 'in a browser: pages, lanes, link, relay, recovery' in_a_browser
  step 'SIGTERM: out within the grace time, with 0' ends_well
  step 'without its rights: everything but the link' without_rights
  step 'down leaves nothing' leaves_nothing
  printf '\nThe stack works.\n'
}

step() {
  local name=$1 started=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  "$@" </dev/null || { printf '\nFAILED: %s\n' "$name" >&2; exit 1; }
  printf -- '-- %s: %d s\n' "$name" $((SECONDS - started))
}

missing() {
  printf 'error: %s\n' "$1" >&2
  exit 2
}

need() {
  command -v "$1" >/dev/null 2>&1 || missing "there is no $1 here; install it, then run this again."
}

find_compose() {
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  else
    need docker-compose
    compose=(docker-compose)
  fi
}

compose() {
  "${compose[@]}" --project-name "$PROJECT" "$@"
}

container() {
  compose ps --quiet "$1"
}

is_small() {
  local ours base added
  ours=$(docker image inspect --format '{{.Size}}' wirelab)
  base=$(docker image inspect --format '{{.Size}}' debian:13-slim)
  added=$((ours - base))
  printf '%d MB over its base\n' $((added / 1000000))
  ((added < MOST_BYTES))
}

all_healthy() {
  local service
  for service in wirelab coturn; do
    until [[ $(docker inspect --format '{{.State.Health.Status}}' "$(container $service)") == healthy ]]; do
      [[ $(docker inspect --format '{{.State.Health.Status}}' "$(container $service)") != unhealthy ]] || {
        compose logs --tail 30 $service
        return 1
      }
      sleep 1 # why: an engine's health has no event that a shell could wait for
    done
  done
}

# The right to make the link is given to the container, and is the helper's alone.
has_no_rights() {
  docker exec "$1" cat /proc/1/status | awk '
    /^Uid:/ { print; root = $2 == 0 }
    /^Cap(Inh|Prm|Eff|Amb):/ { print; if ($2 !~ /^0+$/) has = 1 }
    END { exit root || has }'
}

in_a_browser() {
  STACK_URL=http://$HOST:8080 STACK_PROXY=http://$HOST:8090 STACK_WRONG=http://$HOST:8091 \
    STACK_CONTAINER=$(container wirelab) node --test web/test/stack/stack.test.js
}

ends_well() {
  local id started=$SECONDS code
  id=$(container wirelab)
  docker stop --time 20 "$id" >/dev/null
  code=$(docker inspect --format '{{.State.ExitCode}}' "$id")
  printf 'exit code %d after %d s\n' "$code" $((SECONDS - started))
  ((code == 0 && SECONDS - started < 15))
}

without_rights() {
  docker run --detach --name "$PROJECT-plain" --read-only --cap-drop ALL wirelab serve --visitors local >/dev/null
  until docker exec "$PROJECT-plain" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080' 2>/dev/null; do
    sleep 1 # why: a port that somebody opens has no event
  done
  local told
  told=$(docker exec "$PROJECT-plain" bash -c \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /api/link HTTP/1.0\r\n\r\n' >&3 && tail -n 1 <&3")
  printf '%s\n' "${told:0:400}"
  [[ $told == *'"state":"unavailable"'* ]] || return 1
  docker exec "$PROJECT-plain" bash -c \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.0\r\n\r\n' >&3 && grep -q '200 OK' <&3"
  has_no_rights "$PROJECT-plain"
}

leaves_nothing() {
  compose --profile proxy down --volumes --timeout 15
  local left
  left=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$PROJECT"
    docker volume ls --quiet --filter "label=com.docker.compose.project=$PROJECT"
    docker network ls --quiet --filter "label=com.docker.compose.project=$PROJECT")
  [[ -z $left ]] || { printf 'left behind: %s\n' "$left"; return 1; }
}

main "$@"
