//! The server's side of the start: binds where browsers knock, starts the helper, takes over the far end.

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use wirelab_server::{Entrance, Front};

use super::{
    Keeper, Live, PATH,
    keeper::Up,
    pass::{receive, send},
    speak::{Helper, Started},
    words::{Begin, Begun},
};
use crate::{args::Addresses, error::Error, ports, values::OrOff};

/// Where browsers knock if nobody says otherwise.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8081);
/// This binary, even when another one has taken its place on disk since.
const OURSELVES: &str = "/proc/self/exe";
/// How long the helper may take until it knows whether there is a link. It makes two, and tries one.
const PATIENCE: Duration = Duration::from_secs(10);
/// Chance begins with it.
pub(super) const SEED: u64 = 1;
/// What `wirelab compare` takes, so that figures can be held beside its own.
const CONGESTION: &str = "cubic";

pub(super) fn start(addresses: &Addresses) -> Result<Live, Error> {
    let without = |keeper| Live {
        entrance: None,
        keeper,
        helper: Helper(None),
    };
    let bound = match addresses.link_listen {
        Some(OrOff::Off) => return Ok(without(Keeper::off())),
        Some(OrOff::On(asked)) => ports::bind_both("--link-listen", asked)?,
        None => match ports::bind_both("--link-listen", USUAL) {
            Ok(bound) => bound,
            Err(error) => return Ok(without(Keeper::unavailable(error.to_string()))),
        },
    };
    let front = Front {
        path: PATH,
        tcp: bound.0.local_addr().map_err(Error::System)?,
        udp: bound
            .1
            .iter()
            .map(UdpSocket::local_addr)
            .collect::<io::Result<_>>()
            .map_err(Error::System)?,
    };
    Ok(match bring_up(bound, addresses, front) {
        Ok(live) => live,
        Err(why) => without(Keeper::unavailable(why)),
    })
}

fn bring_up(
    (listener, sockets): (TcpListener, Vec<UdpSocket>),
    addresses: &Addresses,
    front: Front,
) -> Result<Live, String> {
    let failed = |error: io::Error| format!("the helper process that carries the link could not be started: {error}");
    let named = addresses.link_profile;
    let begin = Begin {
        profile: named.profile.clone(),
        seed: SEED,
        congestion: CONGESTION.to_owned(),
    };
    let program = addresses.link_helper.as_deref().unwrap_or(Path::new(OURSELVES));
    let (stream, mut child) = launch(program).map_err(failed)?;
    let knocked_at: Vec<_> = std::iter::once(listener.as_fd())
        .chain(sockets.iter().map(|socket| socket.as_fd()))
        .collect();
    let begun = send(&stream, &begin, &knocked_at).and_then(|()| receive::<Begun>(&stream));
    let (mechanism, congestion, far) = match begun {
        Ok((Begun::Up { mechanism, congestion }, far)) => (mechanism, congestion, far),
        Ok((Begun::No { why }, _)) => {
            let _ = child.wait(); // it has nothing more to do
            return Err(why);
        }
        Err(error) => {
            let _ = child.kill(); // or it has ended by itself
            let _ = child.wait();
            return Err(failed(error));
        }
    };
    let mut far = far.into_iter();
    let (Some(tcp), Some(udp)) = (far.next(), far.next()) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(io::ErrorKind::UnexpectedEof.into()));
    };
    let up = Up {
        mechanism,
        congestion,
        seed: SEED,
        address: front.tcp,
        name: Some(named.name),
        profile: named.profile.clone(),
    };
    let mut entrance = Entrance::direct(tcp.into(), vec![udp.into()]);
    entrance.front = Some(front);
    stream.set_read_timeout(None).map_err(failed)?;
    let (keeper, waiting) = Keeper::of(up);
    Ok(Live {
        entrance: Some(entrance),
        keeper,
        helper: Helper(Some(Started { stream, child, waiting })),
    })
}

/// Starts the helper, with a socket as its standard input.
fn launch(program: &Path) -> io::Result<(UnixStream, Child)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_read_timeout(Some(PATIENCE))?;
    let child = Command::new(program)
        .arg("link-helper")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null()) // results are the server's
        .process_group(0) // a terminal's Ctrl-C is for the server, which drains over the link
        .spawn()?;
    Ok((ours, child))
}
