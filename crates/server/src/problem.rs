//! Errors as RFC 9457 problem JSON: the one shape in which this server says no.
//!
//! `{"title":"Forbidden","status":403,"code":"forbidden","detail":"…"}` as `application/problem+json`. `type` is left
//! out, which says `about:blank`: the title is the status in words, `code` is for programs and `detail` says to people
//! what happened, why, and what to do. [`uniform`] turns the answers of axum and tower (404, 405, a body too large, an
//! extractor's rejection) into the same shape, so that no handler needs to remember.

use std::borrow::Cow;

use axum::{
    body::{Body, to_bytes},
    response::{IntoResponse, Response},
};
use hyper::{
    HeaderMap, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde::Serialize;
use wirelab_model::frame::ErrorCode;

/// The media type of RFC 9457.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// When a limit may have passed, s.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("10");

/// Most of a foreign answer's text that becomes `detail`, bytes. Rejections are a sentence.
const MAX_FOREIGN_DETAIL_BYTES: usize = 2048;

/// One refusal or failure, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    code: Code,
    detail: Cow<'static, str>,
    /// What is wrong one by one, where several things may be: an extension, as RFC 9457 allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// One of several things that are wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    pub(crate) detail: String,
    /// The fields that it is about.
    pub(crate) keys: Vec<String>,
}

/// The word for programs: a frame's, where the lanes have the same error, or one that only HTTP knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Code {
    Frame(ErrorCode),
    Http(&'static str),
}

