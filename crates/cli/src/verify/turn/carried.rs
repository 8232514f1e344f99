//! Whether data goes both ways through a relay.

use super::{
    super::check::Finding,
    allocation::Allocation,
    codes::explain,
    exchange::{Carried, Peer, Stuck, exchange},
    message::Account,
    probes::{ms, unexpected, without_account},
    session::Fault,
    way::Way,
};

/// Data goes both ways: between two addresses at the relay, as two visitors have who both need it, and between one and a
/// socket of ours, as with a peer that needs none.
pub(super) async fn relay(way: &Way) -> Finding {
    let Some(account) = way.account.clone() else {
        return without_account();
    };
    let second = between_two(way, &account).await;
    let socket = with_socket(way, &account).await;
    let seen = [
        format!("two addresses at the relay: {}", told(&second)),
        format!("an address at the relay and a socket of ours: {}", told(&socket)),
    ];
    judge(&second, &socket).seen_all(seen)
}

fn judge(second: &Result<Carried, Stuck>, socket: &Result<Carried, Stuck>) -> Finding {
    match (second, socket) {
        (Ok(carried), _) | (Err(Stuck::Permission { .. }), Ok(carried)) if !carried.channel => Finding::warn(
            format!(
                "both ways, {} there and back, and no channel can be bound",
                ms(carried.trip)
            ),
            "every packet carries 32 bytes more: look why ChannelBind is refused",
        ),
        (Ok(carried), _) => Finding::pass(format!("both ways, {} there and back", ms(carried.trip))),
        (Err(Stuck::Permission { peer, fault }), Ok(carried)) => Finding::warn(
            format!(
                "both ways with a socket of ours, {}; not with {peer}: {fault}",
                ms(carried.trip)
            ),
            "two visitors who both need the relay do not meet: allow its own address as a peer (coturn: allowed-peer-ip)",
        ),
        (Err(Stuck::Permission { peer, fault }), Err(Stuck::Permission { peer: ours, .. })) => Finding::warn(
            format!("nothing could be sent: {peer} and {ours} are refused as peers: {fault}"),
            "the relay serves only peers on its list and is not on it itself, so two visitors who both need it do not \
             meet: allow its own address (coturn: allowed-peer-ip)",
        ),
        (Err(Stuck::Lost { .. }), Ok(_)) => Finding::fail(
            format!("{} between two addresses at the relay", told(second)),
            "the relay does not reach itself: on a machine behind a NAT packets to its own public address have to turn \
             round there; allow that, or give it that address (coturn: relay-ip, external-ip)",
        ),
        (Err(Stuck::Fault(fault)), _) if fault.code().is_some() => unexpected("a second address", fault),
        (Err(stuck), _) => Finding::fail(
            stuck.to_string(),
            "permission is given and nothing arrives: look at the firewall between the relay's ports and its peers \
             (coturn: min-port to max-port, UDP), and at its log",
        ),
    }
}

async fn between_two(way: &Way, account: &Account) -> Result<Carried, Stuck> {
    let (mut ours, second) = (address(way, account).await?, address(way, account).await?);
    let mut peer = Peer::Second(Box::new(second));
    let carried = exchange(&mut ours, &mut peer).await;
    ours.release().await;
    if let Peer::Second(second) = peer {
        second.release().await;
    }
    carried
}

async fn with_socket(way: &Way, account: &Account) -> Result<Carried, Stuck> {
    let mut ours = address(way, account).await?;
    let mut peer = Peer::socket(ours.session().carrier().local_ip()?).await?;
    let carried = exchange(&mut ours, &mut peer).await;
    ours.release().await;
    carried
}

async fn address(way: &Way, account: &Account) -> Result<Allocation, Stuck> {
    let session = way.session(Some(account.clone())).await;
    let session = session.map_err(|error| Fault::from(std::io::Error::other(error.to_string())))?;
    Ok(Allocation::new(session).await?)
}

fn told(tried: &Result<Carried, Stuck>) -> String {
    match tried {
        Ok(Carried { trip, channel }) => {
            let channel = if *channel {
                "also over a channel"
            } else {
                "without channels"
            };
            format!("{} there and back, {channel}", ms(*trip))
        }
        Err(Stuck::Permission { fault, .. }) => {
            let means = fault.code().map_or("", |code| explain(code).means);
            format!(
                "{}: {means}",
                tried.as_ref().map_or_else(ToString::to_string, |_| String::new())
            )
        }
        Err(stuck) => stuck.to_string(),
    }
}
