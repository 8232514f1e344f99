//! `/api/advise` through the whole router.

use super::*;

async fn post(body: impl Into<Body>) -> Answer {
    let request = Request::post("/api/advise")
        .header("host", "localhost:8080")
        .extension(Peer {
            address: ([127, 0, 0, 1], 50_000).into(),
            fronted: false,
            secure: false,
        })
        .body(body.into())
        .expect("a request");
    let answer = Fixture::loopback().public.oneshot(request).await;
    let (head, body) = answer.expect("an answer").into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a body");
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(bytes.into()).expect("text"),
    }
}

async fn refused(body: Value) -> Value {
    let answer = post(body.to_string()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.text);
    assert_eq!(answer.headers[CONTENT_TYPE], "application/problem+json");
    answer.json()
}

#[tokio::test]
async fn it_says_what_it_asks() {
    let asked = Fixture::loopback().get("/api/advise").await.json();
    let questions = asked["questions"].as_array().expect("a list");
    assert_eq!(questions[0]["key"], "talks");
    let usual = asked["usual"].as_object().expect("answers");
    assert!(
        questions
            .iter()
            .all(|question| usual.contains_key(question["key"].as_str().expect("a key")))
    );
    assert_eq!(asked["presets"].as_array().map(Vec::len), Some(11));
}

#[tokio::test]
async fn answers_come_to_an_advice() {
    let advice = post("{}").await.json();
    assert_eq!(advice["schema"], "wirelab.advise.v1");
    assert_eq!(advice["outcome"], json!({"kind": "clear", "transport": "sse"}));

    let body = json!({"preset": "game-state", "needs": {"udp": "blocked", "latency_ms": 100}});
    let advice = post(body.to_string()).await.json();
    assert_eq!(advice["needs"]["server_hz"], 60.0, "from the preset");
    assert_eq!(
        advice["needs"]["latency_ms"], 100,
        "from the answers, which are above it"
    );
    assert_eq!(advice["outcome"]["transport"], "websocket");
}

#[tokio::test]
async fn a_report_is_evidence() {
    let report = json!({"schema": "wirelab.verify.v1", "checks": [{"id": "sse.streaming", "verdict": "FAIL"}]});
    let body = json!({"evidence": [{"name": "path.json", "report": report}]});
    let advice = post(body.to_string()).await.json();
    assert_eq!(advice["outcome"]["transport"], "websocket");
    assert_eq!(advice["cited"][0]["report"], "path.json");
}

#[tokio::test]
async fn all_that_is_wrong_is_named() {
    let problem = refused(json!({"needs": {"talks": "server", "client_hz": 60, "speed": 1}})).await;
    let errors = problem["errors"].as_array().expect("one by one");
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[0]["keys"], json!(["speed"]));
    assert_eq!(errors[1]["keys"], json!(["client_hz", "talks"]));
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.contains("there is no question speed") && detail.contains("do not go together"));
}

#[tokio::test]
async fn what_is_no_question_is_refused_in_words() {
    for (body, words) in [
        (json!([]), "GET /api/advise"),
        (json!({"need": {}}), "unknown field `need`"),
        (json!({"preset": "rocket"}), "there are dashboard, notifications"),
        (
            json!({"evidence": [{"name": "a.json", "report": {}}]}),
            "a.json has no \"schema\"",
        ),
        (json!({"evidence": [{"report": {}}]}), "missing field `name`"),
    ] {
        let problem = refused(body.clone()).await;
        assert!(
            problem["detail"].as_str().expect("a text").contains(words),
            "{body}: {problem}"
        );
    }
    let answer = post("{").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_body_is_bounded() {
    let padded = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
    assert_eq!(
        post(padded(crate::routes::advise::MAX_BODY_BYTES)).await.status,
        StatusCode::OK
    );
    let answer = post(padded(crate::routes::advise::MAX_BODY_BYTES + 1)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["code"], "too_large");
}
