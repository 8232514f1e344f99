//! The other end of TLS: certificates for one test, real clients, and a tunnel that says plain bytes over TLS.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::SystemTime};

use axum::body::Body;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri, Version,
    body::Incoming,
    client::conn::http2::{self, SendRequest},
    ext::Protocol,
    header::{CONNECTION, HOST, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
    server::conn::http1,
    service::service_fn,
    upgrade::Upgraded,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::Role;
use wirelab_server::Certificate;

use super::soon;

/// What a tunnel's sockets hold, and how much of a stream its HTTP/2 takes unread.
const KERNEL_BYTES: u32 = 64 * 1024;

/// A certificate for localhost, and its key.
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
    der: rustls::pki_types::CertificateDer<'static>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        adjust(&mut params);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
        }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::read(self.chain.as_bytes(), self.key.as_bytes(), SystemTime::now()).expect("a good one")
    }

    /// A client that trusts this certificate alone and offers these protocols.
    fn connector(&self, protocols: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("a certificate");
        let mut config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("the usual versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }
}

/// A handshake with whoever has the `identity`.
pub(crate) async fn secure_tcp(
    address: SocketAddr,
    identity: &Identity,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    // Its kernel takes little of what nobody reads, so that a slow reader behind a tunnel is one.
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(KERNEL_BYTES)?;
    let tcp = socket.connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    soon("a handshake", identity.connector(protocols).connect(name, tcp)).await
}

/// One HTTP/2 connection, spoken by hyper's client.
#[derive(Clone)]
pub(crate) struct Http2Client {
    send: SendRequest<Body>,
}

impl Http2Client {
    pub(crate) async fn connect(address: SocketAddr, identity: &Identity) -> Self {
        let tls = secure_tcp(address, identity, &["h2"]).await.expect("TLS");
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (send, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(KERNEL_BYTES)
            .handshake(TokioIo::new(tls))
            .await
            .expect("HTTP/2");
        tokio::spawn(connection);
        Self { send }
    }

    /// A GET.
    pub(crate) async fn get(&self, path: &str) -> Response<Incoming> {
        let answer = self.ask(Method::GET, path, HeaderMap::new(), Body::empty());
        soon("an answer", answer).await.expect("an answer")
    }

    /// An open WebSocket, in the hands of a client that others have written.
    pub(crate) async fn websocket(&self, path: &str) -> WebSocketStream<TokioIo<Upgraded>> {
        let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))]);
        let answer = soon("an answer", self.connect_websocket(path, headers))
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(
            !answer.headers().contains_key(SEC_WEBSOCKET_ACCEPT),
            "HTTP/2 has no key"
        );
        let stream = hyper::upgrade::on(answer).await.expect("a stream");
        WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Client, None).await
    }

    /// Sends a request head with a body, to `localhost`.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Body,
    ) -> hyper::Result<Response<Incoming>> {
        self.clone().send(method, path, headers, body, None).await
    }

    /// Asks for a WebSocket, as RFC 8441 says.
    pub(crate) async fn connect_websocket(&self, path: &str, headers: HeaderMap) -> hyper::Result<Response<Incoming>> {
        let protocol = Some(Protocol::from_static("websocket"));
        self.clone()
            .send(Method::CONNECT, path, headers, Body::empty(), protocol)
            .await
    }

    async fn send(
        mut self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Body,
        protocol: Option<Protocol>,
    ) -> hyper::Result<Response<Incoming>> {
        let uri = Uri::builder()
            .scheme("https")
            .authority("localhost")
            .path_and_query(path);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri.build().expect("an address");
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = headers;
        request.extensions_mut().extend(protocol.map(with).unwrap_or_default());
        self.send.ready().await?;
        self.send.send_request(request).await
    }
}

fn with(protocol: Protocol) -> hyper::http::Extensions {
    let mut extensions = hyper::http::Extensions::new();
    extensions.insert(protocol);
    extensions
}

/// Listens for plain HTTP/1.1, and says what it hears over TLS: byte for byte, or as streams of one HTTP/2 connection.
pub(crate) fn tunnel(server: SocketAddr, identity: &Identity, http2: bool) -> SocketAddr {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .set_send_buffer_size(KERNEL_BYTES)
        .expect("connections have it too");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener: TcpListener = socket.listen(1024).expect("a listener");
    let address = listener.local_addr().expect("it is bound");
    let identity = Identity {
        chain: identity.chain.clone(),
        key: identity.key.clone(),
        der: identity.der.clone(),
    };
    tokio::spawn(async move {
        let client = if http2 {
            Some(Http2Client::connect(server, &identity).await)
        } else {
            None
        };
        while let Ok((plain, _)) = listener.accept().await {
            match client.clone() {
                Some(client) => drop(tokio::spawn(translate(plain, client))),
                None => {
                    let tls = secure_tcp(server, &identity, &["http/1.1"]).await;
                    tokio::spawn(forward(plain, tls.expect("TLS")));
                }
            }
        }
    });
    address
}

async fn forward(mut plain: TcpStream, mut tls: TlsStream<TcpStream>) {
    let _ = copy_bidirectional(&mut plain, &mut tls).await;
}

async fn translate(plain: TcpStream, client: Http2Client) {
    let service = service_fn(|request| {
        let client = client.clone();
        async move { Ok::<_, Infallible>(pass_on(request, client).await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(plain), service);
    let _ = connection.with_upgrades().await;
}

async fn pass_on(mut request: Request<Incoming>, client: Http2Client) -> Response<Body> {
    let path = request.uri().path_and_query().expect("a path").to_string();
    let mut headers = std::mem::take(request.headers_mut());
    headers.remove(HOST); // :authority says it
    headers.remove(CONNECTION);
    if headers.remove(UPGRADE).is_none() {
        let (method, body) = (request.method().clone(), Body::new(request.into_body()));
        let answer = client.ask(method, &path, headers, body).await;
        return answer.expect("an answer").map(Body::new);
    }
    let key = headers.remove(SEC_WEBSOCKET_KEY).expect("a key");
    let mut answer = client.connect_websocket(&path, headers).await.expect("an answer");
    if answer.status() != StatusCode::OK {
        return answer.map(Body::new);
    }
    let (near, far) = (hyper::upgrade::on(&mut request), hyper::upgrade::on(&mut answer));
    tokio::spawn(async move {
        let (near, far) = (near.await.expect("an upgrade"), far.await.expect("an upgrade"));
        let _ = copy_bidirectional(&mut TokioIo::new(near), &mut TokioIo::new(far)).await;
    });
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let mut upgraded = answer.map(|_| Body::empty());
    *upgraded.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *upgraded.version_mut() = Version::HTTP_11;
    for (name, value) in [
        (CONNECTION, "upgrade"),
        (UPGRADE, "websocket"),
        (SEC_WEBSOCKET_ACCEPT, &accept),
    ] {
        upgraded.headers_mut().insert(name, value.parse().expect("ASCII"));
    }
    upgraded
}
