//! Listeners, permits, deadlines: what stands around every HTTP connection.

use std::{
    future::Future,
    io::{self, Write as _},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::Router;
use hyper::{
    StatusCode,
    header::{CONNECTION, HeaderValue},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Sleep, sleep, sleep_until, timeout_at},
};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFutureOwned},
    task::TaskTracker,
};
use tracing::{debug, warn};
use wirelab_transport::{
    admission::{Admission, Permit, Refused},
    socket::{self, Socket},
};

use super::{
    Peer,
    activity::{Activity, Overrun},
    http1, http2,
    io::HttpIo,
};
use crate::{config::Limits, guard::Proxies, problem::Problem, tls::Tls};

/// How long the loop waits when the system gives it no more sockets.
const OUT_OF_FILES: Duration = Duration::from_millis(50);
/// The first byte of a TLS connection: a record that carries a handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;
/// What a visitor is told whom there is no place for.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Everything that a connection needs. One for each listener.
#[derive(Clone)]
pub(crate) struct Accept {
    pub(crate) router: Router,
    /// None: plain HTTP.
    pub(crate) tls: Option<Tls>,
    /// Whether something of ours stands before the listener, so that all come from one address.
    pub(crate) fronted: bool,
    /// Those whose connections carry many visitors, who are counted one by one when they ask.
    pub(crate) proxies: Proxies,
    pub(crate) limits: Limits,
    pub(crate) admission: Arc<Admission>,
    pub(crate) counters: Counters,
    pub(crate) tasks: TaskTracker,
    pub(crate) drain: CancellationToken,
}

/// How an HTTP connection ended for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Closed,
    Taken,
    Overrun(Overrun),
}

/// Connections that HTTP let in or turned away.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    accepted: Counter,
    refused: Family<Reason, Counter>,
    overrun: Family<Reason, Counter>,
    errors: Family<Status, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

