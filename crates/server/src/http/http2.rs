//! One HTTP/2 connection: hyper's, with bounds.

use std::{
    convert::Infallible,
    future::{Future as _, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::body::Body;
use hyper::{Request, body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tower::ServiceExt as _;
use wirelab_transport::admission::Carried;

use super::{
    accept::{Accept, Ended, Watch},
    activity::Activity,
    http1::InFlight,
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
            let (accept, held) = (accept.clone(), InFlight::begin(Arc::clone(&activity)));
            async move {
                let mut response = accept
                    .router
                    .oneshot(request.map(Body::new))
                    .await
                    .unwrap_or_else(|never| match never {});
                accept.counters.answered(response.status());
                let carried = response.extensions_mut().remove::<Arc<Carried>>();
                Ok::<_, Infallible>(held.with(response, carried))
            }
        })
    };
    activity.set_multiplexed();
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
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
