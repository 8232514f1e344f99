//! What arrives with the end of the SCTP handshake, or before it.

use tokio::net::UdpSocket as Socket;

use super::*;

/// DTLS application data, which is SCTP.
const APPLICATION_DATA: u8 = 23;
/// The server's packets while it opens: INIT-ACK, COOKIE-ACK, and `hello`.
const COOKIE_ACK: usize = 2;

/// Carries one peer's datagrams between the client and the room, and keeps the server's COOKIE-ACK until `hello` is there,
/// so that the client finds both at once, in either order. It runs on the test's only thread and does not wait
/// between the two.
async fn relay(client_side: Socket, server_side: Socket, hello_first: bool) {
    let (mut up, mut down) = ([0; 2000], [0; 2000]);
    let (mut client, mut seen, mut kept) = (None, 0, None);
    loop {
        tokio::select! {
            received = client_side.recv_from(&mut up) => {
                let (len, from) = received.expect("the client stands");
                client = Some(from);
                server_side.send(&up[..len]).await.expect("it leaves");
            }
            received = server_side.recv(&mut down) => {
                let datagram = &down[..received.expect("the server stands")];
                seen += usize::from(datagram[0] == APPLICATION_DATA);
                if datagram[0] == APPLICATION_DATA && seen == COOKIE_ACK {
                    kept = Some(datagram.to_vec());
                    continue;
                }
                let client = client.expect("the client speaks first");
                let kept = if datagram[0] == APPLICATION_DATA { kept.take() } else { None };
                let (before, after) = if hello_first { (None, kept) } else { (kept, None) };
                for datagram in [before.as_deref(), Some(datagram), after.as_deref()].into_iter().flatten() {
                    client_side.try_send_to(datagram, client).expect("it leaves");
                }
            }
        }
    }
}

async fn gets_hello(hello_first: bool) {
    let lab = Lab::start(|_| {});
    let (dial, offer) = Dial::offer(Ipv4Addr::LOCALHOST.into(), lab.feed.clock())
        .await
        .expect("an offer");
    let answer = lab.room.answer(Lab::visit(), &offer).await.expect("an answer");
    let client_side = Socket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let server_side = Socket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    server_side.connect(lab.room.announced()[0]).await.expect("it can");
    let answer = sdp::announce(&answer, &[client_side.local_addr().expect("it is bound")]);
    let relay = tokio::spawn(relay(client_side, server_side, hello_first));
    let mut peer = Peer(dial.accept(&answer).await.expect("it opens"));
    assert_eq!(peer.next().await.2["type"], "hello");
    assert_eq!(peer.ask(json!({"type": "echo", "data": 1})).await["echoed"], 1);
    peer.0.close().await;
    lab.empties().await;
    relay.abort();
}

#[tokio::test]
async fn hello_that_comes_with_the_end_of_the_handshake_is_not_lost() {
    gets_hello(false).await;
}

#[tokio::test]
async fn hello_that_overtakes_the_end_of_the_handshake_is_not_lost() {
    gets_hello(true).await;
}
