//! A client of HTTP for servers that may be broken: one connection for each question, every step with its time, and
//! nothing followed, repeated or kept.

mod answer;

use std::{
    fmt,
    future::{Future as _, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Empty;
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

pub(crate) use self::answer::{body, head_lines, redirect, text};
use super::url::HttpUrl;
use crate::trust::{self, Trust};

/// Bytes of an answer's head, or of a frame of HTTP/2, that are taken: a server that sends more is broken.
const MOST_HEAD_BYTES: usize = 64 * 1024;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

impl Version {
    /// Its name in ALPN (RFC 7301).
    fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        })
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum HttpError {
    #[error("the host {host} is not known: {source}. Is its name spelt right?")]
    Unknown { host: String, source: io::Error },
    #[error(
        "nothing answers at {authority} ({address}): {source}. Is the server up, and does a firewall let you through?"
    )]
    Unreachable {
        authority: String,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("TLS with {authority} did not come about: {why}")]
    Tls { authority: String, why: String },
    #[error("the server does not offer {0} (ALPN)")]
    NotOffered(Version),
    #[error("what answers is no HTTP: {0}")]
    NotHttp(String),
    #[error("the connection ended before there was an answer: {0}")]
    Ended(String),
    #[error("no answer after {} ms", .0.as_millis())]
    Silent(Duration),
}

/// Any stream of bytes.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection, with TLS where the URL has it.
pub(crate) type Stream = Box<dyn Io>;

/// A server of HTTP, found.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) url: HttpUrl,
    addresses: Vec<SocketAddr>,
    trust: Option<Trust>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// How long it may take to answer.
    pub(crate) timeout: Duration,
}

impl Server {
    /// Looks the name up. `trust` is who is believed where the URL has TLS.
    ///
    /// # Errors
    /// The name is not known.
    pub(crate) async fn find(
        url: HttpUrl,
        trust: Option<Trust>,
        headers: Vec<(HeaderName, HeaderValue)>,
        patience: Duration,
    ) -> Result<Self, HttpError> {
        let unknown = |source| HttpError::Unknown {
            host: url.host.clone(),
            source,
        };
        let found = timeout(patience, lookup_host((url.host.as_str(), url.port)))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(unknown)?;
        let addresses: Vec<_> = found.take(MOST_ADDRESSES).collect();
        if addresses.is_empty() {
            return Err(unknown(io::Error::other("it has no address")));
        }
        Ok(Self {
            url,
            addresses,
            trust,
            headers,
            timeout: patience,
        })
    }

    /// The same server with another path.
    pub(crate) fn at(&self, path: &str) -> Self {
        Self {
            url: self.url.at(path),
            ..self.clone()
        }
    }

    /// The same server, which may take this long to answer if that is longer.
    pub(crate) fn patient(&self, patience: Duration) -> Self {
        Self {
            timeout: self.timeout.max(patience),
            ..self.clone()
        }
    }

