# Short names for what cargo, npm and the scripts do. Nothing is done here that is not one line there.

# compose 2 where it is, else 1.29
compose := `docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose`

# what there is
default:
    @just --list

# the server, and where to look
demo:
    cargo run --release

# everything that CI checks
test:
    ./scripts/test.sh

# the quick ones: format, lints, types (npm ci in web/ once, before)
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    npm --prefix web run check

# the Rust sources as rustfmt writes them
fmt:
    cargo fmt --all

# licences, sources and duplicates of what we depend on (cargo install cargo-deny)
deny:
    cargo deny check bans licenses sources

# the pictures in docs/screenshots, from the pages as they are now
screenshots:
    cargo build --release # what a debug build adds would be in the pictures
    WIRELAB_SCREENSHOTS=1 npm --prefix web run browser

# the stack: wirelab and its TURN server, then http://localhost:8080 (just up --profile proxy: nginx as well)
up *more:
    {{compose}} {{more}} up --build --detach

# the stack gone, with its secret
down:
    {{compose}} --profile proxy down --volumes

# what the stack says
logs:
    {{compose}} logs --follow

# a data channel through nothing but the TURN server of the running stack
turn-test:
    STACK_URL=${STACK_URL:-http://127.0.0.1:8080} node --test --test-name-pattern relay web/test/stack/stack.test.js

# the whole stack built, run, broken and taken down again (STACK_HOST: where its ports are, if not 127.0.0.1)
stack-test:
    ./scripts/stack-test.sh

# what a connection costs: all measurements of docs/results/density.md as JSON and pages, on a quiet machine
density *folder:
    ./scripts/density.sh {{folder}}

# single parts by themselves: encoding, ring, subscription, frames, hub
bench-micro *filter:
    cargo bench -p wirelab-model -p wirelab-transport -p wirelab-server --bench encode --bench feed --bench frames --bench hub -- {{filter}}
