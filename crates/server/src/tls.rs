//! TLS: the certificate that an https entrance shows, and how another takes its place while it serves.
//!
//! Reading files and making a development certificate is `cli`'s work: here PEM comes in, and what cannot be served is
//! said before anybody connects.

use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use rustls::{
    ServerConfig,
    client::verify_server_name,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName,
        pem::{self, PemObject as _},
    },
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use x509_parser::{parse_x509_certificate, time::ASN1Time};

use crate::Host;

/// What is offered in a handshake, the best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// What a connection keeps of encrypted bytes that the kernel does not take yet.
const WAITING_BYTES: usize = 16 * 1024;

/// A certificate with its chain and its key, which belong together and are good now.
#[derive(Clone, Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    not_after: ASN1Time,
}

/// Why a certificate cannot be served. The sentences go on behind a file's name.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The chain is no PEM.
    #[error("the certificate is no PEM: {0}")]
    ChainPem(pem::Error),
    /// The chain is empty.
    #[error("there is no certificate in it: it must begin with -----BEGIN CERTIFICATE-----, the server's own first")]
    NoCertificate,
    /// The certificate is PEM and no certificate.
    #[error("the certificate cannot be read: {0}")]
    NoX509(String),
    /// Its time is over.
    #[error("the certificate has expired, on {0}: get a new one, or leave it out for a development certificate")]
    Expired(ASN1Time),
    /// Its time has not come.
    #[error("the certificate is only good from {0} on: is this machine's clock right?")]
    NotYet(ASN1Time),
    /// There is no key.
    #[error("there is no private key in it: it must hold -----BEGIN PRIVATE KEY-----, unencrypted")]
    NoKey,
    /// The key is under a password.
    #[error(
        "the key is under a password, which nobody could be asked for: openssl pkey -in KEY -out OPEN takes it off"
    )]
    KeyEncrypted,
    /// The key is PEM and of no use.
    #[error("the private key cannot be used: {0}")]
    KeyUnusable(rustls::Error),
    /// Each is good, but not with the other.
    #[error("this private key belongs to another certificate")]
    KeyOfAnother,
}

impl CertificateError {
    /// Whether it is the key that cannot be used.
    #[must_use]
    pub fn is_of_key(&self) -> bool {
        match self {
            Self::NoKey | Self::KeyEncrypted | Self::KeyUnusable(_) | Self::KeyOfAnother => true,
            Self::ChainPem(_) | Self::NoCertificate | Self::NoX509(_) | Self::Expired(_) | Self::NotYet(_) => false,
        }
    }
}

impl Certificate {
    /// Reads a chain and a key in PEM, as they have to be at `now`.
    ///
    /// # Errors
    /// One of them cannot be read or used, they do not belong together, or the certificate is not good at `now`.
    pub fn read(chain: &[u8], key: &[u8], now: SystemTime) -> Result<Self, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(CertificateError::ChainPem)?;
        let first = chain.first().ok_or(CertificateError::NoCertificate)?;
        let (_, parsed) = parse_x509_certificate(first).map_err(|error| CertificateError::NoX509(error.to_string()))?;
        let (from, to) = (parsed.validity().not_before, parsed.validity().not_after);
        let now = i64::try_from(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
        if now > to.timestamp() {
            return Err(CertificateError::Expired(to));
        }
        if now < from.timestamp() {
            return Err(CertificateError::NotYet(from));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            let encrypted = [&b"ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"];
            if encrypted
                .iter()
                .any(|mark| key.windows(mark.len()).any(|window| window == *mark))
            {
                CertificateError::KeyEncrypted
            } else {
                CertificateError::NoKey
            }
        })?;
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CertificateError::KeyOfAnother,
            error => CertificateError::KeyUnusable(error),
        })?;
        Ok(Self {
            key: Arc::new(key),
            not_after: to,
        })
    }

    /// How long it is still good.
    #[must_use]
    pub fn good_for(&self, now: SystemTime) -> std::time::Duration {
        let end = UNIX_EPOCH + std::time::Duration::from_secs(self.not_after.timestamp().try_into().unwrap_or(0));
        end.duration_since(now).unwrap_or_default()
    }

    /// Whether a browser that asks for `host` takes it for the right one.
    #[must_use]
    pub fn is_for(&self, host: &Host) -> bool {
        let name = host.to_string();
        let name = ServerName::try_from(name.trim_matches(['[', ']'])).map(|name| name.to_owned());
        let own = self
            .key
            .cert
            .first()
            .and_then(|der| ParsedCertificate::try_from(der).ok());
        matches!((name, own), (Ok(name), Some(own)) if verify_server_name(&own, &name).is_ok())
    }

    /// The SHA-256 of the certificate, as browsers show it: pairs of hexadecimal digits with colons between.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256
            .tls13()
            .expect("it is of TLS 1.3");
        let hash = suite.common.hash_provider.hash(&self.key.cert[0]);
        let pairs: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }
}

/// What answers the handshakes of an entrance. Clones answer alike.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

/// The certificate that the next handshake is shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// TLS 1.3 and 1.2 with rustls's suites, HTTP/2 and HTTP/1.1.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        let shown = Arc::new(Shown(RwLock::new(certificate.key)));
        let provider: Arc<CryptoProvider> = ring::default_provider().into();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has suites for the usual versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Self {
            config: Arc::new(config),
            shown,
        }
    }

    /// Shows another certificate from the next handshake on. Connections that stand are not touched.
    pub fn replace(&self, certificate: Certificate) {
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = certificate.key;
    }

    /// The handshake.
    pub(crate) async fn accept(&self, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        let limited = |session: &mut rustls::ServerConnection| session.set_buffer_limit(Some(WAITING_BYTES));
        acceptor.accept_with(tcp, limited).await
    }
}