    /// Connects to the first address that answers; `offer` is what ALPN offers over TLS. Says what was chosen, if anything was.
    ///
    /// # Errors
    /// Nothing answers, or TLS does not come about.
    pub(crate) async fn connect(&self, offer: &[Version]) -> Result<(Stream, Option<Version>), HttpError> {
        let tcp = self.tcp().await?;
        let Some(trust) = self.trust.as_ref().filter(|_| self.url.is_secure) else {
            return Ok((Box::new(tcp), None));
        };
        let failed = |why: String| HttpError::Tls {
            authority: self.url.authority.clone(),
            why,
        };
        let name = trust::server_name(&self.url.host).map_err(failed)?;
        let mut config = trust.config();
        config.alpn_protocols = offer.iter().map(|version| version.alpn().to_vec()).collect();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = timeout(self.timeout, connector.connect(name, tcp))
            .await
            .map_err(|_| failed(format!("no answer to the greeting in {} ms", self.timeout.as_millis())))?
            .map_err(|error| match offer {
                [only] if trust::is_about_alpn(&error) => HttpError::NotOffered(*only),
                _ => failed(trust::explain(&error)),
            })?;
        let chosen = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Some(Version::Http2),
            Some(b"http/1.1") => Some(Version::Http1),
            _ => None,
        };
        Ok((Box::new(stream), chosen))
    }

    async fn tcp(&self) -> Result<TcpStream, HttpError> {
        let mut last = None;
        for &address in &self.addresses {
            let connected = timeout(self.timeout, TcpStream::connect(address)).await;
            match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(tcp) => {
                    let _ = tcp.set_nodelay(true); // it is a little later without
                    return Ok(tcp);
                }
                Err(source) => {
                    last = Some(HttpError::Unreachable {
                        authority: self.url.authority.clone(),
                        address,
                        source,
                    });
                }
            }
        }
        Err(last.expect("there is an address: `find` saw to it"))
    }

    /// A connection that speaks this version. Plain HTTP/2 is spoken with prior knowledge, as no browser does.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn open(&self, version: Version) -> Result<Connection, HttpError> {
        let (stream, chosen) = self.connect(&[version]).await?;
        if self.url.is_secure && version == Version::Http2 && chosen != Some(Version::Http2) {
            return Err(HttpError::NotOffered(version));
        }
        let io = TokioIo::new(stream);
        let mut http2 = None;
        let (sender, driver) = match version {
            Version::Http1 => {
                let built = http1::Builder::new().max_buf_size(MOST_HEAD_BYTES).handshake(io).await;
                let (sender, connection) = built.map_err(|error| explain(&error))?;
                let driver = tokio::spawn(async move {
                    let _ = connection.with_upgrades().await; // whoever waits for the answer is told
                });
                (Sender::Http1(sender), driver)
            }
            Version::Http2 => {
                let built = http2::Builder::new(TokioExecutor::new())
                    .max_header_list_size(MOST_HEAD_BYTES as u32)
                    .handshake(io);
                // A server that is silent does not answer the greeting either.
                let built = timeout(self.timeout, built)
                    .await
                    .map_err(|_| HttpError::Silent(self.timeout))?;
                let (sender, connection) = built.map_err(|error| explain(&error))?;
                let connection = Arc::new(Mutex::new(connection));
                http2 = Some(connection.clone());
                let driver = tokio::spawn(poll_fn(move |cx| {
                    let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                    Pin::new(&mut *connection).poll(cx).map(drop) // whoever waits for the answer is told
                }));
                (Sender::Http2(sender), driver)
            }
        };
        Ok(Connection {
            sender,
            driver,
            http2,
            timeout: self.timeout,
        })
    }

    /// A request for the URL's own path, with the headers that were asked for.
    pub(crate) fn get(&self) -> http::request::Builder {
        self.request_for(&self.url.path)
    }

    /// A request for another path.
    pub(crate) fn request_for(&self, path: &str) -> http::request::Builder {
        let scheme = if self.url.is_secure { "https" } else { "http" };
        let mut request = Request::builder().uri(format!("{scheme}://{}{path}", self.url.authority));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.header(http::header::USER_AGENT, concat!("wirelab/", env!("CARGO_PKG_VERSION")))
    }

    /// The whole answer to one request, on a connection of its own.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn ask(
        &self,
        version: Version,
        request: Request<Empty<Bytes>>,
    ) -> Result<(Connection, Response<Incoming>), HttpError> {
        let mut connection = self.open(version).await?;
        let answer = connection.send(request).await?;
        Ok((connection, answer))
    }

    /// What its name stands for: at least one.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn is_trusting(&self) -> bool {
        self.trust.as_ref().is_some_and(Trust::is_blind)
    }
}

enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

type Http2 = http2::Connection<TokioIo<Stream>, Empty<Bytes>, TokioExecutor>;

/// An open connection. It ends with this value.
pub(crate) struct Connection {
    sender: Sender,
    driver: JoinHandle<()>,
    /// It knows the server's settings.
    http2: Option<Arc<Mutex<Http2>>>,
    timeout: Duration,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Sends a request and waits for the answer's head.
    ///
    /// # Errors
    /// There is none, or not in time.
    pub(crate) async fn send(&mut self, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, HttpError> {
        let (sender, patience) = (&mut self.sender, self.timeout);
        let answer = async {
            match sender {
                Sender::Http1(sender) => sender.send_request(origin_form(request)).await,
                Sender::Http2(sender) => sender.send_request(request).await,
            }
        };
        let answer = timeout(patience, answer)
            .await
            .map_err(|_| HttpError::Silent(patience))?;
        answer.map_err(|error| explain(&error))
    }

    /// Whether a WebSocket may be opened over HTTP/2 (RFC 8441). It is known once something was answered.
    pub(crate) fn takes_websockets(&self) -> bool {
        self.http2.as_ref().is_some_and(|connection| {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            connection.is_extended_connect_protocol_enabled()
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// HTTP/1.1 names the host in `Host` and the path alone in its first line.
fn origin_form(request: Request<Empty<Bytes>>) -> Request<Empty<Bytes>> {
    let (mut head, body) = request.into_parts();
    if let Some(authority) = head.uri.authority() {
        let host = HeaderValue::from_str(authority.as_str()).expect("an authority is plain text");
        head.headers.entry(http::header::HOST).or_insert(host);
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    head.uri = path.parse().expect("it was a path before");
    Request::from_parts(head, body)
}

fn explain(error: &hyper::Error) -> HttpError {
    let cause = std::error::Error::source(error)
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    let why = format!("{error}{cause}");
    if error.is_parse() {
        HttpError::NotHttp(why)
    } else {
        HttpError::Ended(why)
    }
}
