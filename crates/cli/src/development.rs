//! The development certificate: made here, signed by itself, kept so that a browser need accept it once.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType};
use wirelab_server::{Certificate, Host};

use crate::settings::SettingsError;

/// The certificate and its key, for us alone.
const PAIR: &str = "localhost.pem";
/// The certificate, for whoever is to trust it.
const ALONE: &str = "localhost.crt";
/// How long one is good: Apple's systems take none of more than 825 days.
const GOOD_FOR: Duration = Duration::from_secs(365 * 24 * 3600);
/// One that is not good for this long is made anew: a server may run for weeks.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Clocks differ.
const SINCE: Duration = Duration::from_secs(24 * 3600);
/// What is always among its names.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The certificate and where it is.
#[derive(Debug)]
pub(crate) struct Development {
    pub(crate) certificate: Certificate,
    pub(crate) kept: Kept,
}

/// Where a browser can be told to trust it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In this file.
    In(PathBuf),
    /// The next run makes another.
    Nowhere,
}

/// The certificate that is kept in the data folder, if it is good for these hosts and some weeks, or a new one.
///
/// # Errors
/// The folder that was asked for cannot be used. Where the usual one cannot, the certificate is kept in memory, and the
/// log says so.
pub(crate) fn certificate(asked: Option<&Path>, hosts: &[Host], now: SystemTime) -> Result<Development, SettingsError> {
    let hosts: Vec<Host> = NAMES
        .iter()
        .map(|name| name.parse().expect("a host"))
        .chain(hosts.iter().filter(|host| san(host).is_some()).cloned())
        .collect();
    let Some(folder) = asked
        .map(Path::to_owned)
        .or_else(|| usual_folder(|name| std::env::var_os(name)))
    else {
        tracing::info!(
            "no data folder is known, so the development certificate is for this run: name one with --data-dir"
        );
        return Ok(in_memory(&hosts, now));
    };
    match kept(&folder, &hosts, now) {
        Ok(certificate) => Ok(Development {
            certificate,
            kept: Kept::In(folder.join(ALONE)),
        }),
        Err(source) if asked.is_some() => Err(SettingsError::DataDir { path: folder, source }),
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error,
                "the development certificate cannot be kept there, so it is for this run: name a folder with --data-dir");
            Ok(in_memory(&hosts, now))
        }
    }
}

/// `$XDG_DATA_HOME/wirelab`, `~/.local/share/wirelab`, or what Windows has for it.
fn usual_folder(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else {
        absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))
    };
    data.map(|data| data.join("wirelab"))
}

fn kept(folder: &Path, hosts: &[Host], now: SystemTime) -> io::Result<Certificate> {
    let pair = folder.join(PAIR);
    match fs::read(&pair) {
        Ok(pem) => match good(&pem, hosts, now) {
            Ok(certificate) => {
                for_us_alone(&pair)?;
                return Ok(certificate);
            }
            Err(why) => tracing::info!(file = %pair.display(), why, "making another development certificate"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(file = %pair.display(), %error, "making another development certificate"),
    }
    let made = Made::new(hosts, now);
    make_folder(folder)?;
    write(folder, PAIR, &(made.key.clone() + &made.chain), 0o600)?;
    write(folder, ALONE, &made.chain, 0o644)?;
    Ok(made.certificate(now))
}

/// What is kept, if it will do.
fn good(pem: &[u8], hosts: &[Host], now: SystemTime) -> Result<Certificate, String> {
    let certificate = Certificate::read(pem, pem, now).map_err(|error| error.to_string())?;
    if certificate.good_for(now) < RENEW_BEFORE {
        return Err("it is good for a few more days only".into());
    }
    match hosts.iter().find(|host| !certificate.is_for(host)) {
        Some(host) => Err(format!("it is not for {host}")),
        None => Ok(certificate),
    }
}

fn in_memory(hosts: &[Host], now: SystemTime) -> Development {
    Development {
        certificate: Made::new(hosts, now).certificate(now),
        kept: Kept::Nowhere,
    }
}

/// A new certificate and its key, in PEM.
struct Made {
    chain: String,
    key: String,
}

impl Made {
    fn new(hosts: &[Host], now: SystemTime) -> Self {
        let mut params = CertificateParams::default();
        params.subject_alt_names = hosts.iter().filter_map(san).collect();
        params
            .distinguished_name
            .push(DnType::CommonName, "wirelab development");
        params.not_before = (now - SINCE).into();
        params.not_after = (now + GOOD_FOR).into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("ring makes keys");
        let certificate = params
            .self_signed(&key)
            .expect("every name is one that a certificate takes");
        Self {
            chain: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    fn certificate(&self, now: SystemTime) -> Certificate {
        Certificate::read(self.chain.as_bytes(), self.key.as_bytes(), now).expect("it was made for now")
    }
}

/// A host as a certificate names it; none for one that no certificate can name, such as a name with an underscore.
fn san(host: &Host) -> Option<SanType> {
    match host {
        Host::Ip(ip) => Some(SanType::IpAddress(*ip)),
        Host::Name(name) if name.contains('_') || name.starts_with('.') => None,
        Host::Name(name) => Some(SanType::DnsName(name.to_string().try_into().ok()?)),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a whole file or none: two servers may start at once.
fn write(folder: &Path, name: &str, text: &str, mode: u32) -> io::Result<()> {
    let beside = folder.join(format!("{name}.{}", std::process::id()));
    let _ = fs::remove_file(&beside); // of a run that was killed and had our number
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode; // a user's own folder is closed to others there
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&beside, folder.join(name)))
        .inspect_err(|_| {
            let _ = fs::remove_file(&beside);
        })
}

/// Takes away what somebody else may have been given since.
#[cfg(unix)]
fn for_us_alone(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "others could read the key of the development certificate; no more");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as where files have modes")]
fn for_us_alone(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
