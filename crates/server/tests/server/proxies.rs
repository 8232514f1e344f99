//! Real clients and proxies before the server: curl and nginx. A test whose program is missing says so and passes;
//! `scripts/test.sh` installs both.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
};

use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStdout, Command},
};

use crate::support::{Event, Peer, Server, Socket, get, read_event, soon, upgrade};

const OPEN: &str = r#"connections{lane="sse"}"#;

/// curl reading a stream.
struct Curl {
    child: Child,
    out: ChildStdout,
    arrived: Vec<u8>,
}

impl Curl {
    /// `None` where there is no curl.
    fn start(arguments: &[&str], url: &str) -> Option<Self> {
        let mut command = Command::new("curl");
        command
            .args(["-sSN", "--noproxy", "*"])
            .args(arguments)
            .arg(url)
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = match command.spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            spawned => spawned.expect("curl starts"),
        };
        let out = child.stdout.take().expect("it is piped");
        Some(Self {
            child,
            out,
            arrived: Vec::new(),
        })
    }

    async fn block(&mut self) -> String {
        loop {
            if let Some(end) = self.arrived.windows(2).position(|two| two == b"\n\n") {
                return String::from_utf8(self.arrived.drain(..end + 2).collect()).expect("text");
            }
            let read = soon("curl to show more", self.out.read_buf(&mut self.arrived)).await;
            assert!(read.expect("a pipe") > 0, "curl has ended: {:?}", self.child.try_wait());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_streams_the_same_over_http_1_and_http_2_and_never_ends() {
    let server = Server::start();
    let url = format!("http://localhost:{}/events?topic=a", server.address().port());
    let started = (
        Curl::start(&["-4", "--http1.1"], &url),
        Curl::start(&["-4", "--http2-prior-knowledge"], &url),
    );
    let (Some(mut one), Some(mut two)) = started else {
        eprintln!("skipped: there is no curl on this machine");
        return;
    };
    for curl in [&mut one, &mut two] {
        let hello = read_event(&curl.block().await).expect("no comment");
        assert_eq!(
            (hello.name.as_str(), hello.json()["lane"].as_str()),
            ("hello", Some("sse"))
        );
    }
    for n in 0..5 {
        server.publish("a", &n.to_string()).await;
        assert_eq!(one.block().await, two.block().await);
    }
    for mut curl in [one, two] {
        assert!(
            curl.child.try_wait().expect("a child of ours").is_none(),
            "it still reads"
        );
        curl.child.kill().await.expect("a child of ours");
    }
    server.until(OPEN, 0).await;
}

/// nginx before one upstream, with a folder and a port of its own.
struct Nginx {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Nginx {
    /// `None` where there is no nginx.
    async fn start(upstream: SocketAddr) -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx"];
        let program = program
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())
            .unwrap_or("nginx");
        let address = free_address();
        let folder = std::env::temp_dir().join(format!("wirelab-nginx-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(&folder).expect("a folder for nginx");
        std::fs::write(folder.join("nginx.conf"), configuration(address, upstream)).expect("nginx's configuration");
        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(&folder)
            .args(["-c", "nginx.conf", "-e", "stderr"])
            .kill_on_drop(true);
        let child = match command.spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            spawned => spawned.expect("nginx starts"),
        };
        let mut nginx = Self { child, folder, address };
        soon("nginx to listen", async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                assert!(
                    nginx.child.try_wait().expect("a child of ours").is_none(),
                    "nginx did not start"
                );
                tokio::time::sleep(std::time::Duration::from_millis(10)).await; // it tells nobody when it does
            }
        })
        .await;
        Some(nginx)
    }

    async fn connect(&self) -> Peer {
        Peer::connect(self.address).await
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port 0 is free");
    listener.local_addr().expect("it is bound")
}

/// One process, a pool of kept-alive upstream connections, and nginx's own defaults for buffering.
fn configuration(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        r#"
daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream wirelab {{ server {upstream}; keepalive 1; }}
    map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://wirelab;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
    }}
}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_events_at_once_and_frees_the_socket_when_the_reader_leaves() {
    let server = Server::start();
    let Some(nginx) = Nginx::start(server.address()).await else {
        eprintln!("skipped: there is no nginx on this machine");
        return;
    };
    let accepted = async || server.count("http_connections_accepted_total").await;
    let before = accepted().await;
    for _ in 0..3 {
        let mut peer = nginx.connect().await;
        peer.send(get("/health/live")).await;
        assert_eq!(peer.answer().await.status, 200);
    }
    let mut reader = nginx.connect().await;
    reader.send(get("/events?topic=a")).await;
    assert_eq!(reader.head().await.status, 200);
    assert_eq!(chunked_event(&mut reader).await.name, "hello");
    // Each look at the counter is a connection of its own, and counts itself.
    let opened = accepted().await - before - 1;
    assert_eq!(opened, 1, "the stream was the fourth request of one kept connection");
    server.until(OPEN, 1).await;
    for n in 0..5 {
        let cursor = server.publish("a", &n.to_string()).await.to_string();
        assert_eq!(
            chunked_event(&mut reader).await.id,
            Some(cursor),
            "nginx's buffer holds nothing back"
        );
    }
    drop(reader);
    server.until(OPEN, 0).await;
    server
        .until(r#"connections_closed_total{lane="sse",reason="gone"}"#, 1)
        .await;
}

/// An event that nginx passed on, in chunks of its own.
async fn chunked_event(peer: &mut Peer) -> Event {
    let mut block = String::new();
    while !block.ends_with("\n\n") {
        let size = peer.take_until("\r\n").await;
        let size = usize::from_str_radix(size.trim_end(), 16).expect("the size of a chunk");
        block += std::str::from_utf8(&peer.take(size).await).expect("text");
        peer.take(2).await;
    }
    read_event(&block).expect("no comment")
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_a_websocket() {
    let server = Server::start();
    let Some(nginx) = Nginx::start(server.address()).await else {
        eprintln!("skipped: there is no nginx on this machine");
        return;
    };
    let mut peer = nginx.connect().await;
    peer.send(upgrade("/ws?topic=a", "")).await;
    let mut socket = Socket::opens(peer).await;
    assert_eq!(socket.json().await["lane"], "websocket");
    server.publish("a", "1").await;
    assert_eq!(socket.json().await["data"], 1);
    assert_eq!(socket.ask("hi").await["echoed"], "hi");
    drop(socket);
    server.until(r#"connections{lane="websocket"}"#, 0).await;
}
