//! A server of HTTP/2 that offers WebSockets and refuses them, and speaks HTTP/1.1 beside it.

use std::{convert::Infallible, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::TlsAcceptor;

use super::{Broken, ws};

/// The server, and the certificate that it shows, in a file.
pub(crate) struct Secure {
    pub(crate) server: Broken,
    pub(crate) certificate: PathBuf,
}

impl Secure {
    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}/socket", self.server.address.port())
    }

    pub(crate) fn trusted(&self) -> &str {
        self.certificate.to_str().expect("UTF-8")
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.certificate);
    }
}

/// Starts it; ALPN offers these.
pub(crate) async fn serve(offer: &[&[u8]]) -> Secure {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the usual versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they belong together");
    config.alpn_protocols = offer.iter().map(|protocol| protocol.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Broken::raw(move |tcp| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut tls) = acceptor.accept(tcp).await else {
                return;
            };
            if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
                let _ = http2::Builder::new(TokioExecutor::new())
                    .enable_connect_protocol()
                    .serve_connection(TokioIo::new(tls), service_fn(refuse))
                    .await; // who asked has gone
            } else if let Some(request) = super::Request::read(&mut tls).await {
                let _ = ws::socket(ws::Fault::Nothing, &request, tls).await; // who asked has gone
            }
        }
    })
    .await;
    let name = format!("wirelab-verify-{}-{}.pem", std::process::id(), server.address.port());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, certificate).expect("a file");
    Secure {
        server,
        certificate: path,
    }
}

async fn refuse(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut answer = Response::new(Empty::new());
    if request.method() == Method::CONNECT {
        *answer.status_mut() = StatusCode::NOT_IMPLEMENTED;
    }
    Ok(answer)
}
