//! One HTTP/2 connection: hyper's, with bounds.
//!
//! An event stream is an answer's body, which hyper streams. A WebSocket comes by extended CONNECT (RFC 8441): then the
//! stream's two directions become a socket, and the room has it as it has any other.

use std::{
    convert::Infallible,
    future::{Future as _, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use hyper::{
    Request, Response,
    body::Incoming,
    ext::Protocol,
    server::conn::http2,
    service::service_fn,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower::ServiceExt as _;
use wirelab_transport::{Taken, Takeover, admission::Carried, socket::Socket};

use super::{
    accept::{Accept, Ended, Watch},
    activity::Activity,
    http1::{Held, InFlight},
    io::HttpIo,
};

/// Streams of one connection.
const MAX_STREAMS: u32 = 256;
/// The longest header list.
const MAX_HEADER_BYTES: u32 = 32 * 1024;
/// What is kept of one stream's answer until its peer takes it.
const MAX_SEND_BYTES: usize = 64 * 1024;
/// A ping this often, which a peer that is still there answers in the same time.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

pub(super) async fn serve(io: HttpIo, activity: Arc<Activity>, accept: &Accept) -> Ended {
    let peer = accept.peer(&io);
    let service = {
        let (accept, activity) = (accept.clone(), Arc::clone(&activity));
        service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            answer(request, accept.clone(), Arc::clone(&activity), peer.address)
        })
    };
    activity.set_multiplexed();
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .enable_connect_protocol()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .max_send_buf_size(MAX_SEND_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), service));
    let mut watch = pin!(Watch::new(activity, accept));
    poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ended::Closed);
        }
        let drain = || connection.as_mut().graceful_shutdown();
        watch.as_mut().poll_overrun(cx, drain).map(Ended::Overrun)
    })
    .await
}

/// Judges one request, and sees to it that a stream whose answer is a takeover reaches its room.
async fn answer(
    mut request: Request<Incoming>,
    accept: Accept,
    activity: Arc<Activity>,
    peer: SocketAddr,
) -> Result<Response<Held>, Infallible> {
    let held = InFlight::begin(Arc::clone(&activity));
    let extended = request.extensions().get::<Protocol>().is_some();
    let upgrade = extended.then(|| hyper::upgrade::on(&mut request));
    let mut response = accept
        .router
        .oneshot(request.map(Body::new))
        .await
        .unwrap_or_else(|never| match never {});
    accept.counters.answered(response.status());
    let carried = response.extensions_mut().remove::<Arc<Carried>>();
    // Without extended CONNECT the body carries the same bytes.
    if let (Some(takeover), Some(upgrade)) = (response.extensions_mut().remove::<Takeover>(), upgrade) {
        accept.tasks.spawn(hand_over(
            upgrade,
            takeover,
            InFlight::begin(activity),
            peer,
            carried.clone(),
        ));
    }
    Ok(held.with(response, carried))
}

/// Gives the stream to its room once hyper has answered. The connection holds the place of all its streams.
async fn hand_over(
    upgrade: OnUpgrade,
    takeover: Takeover,
    request: InFlight,
    peer: SocketAddr,
    carried: Option<Arc<Carried>>,
) {
    // An error is a connection that ended before its answer was written.
    if let Ok(upgraded) = upgrade.await {
        let stream = Tunnel {
            io: TokioIo::new(upgraded),
            _request: request,
        };
        let mut socket = Socket::layered(stream, peer, None);
        if let Some(carried) = carried {
            socket.carry(carried);
        }
        takeover.give(Taken {
            socket,
            head: Bytes::new(), // hyper has written it
            early: Bytes::new(),
        });
    }
}

/// The two directions of a stream: a request in flight for as long as somebody has it.
struct Tunnel {
    io: TokioIo<Upgraded>,
    _request: InFlight,
}

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
