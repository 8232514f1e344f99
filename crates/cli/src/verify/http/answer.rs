//! What can be said about an answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

/// The status and the headers that say something about a stream, for evidence.
pub(crate) fn head_lines<T>(answer: &Response<T>) -> Vec<String> {
    const TOLD: [HeaderName; 12] = [
        header::CONTENT_TYPE,
        header::CACHE_CONTROL,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::UPGRADE,
        header::LOCATION,
        header::SERVER,
        header::VIA,
        header::VARY,
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
    ];
    let mut lines = vec![format!("{:?} {}", answer.version(), answer.status())];
    for name in TOLD {
        if let Some(value) = text(answer.headers(), &name) {
            lines.push(format!("{name}: {value}"));
        }
    }
    lines
}

/// A header's value, if it is text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Where it leads, if it is a redirect. None is followed: what is behind it is another server.
pub(crate) fn redirect<T>(answer: &Response<T>) -> Option<String> {
    let leads = answer.status().is_redirection() && answer.status() != StatusCode::NOT_MODIFIED;
    leads.then(|| {
        text(answer.headers(), &header::LOCATION)
            .unwrap_or("nowhere")
            .to_owned()
    })
}

/// A short body, whole.
///
/// # Errors
/// It is longer than `most`, or ends early; the text says which.
pub(crate) async fn body(answer: Response<Incoming>, most: usize) -> Result<Bytes, String> {
    let body = Limited::new(answer.into_body(), most).collect().await;
    Ok(body.map_err(|error| error.to_string())?.to_bytes())
}
