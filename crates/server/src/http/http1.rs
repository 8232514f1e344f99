//! One HTTP/1.1 connection, and how a socket leaves hyper.
//!
//! hyper parses, the router judges, the service never answers. When the router's answer carries a [`Takeover`] and the
//! request can be taken (GET, no body, an answer that nobody compressed), the service leaves the answer's head in a slot
//! and stays pending: hyper has not written a byte of this answer. The connection's own task, which polls hyper, looks
//! into the slot after each poll, takes hyper's connection apart and gives socket, head and early bytes to the room.
//!
//! hyper's documentation says that taking a connection apart early may lose what it has not flushed. [`Activity::flushed`]
//! guards that: earlier answers of the same connection are out before the socket goes. With `pipeline_flush` it would
//! not hold; it stays off.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    io::Write as _,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::SystemTime,
};

use axum::{body::Body, response::IntoResponse as _};
use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode, Version,
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWrite as _;
use tower::ServiceExt as _;
use wirelab_model::frame::ErrorCode;
use wirelab_transport::{Taken, Takeover, admission::Carried};

use super::{
    accept::{Accept, Ended, Watch},
    activity::Activity,
    io::HttpIo,
};
use crate::problem::Problem;

/// The longest request head. hyper answers 431 beyond it.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;

type Slot = Arc<Mutex<Option<(Bytes, Takeover, Option<Arc<Carried>>)>>>;

pub(super) async fn serve(io: HttpIo, activity: Arc<Activity>, accept: &Accept) -> Ended {
    let (slot, peer) = (Slot::default(), accept.peer(&io));
    let service = {
        let (slot, accept, activity) = (Arc::clone(&slot), accept.clone(), Arc::clone(&activity));
        service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            Box::pin(answer(
                request,
                accept.clone(),
                Arc::clone(&activity),
                Arc::clone(&slot),
            ))
        })
    };
    let mut http = http1::Builder::new();
    // Our own deadlines are kinder to kept-alive connections than hyper's one value for head and idleness.
    http.max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .header_read_timeout(None);
    let mut connection = http.serve_connection(TokioIo::new(io), service);
    let mut watch = pin!(Watch::new(Arc::clone(&activity), accept));
    let ended = poll_fn(|cx| {
        let done = connection.poll_without_shutdown(cx);
        if activity.flushed()
            && let Some(taken) = slot.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            return Poll::Ready(Ok(Some(taken)));
        }
        if done.is_ready() {
            return Poll::Ready(Ok(None));
        }
        let drain = || Pin::new(&mut connection).graceful_shutdown();
        match watch.as_mut().poll_overrun(cx, drain) {
            Poll::Ready(overrun) => Poll::Ready(Err(overrun)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    let parts = match ended {
        Ok(_) => connection.into_parts(),
        Err(overrun) => return Ended::Overrun(overrun),
    };
    let (mut socket, early) = parts.io.into_inner().into_socket();
    match ended {
        Ok(Some((head, takeover, carried))) => {
            if let Some(carried) = carried {
                socket.carry(carried);
            }
            let early = [&parts.read_buf[..], &early].concat().into();
            takeover.give(Taken { socket, head, early });
            Ended::Taken
        }
        _ => {
            // The last answer is with the socket; a peer that does not take it is not waited for.
            poll_fn(|cx| Poll::Ready(Pin::new(&mut socket).poll_shutdown(cx).is_ready())).await;
            Ended::Closed
        }
    }
}

/// Judges one request. Pending for ever where the answer is a takeover.
async fn answer(
    request: Request<Incoming>,
    accept: Accept,
    activity: Arc<Activity>,
    slot: Slot,
) -> Result<Response<Held>, Infallible> {
    let held = InFlight::begin(activity);
    let bare =
        request.method() == Method::GET && request.version() <= Version::HTTP_11 && request.body().is_end_stream();
    let mut response = accept
        .router
        .oneshot(request.map(Body::new))
        .await
        .unwrap_or_else(|never| match never {});
    accept.counters.answered(response.status());
    let carried = response.extensions_mut().remove::<Arc<Carried>>();
    match response.extensions_mut().remove::<Takeover>() {
        Some(takeover) if bare && !response.headers().contains_key(CONTENT_ENCODING) => {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((head(&response), takeover, carried));
            drop(response);
            pending().await
        }
        _ if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            let why = "a WebSocket upgrade is a GET without a body";
            Ok(held.with(Problem::new(ErrorCode::BadField, why).into_response(), carried))
        }
        _ => Ok(held.with(response, carried)),
    }
}

/// The head of the router's answer with everything that middleware put there. A 200 ends when the socket closes.
fn head(response: &Response<Body>) -> Bytes {
    let mut head = Vec::with_capacity(512);
    let (status, upgrade) = (response.status(), response.status() == StatusCode::SWITCHING_PROTOCOLS);
    let mut write = || {
        write!(
            head,
            "HTTP/1.1 {} {}\r\n",
            status.as_str(),
            status.canonical_reason().unwrap_or_default()
        )?;
        for (name, value) in response.headers() {
            let hop = *name == CONNECTION && !upgrade; // ours is below
            if !hop && *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING {
                for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                    head.extend_from_slice(part);
                }
            }
        }
        let close = if upgrade { "" } else { "connection: close\r\n" };
        write!(
            head,
            "{close}date: {}\r\n\r\n",
            httpdate::fmt_http_date(SystemTime::now())
        )
    };
    let written: std::io::Result<()> = write();
    written.expect("a Vec takes every byte");
    head.into()
}

/// A request whose answer is not complete.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl InFlight {
    pub(super) fn begin(activity: Arc<Activity>) -> Self {
        activity.request_begins();
        Self(activity)
    }

    /// Lets the request, and the place of a visitor whom a proxy carries, last as long as the answer's body.
    pub(super) fn with(self, response: Response<Body>, carried: Option<Arc<Carried>>) -> Response<Held> {
        response.map(|body| Held {
            body,
            _request: self,
            _place: carried,
        })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.request_ends();
    }
}

/// An answer's body and the request that it belongs to.
#[derive(Debug)]
pub(super) struct Held {
    body: Body,
    _request: InFlight,
    _place: Option<Arc<Carried>>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
