//! `wirelab serve`: from settings to a running server and back.

use std::{net::SocketAddr, net::TcpListener, time::Duration};

use tokio::runtime::Runtime;
use wirelab_server::{
    Entrance, Listeners,
    config::{Config, Visitors, url},
};

use crate::{announce, args::Serve, error::Error, https, live, logging, openings, ports, render, settings, signals};

/// Files that are no connections: listeners, the runtime's own, pages, the log.
const RESERVED_FILES: u64 = 128;

/// How long the runtime may take to end once the server has: nothing of ours should still run.
const RUNTIME_END: Duration = Duration::from_secs(1);

/// Serves until a signal. Returns once every connection has gone or the grace time is over.
pub(crate) fn run(settings: &Serve) -> Result<(), Error> {
    logging::start(settings.running.log_format, "info")?;
    let mut config = settings::config(settings)?;
    fit_to_open_files(&mut config);

    let (public, mut udp) = ports::bind_both("--http", settings.addresses.http)?;
    announce::serve(&config.announce, &mut udp);
    let internal = settings
        .addresses
        .internal
        .map(|address| ports::bind("--internal", address))
        .transpose()?;
    let public_address = public.local_addr().map_err(Error::System)?;
    let internal_address = internal
        .as_ref()
        .map(TcpListener::local_addr)
        .transpose()
        .map_err(Error::System)?;
    let https = https::start(settings)?;
    let addresses = [Some(public_address), https.as_ref().map(|https| https.address)];
    advise(&config, addresses.into_iter().flatten(), internal_address);
    let live::Live {
        entrance: far,
        keeper,
        helper,
    } = live::start(&settings.addresses)?;

    let runtime = Runtime::new().map_err(Error::System)?; // one worker for each core that this process may use
    let outcome = runtime.block_on(async {
        let stop = signals::watch().map_err(Error::System)?; // before anyone is told that we are here
        let helper = helper.watch(&keeper).map_err(Error::System)?;
        let link = far
            .as_ref()
            .and_then(|far| Some((far.front.as_ref()?.tcp, keeper.profile_name()?)));
        let https_line = https.as_ref().map(|https| https.line.as_str());
        render::listening(public_address, &udp, https_line, link, internal_address);
        let udp_addresses: Vec<_> = udp.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        render::result(&openings::text(
            public_address,
            https.as_ref().map(|https| https.address),
            &udp_addresses,
            link.map(|(address, _)| address),
            internal_address,
            &config,
        ));
        let mut direct = Entrance::direct(public, udp);
        direct.routes = live::direct_routes(keeper);
        let secure = https
            .map(|https| {
                https.watch().map_err(Error::System)?;
                let routes = direct.routes.clone();
                Ok::<_, Error>(Entrance {
                    routes,
                    ..https.entrance
                })
            })
            .transpose()?;
        let far = far.map(|far| Entrance {
            routes: live::far_routes(&url(public_address)),
            ..far
        });
        wirelab_server::run(
            Listeners {
                public: std::iter::once(direct).chain(secure).chain(far).collect(),
                internal,
            },
            config,
            stop,
        )
        .await?;
        helper.end();
        Ok(())
    });
    runtime.shutdown_timeout(RUNTIME_END);
    outcome
}

/// Takes all the open files that the system allows, and promises no more connections than they carry.
fn fit_to_open_files(config: &mut Config) {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be read or raised; many connections may fail");
            return;
        }
    };
    let room = usize::try_from(limit.saturating_sub(RESERVED_FILES))
        .unwrap_or(usize::MAX)
        .max(1);
    if config.limits.connections > room {
        tracing::warn!(
            open_files = limit,
            wanted = config.limits.connections,
            connections = room,
            "fewer connections than asked for, since the system allows fewer open files: raise it with ulimit -n"
        );
        config.limits.connections = room;
    }
}

/// Says what a bind off loopback, or a proxy, closes, and how to open it.
fn advise(config: &Config, mut public: impl Iterator<Item = SocketAddr>, internal: Option<SocketAddr>) {
    let on_loopback = public.all(|address| address.ip().to_canonical().is_loopback());
    if on_loopback && config.trust_proxies.is_empty() || config.visitors == Visitors::Local {
        return;
    }
    let how = if on_loopback { " through the proxy" } else { "" };
    if config.admin_token.is_none() {
        tracing::warn!(
            "other machines can reach this server{how}, so nobody may publish: set --admin-token-file to let its bearers"
        );
    }
    if internal.is_none() {
        tracing::info!(
            "other machines can reach this server{how}, so it shows no metrics: set --internal 127.0.0.1:9090 for them"
        );
    }
    if config.allow_hosts.is_empty() {
        tracing::info!("reachable under its IP addresses only: name its host with --allow-host");
    }
}
