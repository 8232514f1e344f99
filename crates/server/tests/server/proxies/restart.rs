//! A proxy goes and comes back: nothing is lost and nothing comes twice.

use super::{Curl, Proxy, RIGHT};
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_resumes_through_a_restart_of_the_proxy() {
    for shipped in RIGHT {
        let server = Server::start();
        let Some(mut proxy) = Proxy::start(shipped, server.address()).await else {
            continue;
        };
        let url = proxy.url("/events?topic=a");
        let Some(mut curl) = Curl::start(&[], &url) else { return };
        assert_eq!(curl.event().await.name, "hello");
        server.publish("a", "1").await;
        let seen = curl.event().await;
        assert_eq!(seen.json()["data"], 1);

        proxy.end().await;
        let (rest, _) = curl.ends().await;
        assert_eq!(rest, "", "{shipped:?}");
        for n in 2..5 {
            server.publish("a", &n.to_string()).await;
        }
        proxy.start_again().await;

        let resume = format!("last-event-id: {}", seen.id.expect("every message has one"));
        let mut curl = Curl::start(&["-H", &resume], &url).expect("it was there before");
        assert_eq!(curl.event().await.name, "hello");
        for n in 2..5 {
            assert_eq!(curl.event().await.json()["data"], n, "{shipped:?}");
        }
        server.publish("a", "5").await;
        assert_eq!(
            curl.event().await.json()["data"],
            5,
            "{shipped:?}: and on with what is new"
        );
        curl.kill().await;
    }
}
