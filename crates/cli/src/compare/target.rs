//! A server that runs elsewhere: where it is, and how its clock stands to ours.

use std::{fmt, io, net::SocketAddr, str::FromStr, time::Duration};

use http::Uri;
use thiserror::Error;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use wirelab_model::{
    frame::Received,
    metrics::{Theta, clock::ClockOffset},
};
use wirelab_transport::{
    clock::Clock,
    place::{Place, Tls},
    websocket,
};

use crate::trust::{self, Trust};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a running server cannot be measured.
#[derive(Debug, Error)]
pub(crate) enum TargetError {
    #[error("the host {host} is not known: {source}. Is its name spelt right?")]
    Unknown { host: String, source: io::Error },
    #[error(
        "nothing answers at {target} ({address}): {source}. Is the server up, and does a firewall let you through?"
    )]
    Unreachable {
        target: String,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("TLS with {target} did not come about: {why}")]
    Tls { target: String, why: String },
    #[error(
        "what answers at {target} is not a wirelab that this one can measure: {why}. Give the address at which \
         `wirelab serve` listens, and if it refuses this host name, start it with --allow-host"
    )]
    Stranger { target: String, why: String },
}

/// `http://host[:port]` or `https://host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// As in `Host`.
    authority: String,
    host: String,
    port: u16,
    is_secure: bool,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            "a target is http://host or https://host, with a port or without, such as http://192.0.2.7:8080".to_owned()
        };
        let uri: Uri = text.parse().map_err(|_| wanted())?;
        let (usual_port, is_secure) = match uri.scheme_str() {
            Some("http") => (80, false),
            Some("https") => (443, true),
            _ => return Err(wanted()),
        };
        let authority = uri.authority().ok_or_else(wanted)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(wanted());
        }
        Ok(Self {
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(usual_port),
            is_secure,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl Target {
    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The first of its addresses that answers; with TLS it has to prove to `trust` that it is who it is.
    pub(crate) async fn find(&self, trust: Option<&Trust>) -> Result<Place, TargetError> {
        let place = Place {
            address: self.answering().await?,
            host: self.authority.clone(),
            tls: trust.map(|trust| self.tls(trust)).transpose()?,
        };
        if place.tls.is_none() {
            return Ok(place);
        }
        match timeout(PATIENCE, place.connect()).await {
            Ok(Ok(_)) => Ok(place),
            Ok(Err(error)) => Err(self.no_tls(trust::explain(&error))),
            Err(_) => Err(self.no_tls(format!("no answer to the greeting in {} s", PATIENCE.as_secs()))),
        }
    }

    fn tls(&self, trust: &Trust) -> Result<Tls, TargetError> {
        let name = trust::server_name(&self.host).map_err(|why| self.no_tls(why))?;
        Ok(Tls::new(trust.config(), name))
    }

    fn no_tls(&self, why: String) -> TargetError {
        TargetError::Tls {
            target: self.to_string(),
            why,
        }
    }

    async fn answering(&self) -> Result<SocketAddr, TargetError> {
        let unknown = |source| TargetError::Unknown {
            host: self.host.clone(),
            source,
        };
        let addresses = lookup_host((self.host.as_str(), self.port)).await.map_err(unknown)?;
        let mut last = unknown(io::Error::other("it has no address"));
        for address in addresses {
            let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
            match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(_) => return Ok(address),
                Err(source) => {
                    last = TargetError::Unreachable {
                        target: self.to_string(),
                        address,
                        source,
                    }
                }
            }
        }
        Err(last)
    }

    /// Our clock against the server's, by the fastest of some round trips (METRICS: one-way latency).
    pub(crate) async fn clock(&self, server: &Place) -> Result<Theta, TargetError> {
        let asked = timeout(PATIENCE, ask(server)).await;
        asked
            .unwrap_or_else(|_| Err("it does not tell its time".into()))
            .map_err(|why| TargetError::Stranger {
                target: self.to_string(),
                why,
            })
    }
}

async fn ask(server: &Place) -> Result<Theta, String> {
    let options = websocket::Options {
        place: server.clone(),
        path: "/ws".into(),
    };
    let clock = Clock::start();
    let mut socket = websocket::connect(&options, clock)
        .await
        .map_err(|error| error.to_string())?;
    let mut offset = ClockOffset::default();
    for id in 0..ClockOffset::WINDOW {
        let asked_us = clock.now_us();
        let command = format!(r#"{{"type":"time","id":{id},"t0":{asked_us}}}"#, asked_us = asked_us.0);
        socket.send(command).await.map_err(|error| error.to_string())?;
        loop {
            let next = socket.next().await.map_err(|error| error.to_string())?;
            let arrived = next.ok_or("it closed the WebSocket")?;
            if let Received::Time { t0, t1, t2, .. } = arrived.frame {
                let sample = offset.sample(t0, t1, t2, arrived.received_us);
                sample.map_err(|error| error.to_string())?;
                break;
            }
        }
    }
    let _ = socket.close().await; // it has told what was asked
    let fastest = offset.fastest().ok_or("it does not tell its time")?;
    Ok(fastest.theta_for_asker())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_server_and_nothing_on_it() {
        for (text, host, port) in [
            ("http://localhost:8080", "localhost", 8080),
            ("http://lab.example.org/", "lab.example.org", 80),
            ("http://[::1]:9", "::1", 9),
            ("https://lab.example.org", "lab.example.org", 443),
        ] {
            let target: Target = text.parse().expect(text);
            assert_eq!((target.host.as_str(), target.port), (host, port));
            assert_eq!(target.to_string(), text.trim_end_matches('/'));
        }
        for (text, wanted) in [
            ("localhost:8080", "http://host"),
            ("http://", "http://host"),
            ("http://a/ws", "http://host"),
            ("http://a/?b", "http://host"),
            ("http://me@a", "http://host"),
            ("ftp://a", "http://host"),
        ] {
            let error = text.parse::<Target>().expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