impl Counters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register(
            "http_connections_accepted",
            "Connections accepted by a listener",
            all.accepted.clone(),
        );
        registry.register(
            "http_connections_refused",
            "Connections turned away, by reason",
            all.refused.clone(),
        );
        registry.register(
            "http_connections_overrun",
            "HTTP connections closed at a deadline, by what they overran",
            all.overrun.clone(),
        );
        registry.register(
            "http_errors",
            "Answers of status 400 and above, by status",
            all.errors.clone(),
        );
        all
    }

    /// Counts an answer that says no.
    pub(super) fn answered(&self, status: StatusCode) {
        if status.is_client_error() || status.is_server_error() {
            let status = status.as_u16();
            self.errors.get_or_create(&Status { status }).inc();
        }
    }

    fn refused(&self, refused: Refused) {
        let reason = match refused {
            Refused::Full => "full",
            Refused::AddressFull => "address-full",
        };
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    /// Counts a visitor of a TLS port with whom no TLS came about.
    fn without_tls(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    fn overrun(&self, overrun: Overrun) {
        let reason = match overrun {
            Overrun::Head => "head",
            Overrun::Idle => "idle",
            Overrun::Stall => "stall",
        };
        self.overrun.get_or_create(&Reason { reason }).inc();
    }
}

impl Accept {
    /// Accepts for as long as it is polled. Whoever HTTP still has when this is dropped is cut.
    pub(crate) async fn run(self, listener: TcpListener) {
        let cut = CancellationToken::new();
        let _cut_when_dropped = cut.clone().drop_guard();
        loop {
            let (tcp, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // A peer that is gone already, or no more files: either passes.
                    warn!(%error, "cannot accept");
                    self.counters.refused.get_or_create(&Reason { reason: "system" }).inc();
                    sleep(OUT_OF_FILES).await;
                    continue;
                }
            };
            let one_visitor = !self.fronted && !self.proxies.trusts(peer.ip());
            match self.admission.admit(one_visitor.then(|| peer.ip())) {
                Err(refused) => {
                    self.counters.refused(refused);
                    if self.tls.is_none() {
                        turn_away(tcp);
                    }
                }
                Ok(permit) => match socket::tune(&tcp, self.limits.stall_timeout) {
                    Ok(()) => {
                        self.counters.accepted.inc();
                        let serve = self.clone().serve(tcp, peer, permit);
                        self.tasks.spawn(cut.clone().run_until_cancelled_owned(serve));
                    }
                    Err(error) => debug!(%error, %peer, "gone before it was served"),
                },
            }
        }
    }

    /// Where the requests of a connection come from.
    pub(super) fn peer(&self, io: &HttpIo) -> Peer {
        Peer {
            address: io.peer(),
            fronted: self.fronted,
            secure: self.tls.is_some(),
        }
    }

    async fn serve(mut self, tcp: TcpStream, peer: SocketAddr, permit: Permit) {
        let activity = Arc::new(Activity::new());
        let (first_byte, overrun) = activity.deadline(&self.limits);
        // Who comes while the server goes is still told so.
        let came_late = self.drain.is_cancelled();
        let opening = timeout_at(first_byte, self.open(tcp, peer, permit, &activity));
        let opened = tokio::select! {
            opened = opening => opened,
            () = self.drain.cancelled(), if !came_late => return, // it has not asked for anything
        };
        let ended = match opened {
            Ok(Ok((io, http2, other))) => {
                self.router = other.unwrap_or(self.router);
                if http2 {
                    http2::serve(io, Arc::clone(&activity), &self).await
                } else {
                    http1::serve(io, Arc::clone(&activity), &self).await
                }
            }
            Ok(Err(_)) => Ended::Closed,
            Err(_) => Ended::Overrun(overrun),
        };
        let ended = if activity.timed_out() {
            Ended::Overrun(Overrun::Stall)
        } else {
            ended
        };
        if let Ended::Overrun(overrun) = ended {
            self.counters.overrun(overrun);
            debug!(%peer, ?overrun, "closed at a deadline");
        }
    }

    /// The handshake, where there is one, and the first bytes. True: HTTP/2. Another router where TLS is spoken and this
    /// is none.
    async fn open(
        &self,
        tcp: TcpStream,
        peer: SocketAddr,
        permit: Permit,
        activity: &Arc<Activity>,
    ) -> io::Result<(HttpIo, bool, Option<Router>)> {
        let Some(tls) = &self.tls else {
            let (io, http2) = HttpIo::sniff(Socket::new(tcp, peer, permit), Arc::clone(activity)).await?;
            return Ok((io, http2, None));
        };
        let mut first = [0];
        if tcp.peek(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (socket, router) = if first == [HANDSHAKE] {
            let secure = tls.accept(tcp).await.inspect_err(|error| {
                if error.kind() == io::ErrorKind::InvalidData {
                    self.counters.without_tls("tls"); // it broke the protocol, or did not like the certificate
                    debug!(%peer, %error, "no TLS came about");
                }
            })?;
            (Socket::layered(secure, peer, Some(permit)), None)
        } else {
            self.counters.without_tls("plain");
            (Socket::new(tcp, peer, permit), Some(use_https()))
        };
        let (io, http2) = HttpIo::sniff(socket, Arc::clone(activity)).await?;
        Ok((io, http2, router))
    }
}

/// For whoever speaks plain HTTP to a TLS port.
fn use_https() -> Router {
    Router::new().fallback(async || {
        let detail = "This port speaks TLS: put https:// before its address in place of http://.";
        let close = [(CONNECTION, HeaderValue::from_static("close"))];
        (close, Problem::http(StatusCode::BAD_REQUEST, detail))
    })
}

/// Says 503 to whom nothing can be given, without waiting for it.
fn turn_away(tcp: TcpStream) {
    if let Ok(mut tcp) = tcp.into_std() {
        let _ = tcp.write(FULL);
        let _ = tcp.shutdown(std::net::Shutdown::Write);
    }
}

/// Waits for the deadline of what a connection does, and for the drain.
pub(super) struct Watch {
    activity: Arc<Activity>,
    limits: Limits,
    sleep: Pin<Box<Sleep>>,
    drain: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Watch {
    pub(super) fn new(activity: Arc<Activity>, accept: &Accept) -> Self {
        let sleep = Box::pin(sleep_until(activity.deadline(&accept.limits).0));
        Self {
            activity,
            limits: accept.limits,
            sleep,
            drain: Some(Box::pin(accept.drain.clone().cancelled_owned())),
        }
    }

    /// Ready when the connection has overrun its deadline. Calls `drain` once when the server goes.
    pub(super) fn poll_overrun(mut self: Pin<&mut Self>, cx: &mut Context<'_>, drain: impl FnOnce()) -> Poll<Overrun> {
        if self
            .drain
            .as_mut()
            .is_some_and(|cancelled| cancelled.as_mut().poll(cx).is_ready())
        {
            self.drain = None;
            drain();
            cx.waker().wake_by_ref(); // hyper has to look at itself again
        }
        loop {
            let (deadline, overrun) = self.activity.deadline(&self.limits);
            if self.sleep.deadline() != deadline {
                self.sleep.as_mut().reset(deadline);
            }
            match self.sleep.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if self.activity.deadline(&self.limits).0 <= tokio::time::Instant::now() => {
                    return Poll::Ready(overrun);
                }
                Poll::Ready(()) => {}
            }
        }
    }
}
