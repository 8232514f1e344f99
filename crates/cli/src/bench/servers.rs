//! The server that is weighed, from outside: processes of our own, or one that runs already.

use std::{net::SocketAddr, time::Duration};

use super::{
    child::{ChildError, Part},
    serve::{Order, Serving},
    system::{Cores, Weighed},
    way::{Kind, Url},
};

/// A server to weigh.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    /// What stands in `Host`.
    pub(crate) host: String,
    /// The path that a foreign server is asked for.
    pub(crate) path: Option<String>,
    pub(crate) weighed: Weighed,
    parts: Vec<Part>,
}

impl Servers {
    /// Starts so many processes on one port, with room for `connections` in each.
    pub(crate) async fn start(
        kind: Kind,
        processes: usize,
        connections: usize,
        peers: bool,
        heartbeat: Duration,
        cores: Option<Cores>,
    ) -> Result<Self, ChildError> {
        let mut servers = Self {
            kind,
            address: ([127, 0, 0, 1], 0).into(),
            host: String::new(),
            path: None,
            weighed: Weighed::default(),
            parts: Vec::new(),
        };
        for _ in 0..processes {
            let mut part = Part::start("bench-server")?;
            let order = Order {
                kind,
                address: servers.address,
                peers,
                connections,
                heartbeat,
                core: cores.map(|cores| cores.server),
            };
            part.say(&order).await?;
            let serving: Serving = part.hear().await?;
            servers.address = serving.address; // the next ones share it
            servers.weighed.pids.extend(part.pid());
            servers.parts.push(part);
        }
        servers.host = servers.address.to_string();
        Ok(servers)
    }

    /// One that runs already.
    pub(crate) async fn at(kind: Kind, url: &Url, pids: &[u32]) -> Result<Self, String> {
        Ok(Self {
            kind,
            address: url.address().await?,
            host: url.authority.clone(),
            path: (kind == Kind::Foreign).then(|| url.path.clone()),
            weighed: Weighed { pids: pids.to_vec() },
            parts: Vec::new(),
        })
    }

    /// Ends those that were started.
    pub(crate) async fn end(self) {
        for part in self.parts {
            part.end().await;
        }
    }
}
