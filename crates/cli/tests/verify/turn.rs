//! TURN servers: real ones, right and wrong, and one that is broken in each way.

use std::fs;

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    broken::{
        Broken,
        relay::{Flaw, Relay, SECRET},
    },
    coturn::Coturn,
    support::{Report, Wirelab, report},
};

/// One URL is no list of ways in.
const LISTS: [&str; 2] = ["SKIP turn.credentials", "SKIP turn.transports"];
/// What needs an address at the relay.
const NO_ADDRESS: [&str; 3] = ["SKIP turn.expired", "SKIP turn.relay", "SKIP turn.private-peers"];
/// What needs a server at all.
const UNREACHED: [&str; 7] = [
    "FAIL turn.reach",
    "SKIP turn.anonymous",
    "SKIP turn.allocate",
    "SKIP turn.wrong-password",
    "SKIP turn.expired",
    "SKIP turn.relay",
    "SKIP turn.private-peers",
];

/// A file with the secret of the broken relays, which ends with its test.
struct SecretFile(std::path::PathBuf);

impl SecretFile {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wirelab-verify-secret-{name}-{}", std::process::id()));
        fs::write(&path, SECRET).expect("a file");
        Self(path)
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

async fn with(flaw: Flaw) -> Report {
    let (relay, secret) = (Relay::start(flaw).await, SecretFile::new(&format!("{flaw:?}")));
    let file = secret.0.to_str().expect("UTF-8");
    report(&["turn", &relay.url(), "--turn-secret-file", file]).await
}

/// What must be told beside what one URL does not say.
async fn is_caught(flaw: Flaw, told: &[&str], words: &str) {
    let report = with(flaw).await;
    let faults: Vec<&str> = LISTS.iter().chain(told).copied().collect();
    assert_eq!(report.faults(), faults, "{flaw:?}: {}", report.told());
    assert!(report.told().contains(words), "{flaw:?} {words}: {}", report.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_fault_passes() {
    with(Flaw::Nothing).await.has_exactly(&LISTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flaw_of_who_may_is_caught() {
    is_caught(
        Flaw::Open,
        &["FAIL turn.anonymous", "FAIL turn.wrong-password", "FAIL turn.expired"],
        "to nobody in particular",
    )
    .await;
    is_caught(
        Flaw::NoRealm,
        &[
            "FAIL turn.anonymous",
            "FAIL turn.allocate",
            NO_ADDRESS[0],
            NO_ADDRESS[1],
            NO_ADDRESS[2],
        ],
        "401 without realm",
    )
    .await;
    is_caught(
        Flaw::AnyPassword,
        &["FAIL turn.wrong-password", "FAIL turn.expired"],
        "a wrong password is accepted",
    )
    .await;
    is_caught(Flaw::Eternal, &["FAIL turn.expired"], "an expired credential gets").await;
    is_caught(Flaw::Inside, &["FAIL turn.private-peers"], "10.0.0.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flaw_of_allocating_is_caught_and_explained() {
    for (flaw, words) in [
        (Flaw::Full, "486 refused: this user has as many allocations"),
        (Flaw::Forgets, "cannot be kept: 437"),
    ] {
        is_caught(
            flaw,
            &["FAIL turn.allocate", NO_ADDRESS[0], NO_ADDRESS[1], NO_ADDRESS[2]],
            words,
        )
        .await;
    }
    let stale = [
        "FAIL turn.allocate",
        "FAIL turn.wrong-password",
        NO_ADDRESS[0],
        NO_ADDRESS[1],
        NO_ADDRESS[2],
    ];
    is_caught(Flaw::Stale, &stale, "438 refused: the nonce is old").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flaw_of_relaying_is_caught() {
    is_caught(Flaw::LosesOut, &["FAIL turn.relay"], "from the relay to the peer").await;
    is_caught(Flaw::LosesBack, &["FAIL turn.relay"], "did not arrive").await;
    is_caught(Flaw::NoChannels, &["WARN turn.relay"], "no channel").await;
    is_caught(Flaw::Closed, &["WARN turn.relay"], "nothing could be sent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_speak_is_not_waited_for() {
    is_caught(Flaw::Silent, &UNREACHED, "no answer within 5 s").await;
    is_caught(Flaw::Flood, &UNREACHED, "what is no STUN").await;
    // A web server under the port of a relay, and a port that nobody has.
    let web = Broken::raw(async |mut tcp: TcpStream| {
        let _ = tcp.write_all(b"\xffTTP/1.1 400 Bad Request\r\n\r\n").await; // who is gone hears nothing
    })
    .await;
    for (url, words) in [
        (
            format!("turn:{}?transport=tcp", web.address),
            "neither STUN nor channel data",
        ),
        (format!("turns:{}", web.address), "no TLS"),
        ("turn:nobody.invalid".to_owned(), "is not known"),
        (format!("turn:127.0.0.1:{}?transport=tcp", unused()), "no connection"),
    ] {
        let report = report(&["turn", &url]).await;
        let faults: Vec<&str> = LISTS.iter().chain(&UNREACHED).copied().collect();
        report.has_exactly(&faults);
        assert!(report.told().contains(words), "{url}: {}", report.told());
    }
}

/// A port that was free a moment ago.
fn unused() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("bound").port()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_what_can_be_told_is_told() {
    let relay = Relay::start(Flaw::Nothing).await;
    let report = report(&["turn", &relay.url()]).await;
    let faults: Vec<&str> = LISTS
        .iter()
        .copied()
        .chain(["SKIP turn.allocate"])
        .chain(NO_ADDRESS)
        .collect();
    report.has_exactly(&faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn coturn_as_shipped_passes_over_udp_and_tcp() {
    let Some(coturn) = Coturn::start("shipped", true, "").await else {
        return;
    };
    for transport in ["udp", "tcp"] {
        let (url, secret) = (coturn.url(transport), coturn.file("secret"));
        report(&["turn", &url, "--turn-secret-file", &secret])
            .await
            .has_exactly(&LISTS);
    }
    // The same as a browser is told of it.
    let (urls, secret) = (
        format!("{},{}", coturn.url("udp"), coturn.url("tcp")),
        coturn.file("secret"),
    );
    let server = Wirelab::start(&["--https", "off", "--turn-url", &urls, "--turn-secret-file", &secret]);
    let told = report(&["turn", &server.url()]).await;
    told.has_exactly(&["SKIP turn.expired"]);
    let report = report(&["turn", &server.url(), "--turn-secret-file", &secret]).await;
    report.has_exactly(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coturn_behind_tls_has_to_prove_its_name() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let folder = std::env::temp_dir();
    let file = |name: &str, text: String| {
        let path = folder.join(format!("wirelab-verify-turns-{}-{name}", std::process::id()));
        fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (cert, key) = (
        file("cert.pem", made.cert.pem()),
        file("key.pem", made.signing_key.serialize_pem()),
    );
    let tls_port = unused();
    let secured = format!(
        "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nrealm=secured\nno-dtls\nno-cli\nuse-auth-secret\n\
         tls-listening-port={tls_port}\ncert={cert}\npkey={key}\nallow-loopback-peers\nallowed-peer-ip=127.0.0.1\n\
         denied-peer-ip=0.0.0.0-255.255.255.255\nlog-file=stdout\n"
    );
    let Some(coturn) = Coturn::start("turns", false, &secured).await else {
        return;
    };
    let (url, secret) = (format!("turns:localhost:{tls_port}"), coturn.file("secret"));
    let with = async |more: &[&str]| {
        let asked = ["turn", &url, "--turn-secret-file", &secret];
        report(&asked.into_iter().chain(more.iter().copied()).collect::<Vec<_>>()).await
    };
    with(&["--ca", &cert]).await.has_exactly(&LISTS);
    let told = with(&[]).await;
    let faults: Vec<&str> = LISTS.iter().chain(&UNREACHED).copied().collect();
    told.has_exactly(&faults);
    assert!(told.measured("turn.reach").contains("no TLS"), "{}", told.told());
    for file in [cert, key] {
        let _ = fs::remove_file(file); // it is in a folder for such
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wirelab_that_has_another_secret_than_its_coturn_is_caught() {
    let Some(coturn) = Coturn::start("secret", true, "").await else {
        return;
    };
    let (url, other) = (coturn.url("udp"), coturn.file("other-secret"));
    let server = Wirelab::start(&["--https", "off", "--turn-url", &url, "--turn-secret-file", &other]);
    let report = report(&["turn", &server.url()]).await;
    report.has_exactly(&[
        "WARN turn.transports",
        "FAIL turn.allocate",
        NO_ADDRESS[0],
        NO_ADDRESS[1],
        NO_ADDRESS[2],
    ]);
    let hint = report.check("turn.allocate")["hint"].as_str().expect("text");
    assert!(hint.contains("static-auth-secret"), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coturn_that_lets_everybody_in_everywhere_is_caught() {
    let open = "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nrealm=open\nno-tls\nno-dtls\nno-cli\nuse-auth-secret\n\
        allow-loopback-peers\nlog-file=stdout\n";
    let Some(coturn) = Coturn::start("open", false, open).await else {
        return;
    };
    let (url, secret) = (coturn.url("udp"), coturn.file("secret"));
    let report = report(&["turn", &url, "--turn-secret-file", &secret]).await;
    let faults: Vec<&str> = LISTS.iter().copied().chain(["FAIL turn.private-peers"]).collect();
    report.has_exactly(&faults);
    assert!(
        report.measured("turn.private-peers").contains("169.254.169.254"),
        "{}",
        report.told()
    );
}
