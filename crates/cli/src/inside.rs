//! A runtime inside a place of a link.

use std::{io, time::Duration};

use tokio::runtime::{Builder, Runtime};
use wirelab_link::Place;

/// How long a thread for what blocks stays without work.
const KEPT: Duration = Duration::from_secs(1);

/// A runtime whose threads are in a place, so that every socket it makes is there. `block_on` runs on the caller's
/// thread, which is not: what makes sockets has to be spawned.
pub(crate) fn runtime(place: &Place) -> io::Result<Runtime> {
    let place = place.clone();
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_keep_alive(KEPT)
        .enable_all()
        .on_thread_start(move || place.enter().expect("its own process made the place and holds it"))
        .build()
}
