//! Who is believed where a server has TLS.

use std::{fmt, io, path::Path, path::PathBuf, sync::Arc};

use clap::Args;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use thiserror::Error as ThisError;

/// Why it is not known whom to believe.
#[derive(Debug, ThisError)]
pub(crate) enum TlsError {
    #[error("the certificates of --ca {path} cannot be read: {why}. It takes a PEM file", path = path.display())]
    Ca { path: PathBuf, why: String },
    #[error(
        "this machine trusts no certificate authority, so no server can be verified: install its certificates \
         (Debian: ca-certificates), name a file with --ca, or take --insecure"
    )]
    NoRoots,
}

/// Whom to believe, as a command is told.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Belief {
    /// PEM file of certificates that are trusted, beside those that this machine trusts
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Trust any certificate; the report says so
    #[arg(long)]
    insecure: bool,
}

impl Belief {
    /// # Errors
    /// It is not known whom to believe.
    pub(crate) fn trust(&self) -> Result<Trust, TlsError> {
        if self.insecure {
            Ok(Trust::blind())
        } else {
            Trust::roots(self.ca.as_deref())
        }
    }

    /// Whether anything was said about it.
    pub(crate) fn is_told(&self) -> bool {
        self.insecure || self.ca.is_some()
    }
}

/// Whom to believe.
#[derive(Clone)]
pub(crate) struct Trust {
    config: ClientConfig,
    is_blind: bool,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("is_blind", &self.is_blind)
            .finish_non_exhaustive()
    }
}

impl Trust {
    /// Whom this machine believes, and the certificates of a file.
    ///
    /// # Errors
    /// The file holds none, or there are none at all.
    fn roots(ca: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca {
            let failed = |why: String| TlsError::Ca {
                path: path.to_owned(),
                why,
            };
            let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
            let found: Vec<_> = found
                .collect::<Result<_, _>>()
                .map_err(|error| failed(error.to_string()))?;
            if found.is_empty() {
                return Err(failed("there is no certificate in it".into()));
            }
            for certificate in found {
                roots.add(certificate).map_err(|error| failed(error.to_string()))?;
            }
        }
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
        let config = builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self {
            config,
            is_blind: false,
        })
    }

    /// Everybody.
    fn blind() -> Self {
        let verifier = Arc::new(Blind(Arc::new(ring::default_provider())));
        let config = builder()
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Self { config, is_blind: true }
    }

    pub(crate) fn is_blind(&self) -> bool {
        self.is_blind
    }

    /// Offers nothing by ALPN.
    pub(crate) fn config(&self) -> ClientConfig {
        self.config.clone()
    }
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the usual versions")
}

pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is no name that a certificate could be for"))
}

/// The server speaks none of the protocols that were offered.
pub(crate) fn is_about_alpn(error: &io::Error) -> bool {
    matches!(
        inner(error),
        Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol))
    )
}

fn inner(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<Error>())
}

/// What went wrong, and what to do about it.
pub(crate) fn explain(error: &io::Error) -> String {
    let inner = inner(error);
    let way_out = match inner {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "nobody whom this machine trusts has signed the certificate: send the whole chain, or name the issuer with --ca"
        }
        Some(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
            "the certificate has expired: renew it, and reload the server"
        }
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "the certificate is for another name",
        Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            "it speaks none of the versions of HTTP that were offered"
        }
        Some(Error::InvalidMessage(_)) => "what answers speaks no TLS: is it the http: port?",
        _ => "--insecure checks nothing and looks further",
    };
    format!("{error}; {way_out}")
}

/// Believes everybody, and still checks that who signs has the key.
#[derive(Debug)]
struct Blind(Arc<CryptoProvider>);

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
