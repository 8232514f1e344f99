//! The signalling hub: who is told what. Its rules are the server's own, which nobody else may see.

use divan::{Bencher, black_box};
use wirelab_model::signal::ToHub;

#[expect(dead_code, reason = "its counts are for the server")]
#[path = "../src/hub/rules.rs"]
mod rules;

use rules::{Hub, Limits};

/// Peers in the room.
const PEERS: [usize; 2] = [2, 16];

fn main() {
    divan::main();
}

fn join() -> ToHub {
    ToHub::Join { room: "bench".into() }
}

fn room(peers: usize) -> Hub {
    let mut hub = Hub::new(Limits {
        rooms: 1_000,
        peers_per_room: peers + 1,
    });
    for peer in 0..peers {
        hub.handle(&peer.to_string(), join());
    }
    hub
}

#[divan::bench(args = PEERS)]
fn come_and_go(bencher: Bencher<'_, '_>, peers: usize) {
    let mut hub = room(peers);
    bencher.bench_local(|| {
        let told = hub.handle("visitor", join()).len();
        told + hub.vanish(black_box("visitor")).len()
    });
}

#[divan::bench(args = PEERS)]
fn relay(bencher: Bencher<'_, '_>, peers: usize) {
    let mut hub = room(peers);
    let offer = || ToHub::Offer {
        to: "1".into(),
        sdp: "v=0".repeat(500),
    };
    bencher
        .with_inputs(offer)
        .bench_local_values(|offer| hub.handle("0", black_box(offer)).len());
}
