//! What to deploy, made from the files of this repository: each is the tested file, with what the answers change, and a
//! head that says for which advice it is and how to prove it.
//!
//! A text that is exchanged must stand in the file; a test holds the files to that, for every combination.

use clap::ValueEnum;
use thiserror::Error;
use wirelab_model::{
    Transport,
    advice::{Advice, Outcome},
};

const NGINX: &str = include_str!("../../../../deploy/nginx/right.conf");
const NGINX_TLS: &str = include_str!("../../../../deploy/nginx/tls.conf");
const HAPROXY: &str = include_str!("../../../../deploy/haproxy/haproxy.cfg");
const CADDY: &str = include_str!("../../../../deploy/caddy/Caddyfile");
const COTURN: &str = include_str!("../../../../coturn/turnserver.conf");
const COMPOSE: &str = include_str!("../../../../docker-compose.yml");

/// The least that a proxy is given, connections: pages, health and reloads need some too.
const LEAST_CONNECTIONS: u32 = 1024;
/// Room beside the streams, connections.
const SPARE_CONNECTIONS: u32 = 512;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    /// An nginx.conf
    Nginx,
    /// A Caddyfile
    Caddy,
    /// A haproxy.cfg
    Haproxy,
    /// A turnserver.conf, for data channels
    Coturn,
    /// A docker-compose.yml with the values that follow
    Compose,
    /// The commands that prove the deployment
    Verify,
}

/// Why nothing is written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum EmitError {
    #[error("there is nothing to deploy: of the transports {0}. Change what is asked first")]
    NothingFits(String),
    #[error("the advice is {0}, which needs no TURN server: --emit coturn is for data channels")]
    NoRelay(String),
    #[error("the answers say that there is no TURN server (turn = false): --emit coturn needs another answer")]
    RelayRefused,
}

/// The file, whole.
///
/// # Errors
/// Nothing fits, or this part is not needed.
pub(crate) fn emit(what: Emit, advice: &Advice) -> Result<String, EmitError> {
    if let Outcome::None { .. } = advice.outcome {
        return Err(EmitError::NothingFits(advice.outcome_words.clone()));
    }
    let text = match what {
        Emit::Nginx => nginx(advice),
        Emit::Caddy => caddy(advice),
        Emit::Haproxy => haproxy(advice),
        Emit::Coturn if !carries(advice, Transport::DataChannel) => {
            return Err(EmitError::NoRelay(advice.outcome_words.clone()));
        }
        Emit::Coturn if !advice.needs.turn => return Err(EmitError::RelayRefused),
        Emit::Coturn => COTURN.to_owned(),
        Emit::Compose => compose(advice),
        Emit::Verify => return Ok(format!("#!/bin/sh\n{}set -e\n{}", head(what, advice), verify(advice))),
    };
    Ok(format!("{}\n{text}", head(what, advice)))
}

/// Whether the file has to carry it. What is nearly as good is carried too.
fn carries(advice: &Advice, transport: Transport) -> bool {
    advice.outcome.chosen().contains(&transport)
}

/// A data channel's signalling, and what goes beside it, is a WebSocket.
fn upgrades(advice: &Advice) -> bool {
    carries(advice, Transport::WebSocket) || carries(advice, Transport::DataChannel)
}

fn head(what: Emit, advice: &Advice) -> String {
    let mut out = format!("# By wirelab advise, for: {}\n#\n", advice.outcome_words);
    for answer in advice.answers.iter().filter(|answer| !answer.is_usual) {
        out.push_str(&format!("#   {}\n", answer.text));
    }
    let versions = match what {
        Emit::Nginx => Some(
            "nginx 1.18 and newer. From 1.29.7 on HTTP/1.1 towards the server is the default; the upgrade is still not, and \
             buffering is still on.",
        ),
        Emit::Caddy => Some("Caddy 2.5 and newer; stream_close_delay from 2.7 on."),
        Emit::Haproxy => Some("HAProxy 2.4 and newer."),
        Emit::Coturn => Some(
            "coturn 4.6; newer versions take it too. Start it with \
             coturn/start.sh, which adds the secret. The two allowed-peer-ip are wirelab's address and its own: put yours.",
        ),
        Emit::Compose => Some("compose 1.29 and 2; beside this repository's Dockerfile, coturn/ and deploy/."),
        Emit::Verify => None,
    };
    if let Some(versions) = versions {
        out.push_str(&format!("#\n# {versions}\n"));
    }
    if carries(advice, Transport::DataChannel) && matches!(what, Emit::Nginx | Emit::Caddy | Emit::Haproxy) {
        out.push_str("#\n# This carries the signalling. The data channels' packets are UDP and go to the server's own port beside it.\n");
    }
    if what != Emit::Verify {
        out.push_str("#\n# What proves it, with your own addresses:\n");
        out.extend(verify(advice).lines().map(|line| format!("#   {line}\n")));
    }
    out
}

