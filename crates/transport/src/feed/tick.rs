//! The schedule of one `tick.<hz>.<bytes>` topic.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};
use wirelab_model::topic::Tick;

use super::{Shared, Topic};

/// Publishes on a fixed schedule until nobody has read the topic for the linger time. It never waits for readers. A
/// tick whose whole period has gone by before it could be sent is missed: it is counted and not made up for, and its
/// count `n` stays out.
pub(super) async fn run(shared: Arc<Shared>, topic: Arc<Topic>, tick: Tick) {
    let (start, mut count) = (Instant::now(), 0_u64);
    let due = |count| start + tick.due(count);
    let mut data = Vec::with_capacity(tick.bytes());
    loop {
        sleep_until(due(count)).await;
        let now = Instant::now();
        while due(count + 1) <= now {
            shared.counters.ticks_missed.inc();
            count += 1;
        }
        data.clear();
        tick.write_data(count, &mut data);
        shared.append(&topic, &data);
        count += 1;
        if topic.idle_since().is_some() && shared.forget_if_idle(&topic) {
            return;
        }
    }
}
