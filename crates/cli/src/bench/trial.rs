//! One trial: one server, one lane, one thing that is measured. What all of them share.

use std::{fmt, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    args::Bench,
    connection::{Failures, Opening},
    figure::Figures,
    lane::Lane,
    servers::Servers,
    system::{Cores, Weighed},
    way::Way,
};

/// Between opening and measuring, and before a baseline.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);

/// The kernel counts a process's time in hundredths of a second: of less than this nothing can be said.
pub(crate) const LEAST_S: f64 = 0.05;

/// Why a trial has no figures.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The server is not there, or is no server for this.
    Unreachable(String),
    /// It was there, and then not.
    Broke(String),
    /// Ctrl-C came before there was anything to tell.
    Interrupted,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) | Self::Broke(why) => f.write_str(why),
            Self::Interrupted => f.write_str("interrupted before there was anything to tell"),
        }
    }
}

/// What a trial found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) figures: Figures,
    pub(crate) failures: Failures,
}

/// What a trial works with.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    pub(crate) asked: &'a Bench,
    pub(crate) lane: Lane,
    pub(crate) servers: &'a Servers,
    pub(crate) cores: Option<Cores>,
    /// Addresses of ours that connections go out from.
    pub(crate) sources: u8,
    pub(crate) stop: &'a CancellationToken,
}

impl Trial<'_> {
    /// How the lane's connections open; `path` is for our own servers and the reference.
    pub(crate) fn way(&self, path: String) -> Way {
        Way {
            lane: self.lane,
            kind: self.servers.kind,
            address: self.servers.address,
            host: self.servers.host.clone(),
            path: self.servers.path.clone().unwrap_or(path),
            sources: self.sources,
            patience: self.asked.patience,
        }
    }

    pub(crate) fn opening(&self, way: Way, topic: Option<&str>, count: usize) -> Opening {
        Opening {
            way,
            topic: topic.map(str::to_owned),
            count,
            concurrency: self.asked.concurrency,
            first: 0,
        }
    }

    /// Waits, unless it is interrupted.
    pub(crate) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.stop.cancelled() => {}
        }
    }

    pub(crate) fn interrupted(&self) -> Result<(), Failed> {
        if self.stop.is_cancelled() {
            Err(Failed::Interrupted)
        } else {
            Ok(())
        }
    }

    /// Says that nothing opened, if nothing did.
    pub(crate) fn reached(&self, opened: usize, failures: &Failures) -> Result<(), Failed> {
        match (opened, failures.first()) {
            (0, _) if self.stop.is_cancelled() => Err(Failed::Interrupted),
            (0, Some(why)) => Err(Failed::Unreachable(format!("no connection opened: {why}"))),
            _ => Ok(()),
        }
    }

    /// A topic that no other trial has.
    pub(crate) fn topic(&self) -> String {
        format!("bench-{}-{}", std::process::id(), self.lane.id())
    }

    pub(crate) fn watch(&self) -> Watch {
        Watch::start(
            self.servers.weighed.clone(),
            Weighed {
                pids: vec![std::process::id()],
            },
        )
    }
}

/// The time of server and generator since a moment.
#[derive(Debug)]
pub(crate) struct Watch {
    server: Weighed,
    client: Weighed,
    from: (Option<f64>, Option<f64>, Instant),
}

/// What they used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) took_s: f64,
    /// NaN where nobody could be weighed.
    pub(crate) server_cpu_s: f64,
    pub(crate) client_cpu_s: f64,
}

impl Watch {
    pub(crate) fn start(server: Weighed, client: Weighed) -> Self {
        let from = (server.cpu_s(), client.cpu_s(), Instant::now());
        Self { server, client, from }
    }

    pub(crate) fn used(&self) -> Used {
        let since = |now: Option<f64>, from: Option<f64>| now.zip(from).map_or(f64::NAN, |(now, from)| now - from);
        let took_s = self.from.2.elapsed().as_secs_f64();
        let known = |cpu_s: f64| if took_s < LEAST_S { f64::NAN } else { cpu_s };
        Used {
            took_s,
            server_cpu_s: known(since(self.server.cpu_s(), self.from.0)),
            client_cpu_s: known(since(self.client.cpu_s(), self.from.1)),
        }
    }
}

impl Used {
    /// Both as shares of one core, percent.
    pub(crate) fn busy(&self, figures: &mut Figures) {
        figures.set("server_busy_percent", 100.0 * self.server_cpu_s / self.took_s);
        figures.set("client_busy_percent", 100.0 * self.client_cpu_s / self.took_s);
    }
}
