//! One timer for all connections of a room, instead of one a connection.
//!
//! The wheel has [`SLOTS`] slots and visits one after the other, each once a heartbeat, so that ten thousand
//! connections do not beat in the same millisecond.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slab::Slab;
use tokio::time::{MissedTickBehavior, interval};

use super::{Beat, Connection, Shared};

const SLOTS: usize = 16;

pub(super) struct Wheel {
    beat: Beat,
    slots: [Mutex<Slab<Arc<Connection>>>; SLOTS],
}

impl Wheel {
    pub(super) fn new(beat: Beat) -> Self {
        Self {
            beat,
            slots: Default::default(),
        }
    }

    pub(super) fn add(&self, connection: &Arc<Connection>) {
        let key = self.slot(connection).insert(Arc::clone(connection));
        connection.set_wheel_key(key);
    }

    pub(super) fn remove(&self, connection: &Connection) {
        self.slot(connection).try_remove(connection.wheel_key());
    }

    /// Everyone who is connected now.
    pub(super) fn all(&self) -> Vec<Arc<Connection>> {
        let collect = |slot: &Mutex<Slab<Arc<Connection>>>| {
            lock(slot)
                .iter()
                .map(|(_, connection)| Arc::clone(connection))
                .collect::<Vec<_>>()
        };
        self.slots.iter().flat_map(collect).collect()
    }

    fn slot(&self, connection: &Connection) -> MutexGuard<'_, Slab<Arc<Connection>>> {
        lock(&self.slots[connection.id() as usize % SLOTS])
    }
}

fn lock(slot: &Mutex<Slab<Arc<Connection>>>) -> MutexGuard<'_, Slab<Arc<Connection>>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Visits the slots for as long as the engine lives.
pub(super) async fn turn(shared: Arc<Shared>) {
    let beat = shared.wheel.beat;
    let shared = Arc::downgrade(&{ shared });
    let mut ticks = interval(beat.heartbeat / SLOTS as u32);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Visits without progress after which a peer is gone: at least one whole heartbeat.
    let most_stalled = beat.stall_timeout.as_secs_f64() / beat.heartbeat.as_secs_f64();
    for slot in (0..SLOTS).cycle() {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        for (_, connection) in lock(&shared.wheel.slots[slot]).iter() {
            connection.visit(shared.framing, most_stalled.ceil() as u16);
        }
    }
}
