//! The pages: `web/` as it stood when the binary was built, or read afresh from `--web-dir`.
//!
//! What you read in the tree is what the browser runs: no bundler, no rewriting. Only plain names of a few kinds are
//! ever looked up, so that no spelling of a path leads out of the folder.

use std::{borrow::Cow, fmt::Write as _, path::Path};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH},
};
use rust_embed::RustEmbed;

use crate::{app::App, problem::Problem};

/// The page under `/`.
const INDEX: &str = "index.html";

/// Folders of `web/` that are no pages.
const NOT_SERVED: [&str; 2] = ["test", "node_modules"];

/// Everything of `web/` that a browser is served.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web"]
#[include = "*.html"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
#[exclude = "test/*"]
#[exclude = "node_modules/*"]
struct Pages;

/// What `build.rs` had from npm; empty where it could not.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/vendor"]
#[prefix = "vendor/"]
struct Vendor;

/// Answers with a page: the router's fallback, since every path that is nothing else may be one.
pub(crate) async fn answer(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let page = match Name::parse(uri.path()) {
        Some(name) => find(&name, app.config.web_dir.as_deref()).await,
        None => None,
    };
    let Some(page) = page else {
        let detail = "There is no page under this path. The pages start at /.";
        return Problem::http(StatusCode::NOT_FOUND, detail).into_response();
    };
    if !matches!(method, Method::GET | Method::HEAD) {
        let problem = Problem::http(StatusCode::METHOD_NOT_ALLOWED, "Pages are read with GET or HEAD.");
        return ([(ALLOW, HeaderValue::from_static("GET, HEAD"))], problem).into_response();
    }
    page.answer(&headers)
}

/// Whether the pages can draw plots: false when the binary was built without npm.
pub(crate) fn has_plots() -> bool {
    Vendor::get("vendor/uplot.js").is_some()
}

/// A path that may name a page: plain parts and an ending that is served.
struct Name {
    path: String,
    content_type: &'static str,
}

impl Name {
    fn parse(path: &str) -> Option<Self> {
        let path = match path.strip_prefix('/')? {
            "" => INDEX,
            path => path,
        };
        // No percent signs, backslashes or colons, no hidden names, no "..": nothing to decode, nothing to escape.
        let plain = |part: &str| {
            let alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(alphabet)
        };
        let first = path.split('/').next()?;
        if NOT_SERVED.contains(&first) || !path.split('/').all(plain) {
            return None;
        }
        let content_type = match path.rsplit_once('.')?.1 {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            "txt" if first == "vendor" => "text/plain; charset=utf-8", // the licence
            _ => return None,
        };
        Some(Self {
            path: path.to_owned(),
            content_type,
        })
    }

    fn is_vendor(&self) -> bool {
        self.path.starts_with("vendor/")
    }
}

struct Page {
    content_type: &'static str,
    bytes: Cow<'static, [u8]>,
    /// None: read from disk, where it may change at any time.
    etag: Option<HeaderValue>,
}

async fn find(name: &Name, web_dir: Option<&Path>) -> Option<Page> {
    let content_type = name.content_type;
    if let Some(folder) = web_dir.filter(|_| !name.is_vendor()) {
        let file = folder.join(&name.path);
        let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
        let bytes = read.expect("reading a file does not panic").ok()?;
        return Some(Page {
            content_type,
            bytes: bytes.into(),
            etag: None,
        });
    }
    let file = if name.is_vendor() {
        Vendor::get(&name.path)?
    } else {
        Pages::get(&name.path)?
    };
    Some(Page {
        content_type,
        bytes: file.data,
        etag: Some(etag(&file.metadata.sha256_hash())),
    })
}

