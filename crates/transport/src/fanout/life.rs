//! The task of a connection.
//!
//! There is one for each connection, and most of them wait all the time. tokio's tasks have sizes of whole 128 bytes, and
//! this one fits into the least: it is a future written by hand, since the compiler's future of the same `async` block
//! holds what it captures twice, and what it needs when something happens is in a box.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{Connection, Fanout};

/// Drives a connection until it departs, and then takes it out of everything.
pub(super) struct Life<F> {
    connection: Arc<Connection>,
    means: Box<Means<F>>,
}

struct Means<F> {
    fanout: Fanout,
    /// Reads what the peer sends.
    received: F,
}

impl<F> Life<F>
where
    F: FnMut(&Arc<Connection>, &[u8]),
{
    pub(super) fn new(connection: Arc<Connection>, fanout: Fanout, received: F) -> Self {
        let means = Box::new(Means { fanout, received });
        Self { connection, means }
    }
}

impl<F> Future for Life<F>
where
    F: FnMut(&Arc<Connection>, &[u8]),
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { connection, means } = self.get_mut();
        let Means { fanout, received } = &mut **means;
        let departure = ready!(connection.poll_drive(cx, fanout.shared.framing, |bytes| received(connection, bytes)));
        fanout.release(Arc::clone(connection), departure);
        Poll::Ready(())
    }
}
