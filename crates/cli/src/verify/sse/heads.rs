//! What answers say in their heads.

use http::{HeaderMap, header};

use super::stream::open;
use crate::verify::{
    check::Finding,
    http::{HttpError, Server, Version, text},
};

/// What browsers ask for.
const BROWSERS_TAKE: &str = "gzip, deflate, br, zstd";
/// Streams of one browser to one server over HTTP/1.1.
const WALL: &str = "six";

/// The version that a browser would speak.
///
/// # Errors
/// Nothing answers.
pub(in crate::verify) async fn version(server: &Server) -> Result<Version, HttpError> {
    let (_stream, chosen) = server.connect(&[Version::Http2, Version::Http1]).await?;
    Ok(chosen.unwrap_or(Version::Http1))
}

pub(in crate::verify) fn no_transform(headers: &HeaderMap) -> Finding {
    let said = text(headers, &header::CACHE_CONTROL).unwrap_or_default();
    let has = |word: &str| said.split(',').any(|part| part.trim().eq_ignore_ascii_case(word));
    let measured = if said.is_empty() {
        "no Cache-Control".into()
    } else {
        format!("Cache-Control: {said}")
    };
    if !has("no-transform") {
        let hint = "send Cache-Control: no-cache, no-transform, or somebody may compress or gather it";
        Finding::warn(measured, hint)
    } else if !has("no-cache") && !has("no-store") {
        Finding::warn(measured, "send no-cache beside it: a stream is not to be kept")
    } else {
        Finding::pass(measured)
    }
}

/// `plain` is the head of an answer that was not asked to be compressed.
pub(in crate::verify) async fn compression(server: &Server, version: Version, plain: &HeaderMap) -> Finding {
    const HINT: &str = "a compressor is a buffer: leave text/event-stream out of it (nginx: gzip off)";
    let encoding = |headers: &HeaderMap| {
        let said = text(headers, &header::CONTENT_ENCODING)
            .unwrap_or("identity")
            .to_ascii_lowercase();
        (said != "identity").then_some(said)
    };
    if let Some(unasked) = encoding(plain) {
        return Finding::fail(format!("{unasked}, though nobody asked for it"), HINT);
    }
    let opened = match open(server, version, &[(header::ACCEPT_ENCODING, BROWSERS_TAKE)]).await {
        Ok(opened) => opened,
        Err(error) => return Finding::skip(format!("asked as a browser asks: {error}")),
    };
    let forbidden = text(&opened.headers, &header::CACHE_CONTROL).is_some_and(|said| said.contains("no-transform"));
    match encoding(&opened.headers) {
        None => Finding::pass("none, with and without Accept-Encoding"),
        Some(asked) if forbidden => Finding::fail(format!("{asked} for who takes it, in spite of no-transform"), HINT),
        Some(asked) => Finding::warn(format!("{asked} for who takes it"), HINT),
    }
    .seen(format!("asked with Accept-Encoding: {BROWSERS_TAKE}"))
    .seen_all(opened.lines.iter().cloned())
}

pub(in crate::verify) fn http2(server: &Server, version: Version) -> Finding {
    match (version, server.url.is_secure) {
        (Version::Http2, _) => Finding::pass("HTTP/2: all streams of a browser share one connection"),
        (Version::Http1, true) => Finding::warn(
            format!("HTTP/1.1 only: a browser opens {WALL} streams, and the seventh tab waits"),
            "offer h2 in ALPN: nginx: listen … ssl http2; HAProxy: alpn h2,http/1.1",
        ),
        (Version::Http1, false) => Finding::warn(
            format!("without TLS: browsers speak HTTP/1.1 and open {WALL} streams, and the seventh tab waits"),
            "serve it by https with HTTP/2",
        ),
    }
}

pub(in crate::verify) async fn origin(server: &Server, version: Version, foreign: &str) -> Finding {
    let site = http::HeaderName::from_static("sec-fetch-site");
    let opened = match open(server, version, &[(header::ORIGIN, foreign), (site, "cross-site")]).await {
        Ok(opened) => opened,
        Err(error) => return Finding::skip(format!("asked from {foreign}: {error}")),
    };
    let allowed = text(&opened.headers, &header::ACCESS_CONTROL_ALLOW_ORIGIN);
    let with_cookies = text(&opened.headers, &header::ACCESS_CONTROL_ALLOW_CREDENTIALS) == Some("true");
    let hint = "allow the origins that you know, by name";
    match allowed {
        _ if opened.status.is_client_error() => {
            Finding::pass(format!("{} to a page of {foreign}", opened.status.as_u16()))
        }
        Some(origin) if origin == foreign && with_cookies => Finding::fail(
            format!("a page of {foreign} reads it, with the visitor's cookies"),
            hint,
        ),
        Some(origin) if origin == foreign || origin == "*" => Finding::warn(
            format!("Access-Control-Allow-Origin: {origin}, so any page may read it without cookies"),
            format!("if it is not public, {hint}"),
        ),
        _ => Finding::pass(format!(
            "{}, and a browser keeps it from a page of {foreign}",
            opened.status.as_u16()
        )),
    }
    .seen(format!("asked with Origin: {foreign}"))
    .seen_all(opened.lines.iter().cloned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::verify::check::Verdict::{Pass, Warn};

    #[test]
    fn no_transform_is_a_word_of_cache_control() {
        for (said, verdict) in [
            (Some("no-cache, no-transform"), Pass),
            (Some("No-Store,No-Transform"), Pass),
            (Some("no-transform"), Warn),
            (Some("no-cache"), Warn),
            (None, Warn),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(said));
            }
            assert_eq!(no_transform(&headers).verdict, verdict, "{said:?}");
        }
    }
}
