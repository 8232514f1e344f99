//! Many connections that read one topic into one meter, and nothing else.

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connection, Failures, Opening},
    framing::Found,
    meter::{Meter, Shared, lock},
};

/// Receivers that read until they are dropped.
#[derive(Debug)]
pub(crate) struct Receivers {
    pub(crate) meter: Shared,
    pub(crate) opened: usize,
    pub(crate) failures: Failures,
    _tasks: JoinSet<()>,
}

impl Receivers {
    pub(crate) async fn open(opening: Opening, stop: &CancellationToken) -> Self {
        let mut connections = Vec::with_capacity(opening.count);
        let failures = opening.run(stop, |connection, _| connections.push(connection)).await;
        let (opened, meter) = (connections.len(), Meter::shared(connections.len()));
        let mut tasks = JoinSet::new();
        for connection in connections {
            tasks.spawn(read(connection, meter.clone()));
        }
        Self {
            meter,
            opened,
            failures,
            _tasks: tasks,
        }
    }
}

async fn read(mut connection: Connection, meter: Shared) {
    loop {
        let mut now_us = None;
        let read = connection
            .read(|found| {
                if let Found::Message(message) = found {
                    let mut meter = lock(&meter);
                    let now_us = *now_us.get_or_insert_with(|| meter.now_us());
                    meter.message(message, now_us);
                }
            })
            .await;
        if let Err(why) = read {
            lock(&meter).ended.count(why);
            return;
        }
    }
}
