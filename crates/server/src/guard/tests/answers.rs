//! What every answer carries, whatever becomes of the request.

use super::*;

#[tokio::test]
async fn every_answer_carries_the_headers_and_refusals_are_counted() {
    let rules = rules(EVERYWHERE, None);
    let mut registry = Registry::with_prefix("wirelab");
    rules.register(&mut registry);
    for case in [
        get("/", &[("host", "localhost:8080")]),
        get("/", &[("host", "evil.com")]),
        get("/ws", &[("host", "localhost"), ("origin", "null")]),
        post("/api/topics/a", &[("host", "localhost")]),
    ] {
        let answer = ask(&rules, &case).await;
        let policy = answer.headers()["content-security-policy"].to_str().expect("ASCII");
        for directive in [
            "default-src 'none';",
            "script-src 'self';",
            "frame-ancestors 'none';",
            "connect-src 'self'",
        ] {
            assert!(policy.contains(directive), "{policy}");
        }
        assert!(!policy.contains("evil"), "{policy}");
        let local = case.headers.contains(&("host", "localhost:8080")) || case.headers.contains(&("host", "localhost"));
        assert_eq!(answer.headers().contains_key("cross-origin-opener-policy"), local);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("vary", "origin"),
        ] {
            assert_eq!(answer.headers()[name], value);
        }
    }
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
    for reason in ["host", "origin", "token"] {
        assert!(
            text.contains(&format!("wirelab_refused_total{{reason=\"{reason}\"}} 1")),
            "{text}"
        );
    }
}
