//! WebSocket frames as the room writes them. The module is the room's own, which nobody else may see.

use divan::{Bencher, black_box};
use wirelab_transport::{Departure, websocket::close_code};

#[expect(dead_code, reason = "only text is measured")]
#[path = "../src/websocket/frames.rs"]
mod frames;

/// Bytes of a message.
const SIZES: [usize; 4] = [16, 125, 250, 16_000];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn write(bencher: Bencher<'_, '_>, bytes: usize) {
    let (payload, mut out) = (vec![b'x'; bytes], Vec::new());
    bencher.bench_local(|| {
        out.clear();
        frames::text(black_box(&payload), &mut out);
        black_box(out.len())
    });
}