/// One command for each part that there is to prove.
fn verify(advice: &Advice) -> String {
    let direct = "--direct http://127.0.0.1:8080";
    let mut out = String::new();
    for (is_asked, what) in [
        (carries(advice, Transport::Sse), "sse"),
        (upgrades(advice), "ws"),
        (carries(advice, Transport::DataChannel), "webrtc"),
        (true, "idle"),
    ] {
        if is_asked {
            out.push_str(&format!("wirelab verify {what} https://feed.example.org {direct}\n"));
        }
    }
    if carries(advice, Transport::DataChannel) && advice.needs.turn {
        out.push_str("wirelab verify turn https://feed.example.org\n");
    }
    out
}

fn nginx(advice: &Advice) -> String {
    let file = if advice.needs.http2 { NGINX_TLS } else { NGINX };
    // Each stream is two connections of nginx's, one on either side.
    let connections = room(advice.needs.connections.saturating_mul(2));
    let mut text = changed(
        file,
        "worker_connections 8192;",
        &format!("worker_connections {connections};"),
    );
    if !carries(advice, Transport::Sse) {
        text = without_block(&text, "    location = /events {\n");
    }
    if !upgrades(advice) {
        text = without_block(&text, "    location ~ ^/(ws|ws/echo|signal)$ {\n");
    }
    text
}

fn haproxy(advice: &Advice) -> String {
    let text = changed(
        HAPROXY,
        "maxconn 8192",
        &format!("maxconn {}", room(advice.needs.connections)),
    );
    if advice.needs.http2 {
        return text;
    }
    let text = changed(&text, " alpn h2,http/1.1", " alpn http/1.1");
    changed(
        &text,
        "HTTP/2: all streams of a browser in one connection, where HTTP/1.1 stops at six. The file",
        "The file",
    )
}

fn caddy(advice: &Advice) -> String {
    if advice.needs.http2 {
        return CADDY.to_owned();
    }
    changed(CADDY, "protocols h1 h2", "protocols h1")
}

/// The repository's file, and the values that follow as settings of wirelab.
fn compose(advice: &Advice) -> String {
    const BEFORE: &str = "      WIRELAB_TURN_URL: ";
    let flags = advice.settings.iter().filter_map(|setting| setting.flag.as_deref());
    // `--sse-heartbeat 15s` is WIRELAB_SSE_HEARTBEAT; where the TURN server is, is in the file already.
    let heartbeats = flags.filter_map(|flag| {
        flag.strip_prefix("--")?
            .split_once(' ')
            .filter(|(name, _)| name.ends_with("heartbeat"))
    });
    let mut values: Vec<(String, String)> = heartbeats
        .map(|(name, value)| (name.to_uppercase().replace('-', "_"), value.to_owned()))
        .collect();
    values.dedup();
    let connections = room(advice.needs.connections);
    values.push(("MAX_CONNECTIONS".into(), connections.to_string()));
    if carries(advice, Transport::DataChannel) {
        values.push(("MAX_PEERS".into(), connections.to_string()));
    }
    let lines: String = values
        .iter()
        .map(|(name, value)| format!("      WIRELAB_{name}: {value}\n"))
        .collect();
    changed(COMPOSE, BEFORE, &format!("{}{BEFORE}", lines))
}

fn room(connections: u32) -> u32 {
    connections.saturating_add(SPARE_CONNECTIONS).max(LEAST_CONNECTIONS)
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "a test holds the file to {from:?}");
    text.replace(from, to)
}