impl Problem {
    /// What the lanes would say as an `error` frame, with the status that goes with it.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let status = match code {
            ErrorCode::BadJson
            | ErrorCode::UnknownType
            | ErrorCode::BadTopic
            | ErrorCode::BadCursor
            | ErrorCode::BadField => StatusCode::BAD_REQUEST,
            ErrorCode::Reserved | ErrorCode::Forbidden => StatusCode::FORBIDDEN,
            ErrorCode::NotSubscribed => StatusCode::CONFLICT,
            ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::Limit => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self {
            title: title(status),
            status,
            code: Code::Frame(code),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// A refusal that only HTTP has. The word is made from the status: `404` is `not_found`.
    #[must_use]
    pub fn http(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            title: title(status),
            status,
            code: code(status),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }
}

impl Problem {
    /// The same, with each thing that is wrong named by itself too.
    pub(crate) fn with_errors(self, errors: Vec<Fault>) -> Self {
        Self { errors, ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem is texts and a number");
        let mut answer = (self.status, [(CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if matches!(
            self.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S);
        }
        answer
    }
}

/// Gives every answer of status 400 and above that is no problem JSON yet that shape (for
/// `axum::middleware::map_response`). Headers such as `Allow` stay.
pub(crate) async fn uniform(answer: Response) -> Response {
    let is_problem = answer.headers().get(CONTENT_TYPE) == Some(&PROBLEM_JSON);
    if is_problem || !(answer.status().is_client_error() || answer.status().is_server_error()) {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let detail = match (head.status, said(body).await) {
        // The framework's words for this name neither the limit nor what to do.
        (StatusCode::PAYLOAD_TOO_LARGE, _) | (_, None) => Cow::Borrowed(usual_detail(head.status)),
        (_, Some(text)) => Cow::Owned(text),
    };
    let (problem, body) = Problem::http(head.status, detail).into_response().into_parts();
    replace(&mut head.headers, problem.headers);
    Response::from_parts(head, body)
}

/// What a foreign answer said, if it is short text.
async fn said(body: Body) -> Option<String> {
    let bytes = to_bytes(body, MAX_FOREIGN_DETAIL_BYTES).await.ok()?;
    let text = std::str::from_utf8(&bytes).ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn replace(headers: &mut HeaderMap, ours: HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.extend(ours); // for a name of ours, this puts our value in the place of the old one
}

/// For answers that came without a word.
fn usual_detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is nothing under this path. The pages start at /, the API at /api/info.",
        StatusCode::METHOD_NOT_ALLOWED => "This path does not take this method; the Allow header names those it takes.",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is larger than this server takes. /api/info names the limits.",
        StatusCode::REQUEST_TIMEOUT => "The request took too long to arrive or to be answered.",
        _ if status.is_server_error() => "The server could not do this. Its log says why.",
        _ => "The server cannot answer this request as it stands.",
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

/// Where the lanes have a word for the same thing, that word.
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::BAD_REQUEST => Code::Http("bad_request"),
        StatusCode::UNAUTHORIZED => Code::Http("unauthorized"),
        StatusCode::FORBIDDEN => Code::Frame(ErrorCode::Forbidden),
        StatusCode::NOT_FOUND => Code::Http("not_found"),
        StatusCode::METHOD_NOT_ALLOWED => Code::Http("method_not_allowed"),
        StatusCode::PAYLOAD_TOO_LARGE => Code::Frame(ErrorCode::TooLarge),
        StatusCode::MISDIRECTED_REQUEST => Code::Http("misdirected"),
        StatusCode::TOO_MANY_REQUESTS => Code::Frame(ErrorCode::Limit),
        StatusCode::SERVICE_UNAVAILABLE => Code::Frame(ErrorCode::Unavailable),
        _ if status.is_server_error() => Code::Http("server_error"),
        _ => Code::Http("refused"),
    }
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use axum::{Router, extract::DefaultBodyLimit, http::Request, middleware::map_response, routing::post};
    use hyper::header::ALLOW;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;

    async fn read(answer: Response) -> (StatusCode, HeaderMap, Value) {
        let (head, body) = answer.into_parts();
        assert_eq!(head.headers[CONTENT_TYPE], PROBLEM_JSON);
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        (head.status, head.headers, serde_json::from_slice(&bytes).expect("JSON"))
    }

    #[tokio::test]
    async fn a_problem_is_the_json_of_rfc_9457() {
        let (status, _, body) = read(Problem::new(ErrorCode::BadTopic, "No.").into_response()).await;
        assert_eq!(status, 400);
        assert_eq!(
            body,
            json!({"title": "Bad Request", "status": 400, "code": "bad_topic", "detail": "No."})
        );
    }

    #[tokio::test]
    async fn answers_of_the_framework_become_problems() {
        let app = Router::new()
            .route(
                "/in",
                post(|_: String| async { "taken" }).layer(DefaultBodyLimit::max(4)),
            )
            .layer(map_response(uniform));
        let ask = |method: &str, path: &str, body: &'static [u8]| {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::from(body))
                .expect("a request");
            app.clone().oneshot(request)
        };

        let (status, _, body) = read(ask("GET", "/nowhere", b"").await.expect("an answer")).await;
        assert_eq!((status.as_u16(), body["code"].as_str()), (404, Some("not_found")));

        let (status, headers, body) = read(ask("DELETE", "/in", b"").await.expect("an answer")).await;
        assert_eq!(
            (status.as_u16(), body["code"].as_str()),
            (405, Some("method_not_allowed"))
        );
        assert_eq!(headers[ALLOW], "POST");

        let (status, headers, body) = read(ask("POST", "/in", b"12345").await.expect("an answer")).await;
        assert_eq!((status.as_u16(), body["code"].as_str()), (413, Some("too_large")));
        assert_eq!(headers.get_all(CONTENT_TYPE).iter().count(), 1);
        assert!(
            body["detail"].as_str().is_some_and(|text| text.contains("/api/info")),
            "what to do: {body}"
        );

        let (status, _, body) = read(ask("POST", "/in", b"\xff\xff").await.expect("an answer")).await;
        assert_eq!(status, 400);
        assert!(
            body["detail"].as_str().is_some_and(|text| text.contains("UTF-8")),
            "axum's own words: {body}"
        );

        let good = ask("POST", "/in", b"1234").await.expect("an answer");
        assert_eq!(good.status(), 200);
    }
}
