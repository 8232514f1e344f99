#!/bin/sh
# All measurements behind docs/results/density.md, as JSON files in a folder: scripts/density.sh [FOLDER]
# It wants a quiet machine with two cores and takes some forty minutes. A threshold that does not hold is told and goes
# into its file; what cannot be measured ends it.
set -eu
cd "$(dirname "$0")/.."
out=${1:-artifacts/density}
mkdir -p "$out"
cargo build --release -p wirelab
bench="$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/wirelab bench"

run() {
    name=$1
    shift
    echo "$name: wirelab bench $*" >&2
    code=0
    # shellcheck disable=SC2086 # two words
    $bench "$@" --output json --report "$out/$name.html" >"$out/$name.json" || code=$?
    [ "$code" -le 1 ] || exit "$code"
}

run idle-10k idle -n 10k --reference \
    --threshold 'sse.idle.user_kib<=0.8' --threshold 'websocket.idle.user_kib<=0.8'
run idle-38k idle -n 38k --heartbeat 15s --duration 30s \
    --threshold 'sse.idle.user_kib<=0.8' --threshold 'websocket.idle.user_kib<=0.8'
run idle-peers idle -n 1k --lane datachannel --duration 30s \
    --threshold 'datachannel.idle.user_kib<=260' --threshold 'datachannel.idle.server_busy_percent<=10'
run fanout-light fanout -n 1k --rate 20 --reference \
    --threshold 'sse.fanout.million_cpu_s<=9' --threshold 'websocket.fanout.million_cpu_s<=9' \
    --threshold 'sse.fanout.p99_us<=16000' --threshold 'websocket.fanout.p99_us<=16000'
run fanout-flat fanout -n 5k --window 16 --reference
run fanout-flat-1k fanout -n 1k --window 16 --reference
run fanout-peers fanout --lane datachannel -n 625 --rate 240 \
    --threshold 'datachannel.fanout.deliveries_per_s>=149000' --threshold 'datachannel.fanout.missing_count<=0'
run fanout-peers-flat fanout --lane datachannel -n 4 --window 64 --size 64
# 3,663 messages of 16 KiB a second are 60 MB.
run fanout-reliable fanout --lane datachannel-reliable -n 1 --window 16 --size 16384 \
    --threshold 'datachannel-reliable.fanout.deliveries_per_s>=3663'
run echo-closed echo -n 64 --reference --threshold 'websocket.echo.trip_cpu_us<=8.5'
run echo-one echo -n 1 --reference
run echo-rate echo -n 64 --rate 20000 --lane websocket --reference
run echo-peers echo -n 64 --lane datachannel
run connect connect -n 10k --reference
run connect-peers connect -n 500 --lane datachannel
run stalled stalled -n 100 --stalled 100 --reference \
    --threshold 'sse.stalled.kernel_kib<=200' --threshold 'websocket.stalled.kernel_kib<=200' \
    --threshold 'sse.stalled.user_kib<=16' --threshold 'websocket.stalled.user_kib<=16'
