//! HTTPS: where it listens, with which certificate, and how another one comes without a restart.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::SystemTime,
};

use wirelab_server::{Certificate, Entrance, Tls, config::secure_url};

use crate::{
    args::Serve,
    development::{self, Kept},
    error::Error,
    ports,
    settings::{SettingsError, secret},
    values::OrOff,
};

/// Where it listens if nobody says otherwise.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8443);
/// Pairs of a fingerprint that tell certificates apart on a line.
const PAIRS: usize = 8;

/// The HTTPS entrance, bound.
pub(crate) struct Https {
    pub(crate) entrance: Entrance,
    pub(crate) address: SocketAddr,
    /// What the operator is told of it.
    pub(crate) line: String,
    /// Where the certificate is from, if it is the operator's.
    files: Option<Files>,
    tls: Tls,
}

/// The operator's certificate.
#[derive(Clone)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// Binds, and gets the certificate.
///
/// # Errors
/// The operator's certificate cannot be served, or an address that was asked for cannot be had. A usual one that is
/// taken is only warned of.
pub(crate) fn start(settings: &Serve) -> Result<Option<Https>, Error> {
    let files = files(settings)?;
    let (address, asked) = match settings.addresses.https {
        Some(OrOff::Off) => return Ok(None),
        Some(OrOff::On(address)) => (address, true),
        None => (USUAL, files.is_some()),
    };
    let (certificate, what) = match &files {
        Some(files) => (files.read()?, files.chain.display().to_string()),
        None => {
            let development = development::certificate(
                settings.running.data_dir.as_deref(),
                &settings.access.allow_host,
                SystemTime::now(),
            )?;
            let what = match development.kept {
                Kept::In(file) => format!("development certificate, {}", file.display()),
                Kept::Nowhere => "development certificate, until the end of this run".to_owned(),
            };
            (development.certificate, what)
        }
    };
    let (tcp, udp) = match ports::bind_both("--https", address) {
        Ok(bound) => bound,
        Err(error) if asked => return Err(error),
        Err(error) => {
            tracing::warn!(%error, "there is no HTTPS");
            return Ok(None);
        }
    };
    let address = tcp.local_addr().map_err(Error::System)?;
    let fingerprint = certificate.fingerprint();
    let begin: Vec<_> = fingerprint.split(':').take(PAIRS).collect();
    let line = format!("{}/ ({what}, SHA-256 {}…)", secure_url(address), begin.join(":"));
    let tls = Tls::new(certificate);
    let mut entrance = Entrance::direct(tcp, udp);
    entrance.tls = Some(tls.clone());
    Ok(Some(Https {
        entrance,
        address,
        line,
        files,
        tls,
    }))
}

/// The two files, or none.
fn files(settings: &Serve) -> Result<Option<Files>, SettingsError> {
    match (&settings.addresses.tls_cert, &settings.addresses.tls_key) {
        (Some(chain), Some(key)) => Ok(Some(Files {
            chain: chain.clone(),
            key: key.clone(),
        })),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(SettingsError::HalfCertificate),
    }
}

impl Files {
    fn read(&self) -> Result<Certificate, SettingsError> {
        let (chain, key) = (read("--tls-cert", &self.chain)?, read("--tls-key", &self.key)?);
        let certificate = Certificate::read(&chain, &key, SystemTime::now()).map_err(|why| {
            let (flag, path) = if why.is_of_key() {
                ("--tls-key", self.key.clone())
            } else {
                ("--tls-cert", self.chain.clone())
            };
            SettingsError::Certificate { flag, path, why }
        })?;
        secret::warn_if_world_readable("key of the certificate", &self.key);
        Ok(certificate)
    }
}

fn read(flag: &'static str, path: &Path) -> Result<Vec<u8>, SettingsError> {
    fs::read(path).map_err(|source| SettingsError::CertificateUnreadable {
        flag,
        path: path.to_owned(),
        source,
    })
}

impl Https {
    /// Reads the operator's files again at every SIGHUP from now on. Without them the signal means what it means to
    /// others: the terminal has gone.
    ///
    /// # Errors
    /// The system gives no signals.
    #[cfg(unix)]
    pub(crate) fn watch(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let Some(files) = self.files.clone() else {
            return Ok(());
        };
        let (mut hangup, tls) = (signal(SignalKind::hangup())?, self.tls.clone());
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                let files = files.clone();
                let read = tokio::task::spawn_blocking(move || files.read()).await;
                match read.expect("reading files does not panic") {
                    Ok(certificate) => {
                        tracing::info!(
                            sha256 = certificate.fingerprint(),
                            "new connections are shown the certificate that is there now"
                        );
                        tls.replace(certificate);
                    }
                    Err(error) => tracing::error!(%error, "the certificate stays as it was"),
                }
            }
        });
        Ok(())
    }

    /// Elsewhere there is no such signal: a new certificate needs a restart.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "as where there are signals")]
    pub(crate) fn watch(&self) -> std::io::Result<()> {
        let _ = (&self.files, &self.tls);
        Ok(())
    }
}
