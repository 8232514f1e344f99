#!/usr/bin/env bash
# Every check of this repository, the same here as in CI (.ci/run): installs what is missing, then runs all of it.
#
# It ends with 0 if all is well, 1 if a check failed (the last line says which), 2 if something it needs is missing and
# cannot be installed from here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# build.rs, the browser tests and web/package.json were written for it.
readonly NODE_AT_LEAST=20

main() {
  local started=$SECONDS
  need_rust
  need_debian_packages

  step 'rust: format' cargo fmt --all --check
  step 'web: packages' npm --prefix web ci --ignore-scripts --no-audit --no-fund --prefer-offline
  step 'web: types' npm --prefix web run check
  step 'web: tests' npm --prefix web test
  # One profile for all that follows, so that nothing is built twice.
  step 'rust: clippy' cargo clippy --locked --workspace --all-targets -- -D warnings
  step 'rust: tests, doc tests, repository rules and links' cargo test --locked --workspace --no-fail-fast
  if [[ -n $(compose) ]]; then
    # shellcheck disable=SC2046 # one word or two
    step 'stack: docker-compose.yml' $(compose) config -q
  fi
  step 'rust: documentation' env RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps
  local binary chromium firefox
  binary=$(built_binary)
  chromium=$(find_chromium)
  firefox=$(find_firefox)
  step 'web: every page in real browsers' env WIRELAB_BIN="$binary" CHROMIUM="$chromium" FIREFOX="$firefox" \
    npm --prefix web run browser

  printf '\n%d checks passed in %s:\n' "${#passed[@]}" "$(duration $((SECONDS - started)))"
  printf '  %s\n' "${passed[@]}"
}

passed=()

# step NAME COMMAND…: runs a check under its heading, and ends everything if it fails.
step() {
  local name=$1 started=$SECONDS status=0
  shift
  printf '\n== %s\n' "$name"
  "$@" </dev/null || status=$?
  local took
  took=$(duration $((SECONDS - started)))
  if ((status != 0)); then
    printf '\nFAILED: %s (exit code %d after %s). Alone: %s\n' "$name" "$status" "$took" "$*" >&2
    exit 1
  fi
  printf -- '-- %s: passed in %s\n' "$name" "$took"
  passed+=("$(printf '%-55s %s' "$name" "$took")")
}

duration() {
  if (($1 < 60)); then printf '%d s' "$1"; else printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); fi
}

has() {
  command -v "$1" >/dev/null 2>&1
}

missing() {
  printf 'error: %s\n' "$1" >&2
  exit 2
}

# Debian's Rust is too old for this workspace, so it is asked for and not installed.
need_rust() {
  has cargo || missing 'there is no cargo here. Install Rust from https://rustup.rs, then run this again.'
  { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 ||
    missing 'rustfmt or clippy is missing. Run: rustup component add rustfmt clippy'
}

# Finds the programs that the tests run, and has Debian install those that are not there.
need_debian_packages() {
  local packages
  packages=$(absent)
  if [[ -n $packages ]]; then
    # shellcheck disable=SC2086 # one word a package
    apt_install $packages
    packages=$(absent)
    [[ -z $packages ]] || missing "still missing after the installation: ${packages//$'\n'/ }."
  fi
  # What not everybody can have: without it some checks are skipped, and say so.
  packages=$(optional)
  if [[ -n $packages ]] && has apt-get && as_root true 2>/dev/null; then
    # shellcheck disable=SC2086 # one word a package
    (apt_install $packages) || true
  fi
  coturn_is_there || printf 'note: there is no coturn here, so the tests through a TURN server are skipped: apt-get install coturn\n'
  [[ -n $(compose) ]] || printf 'note: there is no docker-compose here, so docker-compose.yml is not checked: apt-get install docker-compose\n'
  node_is_new_enough || missing "Node.js $(node --version) is too old, the tests need $NODE_AT_LEAST or newer. Install \
one from https://nodejs.org or your system's packages, then run this again."
}

# The Debian packages whose programs are not there, one a line.
absent() {
  has cc || printf 'gcc\nlibc6-dev\n' # jemalloc is C
  has make || echo make
  has node || echo nodejs
  has npm || echo npm
  has curl || echo curl
  server_is_there nginx || echo nginx
  server_is_there haproxy || echo haproxy
  server_is_there caddy || echo caddy
  find_chromium >/dev/null || echo chromium
  find_firefox >/dev/null || echo firefox-esr
}

optional() {
  coturn_is_there || echo coturn
  [[ -n $(compose) ]] || echo docker-compose
}

# The command of Compose, of whichever generation.
compose() {
  if docker compose version >/dev/null 2>&1; then
    echo docker compose
  elif has docker-compose; then
    echo docker-compose
  fi
}

# /usr/sbin is not in everybody's PATH; the tests look there too.
server_is_there() {
  has "$1" || [[ -x /usr/sbin/$1 || -x /usr/local/sbin/$1 || -x /opt/homebrew/bin/$1 ]]
}

coturn_is_there() {
  { has turnserver && has turnutils_uclient; } || [[ -x /usr/local/sbin/turnserver || -x /opt/homebrew/bin/turnserver ]]
}

find_chromium() {
  local candidate
  for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome \
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'; do
    if [[ -n $candidate ]] && command -v "$candidate"; then return 0; fi
  done
  return 1
}

find_firefox() {
  local candidate
  for candidate in "${FIREFOX:-}" firefox-esr firefox /Applications/Firefox.app/Contents/MacOS/firefox; do
    if [[ -n $candidate ]] && command -v "$candidate"; then return 0; fi
  done
  return 1
}

node_is_new_enough() {
  node -e "process.exit(parseInt(process.versions.node) >= $NODE_AT_LEAST ? 0 : 1)"
}

# apt_install PACKAGE…: where this user may. The proxies and coturn are for the tests alone: none is started, now or at
# boot.
apt_install() {
  has apt-get || missing "please install these, named here as Debian names them, then run this again: $*."
  as_root true 2>/dev/null || missing "please run this, then run the tests again: sudo apt-get install $*"

  printf '== installing what is missing: %s\n' "$*"
  local policy=/usr/sbin/policy-rc.d ours=no status=0
  if [[ ! -e $policy ]]; then
    ours=yes
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  { as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } </dev/null ||
    status=$?
  if [[ $ours == yes ]]; then
    as_root rm -f "$policy"
    trap - EXIT
  fi
  local server
  for server in nginx haproxy caddy coturn; do
    if [[ " $* " == *" $server "* ]] && has systemctl; then
      as_root systemctl disable --now "$server" >/dev/null 2>&1 || true
    fi
  done
  ((status == 0)) || missing "apt-get could not install $*; what it said is above."
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

# The server that `cargo test` has just built.
built_binary() {
  cargo metadata --locked --no-deps --format-version 1 |
    node -p 'JSON.parse(fs.readFileSync(0, "utf8")).target_directory + "/debug/wirelab"'
}

main "$@"
