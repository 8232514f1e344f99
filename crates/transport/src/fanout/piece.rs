//! What a reader that is behind gets next, framed for it alone.

use std::sync::Arc;

use wirelab_model::frame::ServerFrame;

use super::{Framing, Others, Place};
use crate::{
    Departure,
    counters::LaneCounters,
    feed::{Delivery, Subscription},
};

/// Messages framed at once for one topic: as much as a socket takes unsent.
const PIECE_BYTES: usize = 16 * 1024;

/// The next bytes for a reader.
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    /// The reader has to go; the bytes end with the farewell.
    pub(crate) departure: Option<Departure>,
}

/// Frames the next piece of every topic that has something below its end.
pub(crate) fn catch_up(readers: &mut [(&mut Subscription, u64)], framing: &Framing, counters: &LaneCounters) -> Piece {
    let mut bytes = Vec::new();
    for index in 0..readers.len() {
        let others = match framing.ids {
            true => Others::of(readers.iter().map(|(subscription, _)| &**subscription), index),
            false => Others::NONE,
        };
        let (subscription, end) = &mut readers[index];
        let topic = Arc::clone(subscription.topic());
        let place = |offset| Place {
            topic: &topic,
            offset,
            others: &others,
        };
        let control = |offset: u64, frame: &ServerFrame<'_>, out: &mut Vec<u8>| {
            (framing.control)(Some(&place(offset)), frame, out);
        };
        let mut messages = 0;
        let read = subscription.read(*end, PIECE_BYTES, |delivery| match delivery {
            Delivery::Message(message) => {
                messages += 1;
                (framing.message)(&place(message.offset), message, &mut bytes);
            }
            Delivery::Gap(gap) => {
                counters.skipped(gap.count, gap.reason);
                control(gap.to.offset, &gap.frame(&topic), &mut bytes);
            }
            Delivery::Resync(resync) => {
                counters.resync(resync.reason);
                control(resync.cursor.offset, &resync.frame(&topic), &mut bytes);
            }
        });
        counters.delivered(messages);
        if read.is_err() {
            (framing.farewell)(Departure::Slow, &mut bytes);
            return Piece {
                bytes,
                departure: Some(Departure::Slow),
            };
        }
    }
    Piece { bytes, departure: None }
}
