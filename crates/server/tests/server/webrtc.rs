//! Data channels through the whole server: signalling, the port, both channels.

use std::time::Duration;

use serde_json::json;
use wirelab_model::frame::{Channel, Received};
use wirelab_transport::{
    clock::Clock,
    place::Place,
    webrtc::{Client, ConnectError, Options, connect},
};

use crate::support::{Server, soon};

async fn dial(server: &Server) -> Result<Client, ConnectError> {
    let options = Options {
        place: Place::plain(server.address(), "localhost"),
        room: "r".into(),
    };
    soon("a peer connection", connect(&options, Clock::start())).await
}

async fn next(client: &mut Client) -> (Channel, Received) {
    let arrived = soon("a frame", client.next()).await.expect("frames");
    let (channel, arrived) = arrived.expect("the connection stands");
    (channel, arrived.frame)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_peer_opens_and_gets_both_channels() {
    let server = Server::start();
    let mut client = dial(&server).await.expect("it opens");
    assert!(
        matches!(next(&mut client).await, (Channel::Control, Received::Hello { lane, .. }) if lane == "datachannel")
    );
    server.until("connections{lane=\"datachannel\"}", 1).await;
    let subscribe = |topic, channel| json!({"type": "subscribe", "topic": topic, "channel": channel}).to_string();
    client.send(&subscribe("tick.60.100", "state")).await.expect("open");
    client.send(&subscribe("whole", "control")).await.expect("open");
    let (mut ticks, mut whole) = (0, 0);
    while ticks < 30 || whole < 1 {
        match next(&mut client).await {
            (Channel::State, Received::Message { .. }) => ticks += 1,
            (Channel::Control, Received::Message { .. }) => whole += 1,
            (_, Received::Subscribed { topic, .. }) if topic.to_string() == "whole" => {
                server.publish("whole", "1").await;
            }
            _ => {}
        }
    }
    client.close().await;
    server.until("connections{lane=\"datachannel\"}", 0).await;
    server.until("webrtc_peers", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_are_capped_before_one_is_built() {
    let server = Server::with(|config| config.limits.peers = 1);
    let client = dial(&server).await.expect("it opens");
    let refused = dial(&server).await;
    assert!(
        matches!(&refused, Err(ConnectError::Refused { code, .. }) if code == "limit"),
        "{refused:?}"
    );
    server.until("webrtc_refused_total{reason=\"full\"}", 1).await;
    client.close().await;
    server.until("webrtc_peers", 0).await;
    dial(&server).await.expect("the place came back").close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_tells_the_peer_and_ends_in_grace() {
    let mut server = Server::with(|config| config.grace = Duration::from_secs(5));
    let mut client = dial(&server).await.expect("it opens");
    next(&mut client).await;
    server.stop();
    assert!(matches!(next(&mut client).await.1, Received::Drain { .. }));
    assert!(soon("the end", client.next()).await.expect("no frame").is_none());
    server.stopped().await;
}
