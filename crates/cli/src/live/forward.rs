//! The forwarder for TCP: each connection of a browser gets one over the link, and bytes go from one to the other.
//!
//! The browser's leg is loopback and loses nothing. What the link holds back stays held back, since bytes come out of it
//! late and in order; what a browser does not read fills its leg and then the link's, so that the server notices.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::copy_bidirectional_with_sizes,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// Connections at a time.
const MOST_CONNECTIONS: usize = 1024;
/// Read at once, each way.
const PIECE_BYTES: usize = 16 * 1024;
/// Of the browser's leg. The system's own would hide four megabytes of standing data from the server.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// After this long without an acknowledgement a connection over the link is given up, as the server gives up its own.
const UNACKNOWLEDGED: Duration = Duration::from_secs(120);
/// How long the loop waits when the system gives it no more sockets.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

/// Who is carried.
#[derive(Debug)]
pub(super) struct Forward {
    places: Arc<Semaphore>,
    refused: AtomicU64,
}

impl Forward {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
            refused: AtomicU64::new(0),
        })
    }

    /// Connections now.
    pub(super) fn connections(&self) -> usize {
        MOST_CONNECTIONS - self.places.available_permits()
    }

    /// Connections turned away.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Carries whoever comes. Must run on threads that are in the near place.
    pub(super) async fn run(self: Arc<Self>, listener: TcpListener, far: SocketAddr) {
        loop {
            let Ok((near, _)) = listener.accept().await else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(OUT_OF_FILES).await; // why: nothing tells when there are files again
                continue;
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                continue; // dropped, which closes it
            };
            tokio::spawn(async move {
                let _ = carry(near, far).await; // either side has gone; the other is closed by the drop
                drop(place);
            });
        }
    }
}

async fn carry(mut near: TcpStream, far: SocketAddr) -> io::Result<()> {
    near.set_nodelay(true)?;
    SockRef::from(&near).set_send_buffer_size(SEND_BUFFER_BYTES)?;
    let mut over = TcpStream::connect(far).await?;
    over.set_nodelay(true)?;
    SockRef::from(&over).set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    copy_bidirectional_with_sizes(&mut near, &mut over, PIECE_BYTES, PIECE_BYTES).await?;
    Ok(())
}