impl Page {
    fn answer(self, asked: &HeaderMap) -> Response {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache")); // keep it, but ask each time
        if let Some(etag) = self.etag {
            let unchanged = has(asked, &etag);
            headers.insert(ETAG, etag);
            if unchanged {
                return (StatusCode::NOT_MODIFIED, headers).into_response();
            }
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        (headers, self.bytes).into_response()
    }
}

/// Half of the content's SHA-256: enough to tell versions of one file apart.
fn etag(sha256: &[u8; 32]) -> HeaderValue {
    let mut text = String::from("\"");
    for byte in &sha256[..16] {
        write!(text, "{byte:02x}").expect("a String takes every text");
    }
    text.push('"');
    HeaderValue::try_from(text).expect("hexadecimal digits in quotes")
}

/// Whether the client has this version already (RFC 9110, section 13.1.2: weak comparison, or any).
fn has(asked: &HeaderMap, etag: &HeaderValue) -> bool {
    let lists = asked
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|list| list.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_of_a_few_kinds_are_looked_up() {
        let name = |path: &str| Name::parse(path).map(|name| (name.path, name.content_type));
        assert_eq!(name("/"), Some(("index.html".into(), "text/html; charset=utf-8")));
        assert_eq!(
            name("/lib/transport/sse.js"),
            Some(("lib/transport/sse.js".into(), "text/javascript; charset=utf-8"))
        );
        assert_eq!(
            name("/vendor/uplot.license.txt"),
            Some(("vendor/uplot.license.txt".into(), "text/plain; charset=utf-8"))
        );
        for path in [
            "",
            "index.html",
            "//",
            "//index.html",
            "/lib//dom.js",
            "/lib/",
            "/lib",
            "/..",
            "/../Cargo.toml",
            "/../web/index.html",
            "/lib/../index.html",
            "/./index.html",
            "/%2e%2e/index.html",
            "/..%2findex.html",
            "/lib%2fdom.js",
            "/..\\index.html",
            "/C:/index.html",
            "/.hidden.js",
            "/.npmrc",
            "/lib/.x.js",
            "/package.json",
            "/tsconfig.json",
            "/readme.txt",
            "/index.html%00.js",
            "/index.html\0",
            "/index",
            "/index.",
            "/test/browser/pages.js",
            "/node_modules/uplot/dist/uPlot.esm.js",
            "/index.HTML",
            "/ü.html",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
    }

    #[tokio::test]
    async fn a_folder_is_read_afresh_and_nothing_outside_it() {
        let folder = std::env::temp_dir().join(format!("wirelab-pages-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("web")).expect("a folder");
        std::fs::write(folder.join("secret.js"), "secret").expect("a file");
        let web = folder.join("web");
        let read = async |path: &str| find(&Name::parse(path)?, Some(&web)).await.map(|page| page.bytes);

        assert_eq!(read("/new.js").await, None);
        for text in ["one", "two"] {
            std::fs::write(web.join("new.js"), text).expect("a file");
            assert_eq!(read("/new.js").await.expect("a page"), text.as_bytes());
        }
        assert_eq!(read("/../secret.js").await, None);
        std::fs::remove_dir_all(folder).expect("it is ours");
    }

    #[test]
    fn a_version_that_the_client_has_is_not_sent_again() {
        let page = || Page {
            content_type: "text/css",
            bytes: Cow::Borrowed(b"a"),
            etag: Some(etag(&[7; 32])),
        };
        let tag = "\"07070707070707070707070707070707\"";
        let ask = |value: &str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(value).expect("ASCII"))]);
            page().answer(&headers)
        };
        for (value, status) in [
            (tag.to_owned(), 304),
            (format!("W/{tag}"), 304),
            (format!("\"other\", {tag}"), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
            (tag.trim_matches('"').to_owned(), 200),
        ] {
            let answer = ask(&value);
            assert_eq!(answer.status().as_u16(), status, "{value}");
            assert_eq!(answer.headers()[ETAG], tag);
            assert_eq!(answer.headers()[CACHE_CONTROL], "no-cache");
        }
    }

    #[test]
    fn tests_and_packages_are_not_embedded() {
        for path in Pages::iter() {
            let name = Name::parse(&format!("/{path}"));
            assert!(name.is_some(), "{path} is embedded but never served");
        }
    }
}
