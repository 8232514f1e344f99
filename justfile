# Short names for what cargo, npm and the scripts do. Nothing is done here that is not one line there.

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
    cargo build
    WIRELAB_SCREENSHOTS=1 npm --prefix web run browser