/// Without the block that begins so, and the empty line before it.
fn without_block(text: &str, begins: &str) -> String {
    let start = text.find(begins).expect("a test holds the file to it");
    let end = text[start..].find("\n    }\n").expect("a block ends") + start + "\n    }\n".len();
    format!(
        "{}{}",
        text[..start].trim_end_matches('\n').to_owned() + "\n",
        &text[end..]
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wirelab_model::advice::{Evidence, Needs, advise, presets};

    use super::*;

    fn advice(preset: &str, more: &serde_json::Value) -> Advice {
        let preset = presets().iter().find(|known| known.id == preset).expect("a preset");
        let mut answers = preset.needs.clone();
        answers.extend(more.as_object().expect("answers").clone());
        advise(&Needs::read(&answers).expect("answers"), &Evidence::default())
    }

    #[test]
    fn every_part_can_be_made_for_every_preset() {
        for preset in presets() {
            for http2 in [true, false] {
                let advice = advice(&preset.id, &json!({"http2": http2, "connections": 70_000}));
                for what in Emit::value_variants() {
                    let made = emit(*what, &advice);
                    let needs_relay = carries(&advice, Transport::DataChannel);
                    match made {
                        Ok(text) => {
                            assert!(text.contains("By wirelab advise, for: ") && text.contains("wirelab verify "))
                        }
                        Err(error) => {
                            assert!(
                                matches!(error, EmitError::NoRelay(_)) && !needs_relay,
                                "{}: {error}",
                                preset.id
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_file_carries_what_was_chosen_and_no_more() {
        let of = |preset| emit(Emit::Nginx, &advice(preset, &json!({}))).expect("a file");
        let (stream, socket) = (of("notifications"), of("chat"));
        assert!(stream.contains("location = /events") && !stream.contains("ws/echo|signal"));
        assert!(!socket.contains("location = /events") && socket.contains("ws/echo|signal"));
        for text in [&stream, &socket] {
            assert_eq!(text.matches('{').count(), text.matches('}').count());
        }
        assert!(
            stream.contains("worker_connections 80512;"),
            "40,000 streams, both sides, and some room"
        );
        assert!(stream.contains("listen 8443 ssl http2;"));
        let plain = emit(Emit::Nginx, &advice("chat", &json!({"http2": false}))).expect("a file");
        assert!(plain.contains("listen 8090;") && !plain.contains("ssl_certificate"));
        let haproxy = emit(Emit::Haproxy, &advice("chat", &json!({"http2": false}))).expect("a file");
        assert!(haproxy.contains("maxconn 10512\n") && haproxy.contains("alpn http/1.1"));
    }

    #[test]
    fn compose_has_the_values_that_follow() {
        let text = emit(Emit::Compose, &advice("game-state", &json!({"proxies": ["nginx"]}))).expect("a file");
        for line in [
            "WIRELAB_WEBSOCKET_HEARTBEAT: 25s\n",
            "WIRELAB_MAX_PEERS: 1512\n",
            "WIRELAB_MAX_CONNECTIONS: 1512\n",
        ] {
            assert_eq!(text.matches(line).count(), 1, "{line}");
        }
    }

    #[test]
    fn the_commands_are_of_what_was_chosen() {
        let of = |preset| emit(Emit::Verify, &advice(preset, &json!({}))).expect("commands");
        assert!(of("notifications").contains("wirelab verify sse ") && !of("notifications").contains("verify ws"));
        assert!(of("game-state").contains("wirelab verify webrtc ") && of("game-state").contains("verify turn"));
    }

    #[test]
    fn what_is_not_needed_is_refused_in_words() {
        let none = advice("chat", &json!({"network": "lossy", "latency_ms": 100}));
        assert!(matches!(emit(Emit::Nginx, &none), Err(EmitError::NothingFits(_))));
        assert!(matches!(
            emit(Emit::Coturn, &advice("chat", &json!({}))),
            Err(EmitError::NoRelay(_))
        ));
        let refused = advice("game-state", &json!({"turn": false}));
        assert_eq!(emit(Emit::Coturn, &refused), Err(EmitError::RelayRefused));
    }
}
