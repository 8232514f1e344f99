//! What a firewall has to let through, exactly: for whoever opens a server to other machines.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use wirelab_server::config::{Config, Visitors};

/// The ports to open, one a line, in the form of the lines that say where the server listens. Empty where only this
/// machine reaches it.
pub(crate) fn text(
    public: SocketAddr,
    https: Option<SocketAddr>,
    udp: &[SocketAddr],
    link: Option<SocketAddr>,
    internal: Option<SocketAddr>,
    config: &Config,
) -> String {
    let is_local = |ip: IpAddr| ip.to_canonical().is_loopback();
    let tcp = [
        (Some(public), "pages, SSE, WebSocket, signalling"),
        (https, "the same over TLS"),
    ];
    let mut open: Vec<_> = tcp
        .into_iter()
        .filter_map(|(address, why)| Some((address.filter(|address| !is_local(address.ip()))?, why)))
        .map(|(address, why)| ("tcp", address.port(), why.to_owned()))
        .collect();
    if open.is_empty() || config.visitors == Visitors::Local {
        return String::new();
    }
    let own: Vec<IpAddr> = udp.iter().map(SocketAddr::ip).filter(|ip| !is_local(*ip)).collect();
    let passed: Vec<IpAddr> = config
        .announce
        .iter()
        .copied()
        .filter(|ip| udp.iter().all(|own| own.ip() != *ip))
        .collect();
    if let Some(first) = udp.first() {
        let mut why = "WebRTC".to_owned();
        if !own.is_empty() {
            write!(why, ", at {}", list(&own)).expect("a String takes every text");
        }
        if !passed.is_empty() {
            write!(why, "; to be passed on from {}", list(&passed)).expect("a String takes every text");
        }
        open.push(("udp", first.port(), why));
    }
    if let Some(link) = link.filter(|link| !is_local(link.ip())) {
        for protocol in ["tcp", "udp"] {
            open.push((protocol, link.port(), "the same through the emulated link".to_owned()));
        }
    }
    if let Some(internal) = internal.filter(|internal| !is_local(internal.ip())) {
        open.push((
            "tcp",
            internal.port(),
            "metrics and health, for operators only".to_owned(),
        ));
    }
    let mut text = lines("open", &open);
    if let Some(turn) = &config.turn {
        let ways = turn
            .urls
            .iter()
            .map(|url| (url.protocol(), url.port(), url.to_string()));
        text += &lines("at TURN", &ways.collect::<Vec<_>>());
    }
    text
}

fn lines(heading: &str, ports: &[(&str, u16, String)]) -> String {
    let headings = std::iter::once(heading).chain(std::iter::repeat(""));
    let line = |(heading, (protocol, port, why)): (&str, &(&str, u16, String))| {
        format!("  {heading:<8} {protocol} {port:<6} {why}\n")
    };
    headings.zip(ports).map(line).collect()
}

fn list(ips: &[IpAddr]) -> String {
    ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wirelab_server::config::{Secret, Turn};

    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn on_loopback_nothing_has_to_be_opened() {
        let config = Config::default();
        let udp = [at("127.0.0.1:8080"), at("192.0.2.7:8080")];
        assert_eq!(text(at("127.0.0.1:8080"), None, &udp, None, None, &config), "");
    }

    #[test]
    fn elsewhere_each_port_is_named_with_its_protocol_and_use() {
        let turn = Turn {
            urls: ["turn:relay.example.org", "turns:relay.example.org:443?transport=tcp"]
                .map(|text| text.parse().expect("a URL"))
                .into(),
            secret: Secret::new("s3cret".into()),
            ttl: Duration::from_secs(60),
        };
        let config = Config {
            announce: vec![at("203.0.113.7:0").ip(), at("192.0.2.7:0").ip()],
            turn: Some(turn),
            ..Config::default()
        };
        let udp = [at("127.0.0.1:8080"), at("192.0.2.7:8080")];
        assert_eq!(
            text(
                at("0.0.0.0:8080"),
                Some(at("0.0.0.0:8443")),
                &udp,
                Some(at("0.0.0.0:8081")),
                Some(at("192.0.2.7:9090")),
                &config
            ),
            "  open     tcp 8080   pages, SSE, WebSocket, signalling\n           \
                        tcp 8443   the same over TLS\n           \
                        udp 8080   WebRTC, at 192.0.2.7; to be passed on from 203.0.113.7\n           \
                        tcp 8081   the same through the emulated link\n           \
                        udp 8081   the same through the emulated link\n           \
                        tcp 9090   metrics and health, for operators only\n  \
               at TURN  udp 3478   turn:relay.example.org\n           \
                        tcp 443    turns:relay.example.org:443?transport=tcp\n"
        );
        let alone = text(
            at("192.0.2.7:8080"),
            Some(at("127.0.0.1:8443")),
            &udp[1..],
            Some(at("127.0.0.1:8081")),
            Some(at("127.0.0.1:9090")),
            &Config::default(),
        );
        assert_eq!(
            alone.lines().count(),
            2,
            "operators on this machine need no opening: {alone}"
        );
    }
}
