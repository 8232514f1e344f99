//! The task of a connection.
//!
//! There is one for each connection, and most of them wait all the time, so this is written as a future by hand: the
//! compiler's future of the same `async` block holds what it captures twice, which made the task the largest part of what
//! an idle WebSocket costs.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{Connection, Fanout};

/// Drives a connection until it departs, and then takes it out of everything.
pub(super) struct Life<F> {
    connection: Arc<Connection>,
    fanout: Fanout,
    /// Reads what the peer sends.
    received: F,
}

impl<F> Life<F>
where
    F: FnMut(&Arc<Connection>, &[u8]) + Unpin,
{
    pub(super) fn new(connection: Arc<Connection>, fanout: Fanout, received: F) -> Self {
        Self {
            connection,
            fanout,
            received,
        }
    }
}

impl<F> Future for Life<F>
where
    F: FnMut(&Arc<Connection>, &[u8]) + Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self {
            connection,
            fanout,
            received,
        } = self.get_mut();
        let departure = ready!(connection.poll_drive(cx, fanout.shared.framing, |bytes| received(connection, bytes)));
        fanout.release(Arc::clone(connection), departure);
        Poll::Ready(())
    }
}
