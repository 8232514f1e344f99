//! What cannot be verified: an exit code, a reason, and an end.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

use crate::{
    broken::{Broken, h2},
    support::{report, soon, start, verify},
};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_arguments_end_with_2() {
    for (arguments, words) in [
        (&["sse"][..], "http://host"),
        (&["sse", "turn:example.org"], "a turn: URL is for turn"),
        (&["http://localhost:1", "--direct", "turn:b"], "same kind"),
        (
            &["https://localhost:1", "--ca", "no-such-file.pem"],
            "--ca no-such-file.pem",
        ),
        (
            &["https://localhost:1", "--ca", "x", "--insecure"],
            "cannot be used with",
        ),
    ] {
        let said = verify(arguments).await;
        assert_eq!(said.code, Some(2), "{arguments:?} {said:?}");
        assert!(said.stderr.contains(words), "{arguments:?} {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_ends_with_4() {
    let closed = Broken::saying("").await.address; // it goes before anybody asks
    for (url, words) in [
        (format!("http://{closed}/"), "Is the server up"),
        ("http://no-such-host.invalid/".into(), "Is its name spelt right?"),
    ] {
        let said = verify(&["sse", &url, "--timeout", "8s"]).await;
        assert_eq!(said.code, Some(4), "{said:?}");
        assert!(said.stderr.contains(words) && said.stdout.is_empty(), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_that_does_not_come_about_ends_with_4_and_says_why() {
    let server = h2::serve(&[b"http/1.1"]).await;
    let stranger = verify(&["ws", &server.url("wss"), "--timeout", "8s", "--ca", server.trusted()]).await;
    assert_eq!(stranger.code, Some(0), "{stranger:?}");
    // Only who trusts nobody else than this certificate's own signer may say that it is unknown.
    let unknown = verify(&["ws", &server.url("wss"), "--timeout", "8s"]).await;
    assert!(matches!(unknown.code, Some(4 | 2)), "{unknown:?}"); // 2 where this machine trusts nobody at all
    assert!(unknown.stderr.contains("--ca"), "{unknown:?}");

    let blind = report(&["ws", &server.url("wss"), "--insecure"]).await;
    assert_eq!(blind.json["insecure"], true);
    let said = verify(&["ws", &server.url("wss"), "--insecure", "--timeout", "8s"]).await;
    assert!(said.stdout.contains("INSECURE"), "{said:?}");

    let plain = Broken::raw(|mut tcp| async move {
        let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await; // who asked has gone
    })
    .await;
    let said = verify(&["ws", &plain.url("wss", "/"), "--insecure", "--timeout", "8s"]).await;
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.stderr.contains("speaks no TLS"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_or_leads_elsewhere_fails_with_the_reason() {
    for (answer, words) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "no HTTP"),
        ("", "ended before there was an answer"),
        (
            "HTTP/1.1 301 Moved\r\nlocation: https://a.example/\r\ncontent-length: 0\r\n\r\n",
            "301 leads to https://a.example/",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "content-type"),
    ] {
        let server = Broken::saying(answer).await;
        let report = report(&["sse", &server.url("http", "/stream")]).await;
        let check = report.check("sse.answer");
        assert_eq!(
            (report.code, &check["verdict"]),
            (Some(1), &"FAIL".into()),
            "{report:?}"
        );
        assert!(report.measured("sse.answer").contains(words), "{report:?}");
        assert_ne!(check["hint"], "", "{check}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_answers_fails_in_time() {
    let silent = Broken::raw(|tcp| async move {
        let _open = tcp;
        std::future::pending::<()>().await;
    })
    .await;
    for (what, scheme, id) in [("sse", "http", "sse.answer"), ("ws", "ws", "ws.upgrade")] {
        let url = silent.url(scheme, "/x");
        let report = report(&[what, &url, "--timeout", "2s"]).await;
        assert!(report.measured(id).contains("no answer after 2000 ms"), "{report:?}");
        assert_eq!(report.code, Some(1));
    }
    let url = silent.url("http", "/x");
    let hurried = verify(&["sse", &url, "--timeout", "5s", "--limit", "1s"]).await;
    assert_eq!(hurried.code, Some(3), "{hurried:?}");
    assert!(hurried.stderr.contains("--limit"), "{hurried:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_cut_off() {
    let endless = Broken::http(|_, mut tcp| async move {
        let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\n").await;
        let line = format!("x-more: {}\r\n", "y".repeat(1000));
        while tcp.write_all(line.as_bytes()).await.is_ok() {}
    })
    .await;
    let report = report(&["sse", &endless.url("http", "/x")]).await;
    assert_eq!(report.check("sse.answer")["verdict"], "FAIL", "{report:?}");
    assert!(report.json.to_string().len() < 50_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_may_be_told_with_a_header() {
    let guarded = Broken::http(|request, mut tcp| async move {
        let known = request.header("authorization") == Some("Bearer abc");
        let answer = if known {
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        } else {
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
        };
        let _ = tcp.write_all(answer.as_bytes()).await; // who asked has gone
    })
    .await;
    let url = guarded.url("http", "/x");
    let stranger = report(&["sse", &url]).await;
    assert_eq!(stranger.check("sse.answer")["verdict"], "FAIL");
    let hint = stranger.check("sse.answer")["hint"].as_str().expect("text");
    assert!(hint.contains("--header"), "{hint}");
    let known = report(&["sse", &url, "--header", "Authorization: Bearer abc"]).await;
    assert_eq!(known.check("sse.answer")["verdict"], "PASS", "{}", known.told());
    assert!(!known.json.to_string().contains("abc"), "a report tells no secret");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_tells_what_was_checked_so_far_and_ends_with_130() {
    let silent = Broken::raw(|tcp| async move {
        let _open = tcp;
        std::future::pending::<()>().await;
    })
    .await;
    let mut child = start(&["sse", &silent.url("http", "/x"), "--timeout", "5m"]);
    let mut lines = tokio::io::BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let head = soon("the head", lines.next_line())
        .await
        .expect("text")
        .expect("a line");
    assert!(head.starts_with("http://"), "{head}");
    let id = child.id().expect("it runs").to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("there is a kill").success());
    let first = soon("a line", lines.next_line()).await.expect("text").expect("a line");
    assert!(
        first.starts_with("SKIP  sse.answer") && first.ends_with("interrupted"),
        "{first}"
    );
    assert_eq!(soon("the end", child.wait()).await.expect("a child").code(), Some(130));
}
