//! A proxy that runs a shipped file, with a folder and ports of its own. The tests of `wirelab verify` start theirs with it
//! too.

use std::{
    fs::File,
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{skipped, soon};

/// How often a port is tried until a program listens.
const POLL: Duration = Duration::from_millis(10);

/// A file of `deploy/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shipped {
    NginxRight,
    NginxTls,
    NginxWrong,
    Haproxy,
    Caddy,
}

impl Shipped {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NginxRight => include_str!("../../../../../deploy/nginx/right.conf"),
            Self::NginxTls => include_str!("../../../../../deploy/nginx/tls.conf"),
            Self::NginxWrong => include_str!("../../../../../deploy/nginx/wrong.conf"),
            Self::Haproxy => include_str!("../../../../../deploy/haproxy/haproxy.cfg"),
            Self::Caddy => include_str!("../../../../../deploy/caddy/Caddyfile"),
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::NginxRight | Self::NginxTls | Self::NginxWrong => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
        }
    }

    fn command(self, folder: &Path) -> Command {
        let mut command = Command::new(find(self.program()));
        match self {
            // One process each, so that its id is all that there is to end.
            Self::NginxRight | Self::NginxTls | Self::NginxWrong => command.arg("-p").arg(folder).args([
                "-c",
                "file",
                "-e",
                "stderr",
                "-g",
                "daemon off; master_process off;",
            ]),
            Self::Haproxy => command.args(["-db", "-f", "file"]),
            Self::Caddy => command.args(["run", "--adapter", "caddyfile", "--config", "file"]),
        };
        for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
            command.env(variable, folder); // Caddy keeps things there
        }
        command
    }

    /// What stands in the file for another machine, and what stands for it here.
    fn substitutes(
        self,
        folder: &Path,
        upstream: SocketAddr,
        plain: SocketAddr,
        tls: SocketAddr,
    ) -> Vec<(&str, String)> {
        let at = |name: &str| folder.join(name).display().to_string();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("  {kind}_temp_path {};\n", at(kind)))
            .concat();
        let nginx = [
            ("pid /tmp/nginx.pid;", format!("pid {};", at("pid"))),
            ("http {\n", format!("http {{\n{temporary}")),
        ];
        let right = [("server wirelab:8080;", format!("server {upstream};"))];
        match self {
            Self::NginxRight => {
                let own = [("listen 8090;", format!("listen {plain};"))];
                [&nginx[..], &right, &own].concat()
            }
            Self::NginxTls => {
                let own = [
                    ("listen 8443 ssl http2;", format!("listen {tls} ssl http2;")),
                    ("/etc/nginx/tls/cert.pem", at("cert.pem")),
                    ("/etc/nginx/tls/key.pem", at("key.pem")),
                ];
                [&nginx[..], &right, &own].concat()
            }
            Self::NginxWrong => {
                let own = [
                    ("listen 8091;", format!("listen {plain};")),
                    (
                        "proxy_pass http://wirelab:8080;",
                        format!("proxy_pass http://{upstream};"),
                    ),
                ];
                [&nginx[..], &own].concat()
            }
            Self::Haproxy => vec![
                ("maxconn 8192", "maxconn 256".into()), // this machine may not have the files for more
                ("bind :8092", format!("bind {plain}")),
                ("bind :8443", format!("bind {tls}")),
                ("/etc/haproxy/tls/cert-and-key.pem", at("cert-and-key.pem")),
                ("server wirelab wirelab:8080", format!("server wirelab {upstream}")),
            ],
            Self::Caddy => vec![
                (
                    "http://:8094 {",
                    format!("http://:{} {{\n  bind {}", plain.port(), plain.ip()),
                ),
                (
                    "https://:8443 {",
                    format!("https://:{} {{\n  bind {}", tls.port(), tls.ip()),
                ),
                ("/etc/caddy/tls/cert.pem", at("cert.pem")),
                ("/etc/caddy/tls/key.pem", at("key.pem")),
                ("reverse_proxy wirelab:8080 {", format!("reverse_proxy {upstream} {{")),
            ],
        }
    }
}

/// A running proxy. It ends with the test.
pub(super) struct Proxy {
    shipped: Shipped,
    child: Child,
    folder: PathBuf,
    /// Where it takes HTTP; of [`Shipped::NginxTls`] nobody listens there.
    pub(super) plain: SocketAddr,
    /// Where it takes HTTPS, if it does.
    pub(super) tls: SocketAddr,
}

impl Proxy {
    /// Runs a shipped file before `upstream`; `None`, and a line that says so, where its program is missing.
    pub(super) async fn start(shipped: Shipped, upstream: SocketAddr) -> Option<Self> {
        Self::changed(shipped, upstream, &[]).await
    }

    /// The same with `changes` to the file: each text must stand in it.
    pub(super) async fn changed(shipped: Shipped, upstream: SocketAddr, changes: &[(&str, &str)]) -> Option<Self> {
        let (plain, tls) = (free_address(), free_address());
        let folder = std::env::temp_dir().join(format!("wirelab-proxy-{}-{}", std::process::id(), plain.port()));
        std::fs::create_dir_all(&folder).expect("a folder for the proxy");
        let mut text = shipped.text().to_owned();
        for (from, to) in changes {
            text = replace(shipped, &text, from, to);
        }
        for (from, to) in shipped.substitutes(&folder, upstream, plain, tls) {
            text = replace(shipped, &text, from, &to);
        }
        std::fs::write(folder.join("file"), text).expect("the proxy's file");
        write_certificate(&folder);
        let child = match spawn(shipped, &folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                skipped(shipped.program());
                let _ = std::fs::remove_dir_all(&folder);
                return None;
            }
            spawned => spawned.expect("the proxy starts"),
        };
        let mut proxy = Self {
            shipped,
            child,
            folder,
            plain,
            tls,
        };
        proxy.listens().await;
        Some(proxy)
    }

    /// Ends it at once, as a crash would.
    pub(super) async fn end(&mut self) {
        self.child.kill().await.expect("a child of ours");
    }

    /// Starts it again at the same ports.
    pub(super) async fn start_again(&mut self) {
        self.child = spawn(self.shipped, &self.folder).expect("it was there before");
        self.listens().await;
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.plain.port())
    }

    pub(super) fn tls_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.tls.port())
    }

    /// The certificate, to be trusted.
    pub(super) fn certificate(&self) -> String {
        self.folder.join("cert.pem").display().to_string()
    }

    async fn listens(&mut self) {
        let address = if self.shipped == Shipped::NginxTls {
            self.tls
        } else {
            self.plain
        };
        soon("the proxy to listen", async {
            while TcpStream::connect(address).await.is_err() {
                if let Some(status) = self.child.try_wait().expect("a child of ours") {
                    let said = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    panic!("{:?} did not start ({status}): {said}", self.shipped);
                }
                tokio::time::sleep(POLL).await; // it tells nobody when it does
            }
        })
        .await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(shipped: Shipped, folder: &Path) -> std::io::Result<Child> {
    let log = File::create(folder.join("log"))?;
    let mut command = shipped.command(folder);
    let command = command.current_dir(folder).stdin(Stdio::null());
    command.stdout(log.try_clone()?).stderr(log).kill_on_drop(true).spawn()
}

fn replace(shipped: Shipped, text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{shipped:?} has no {from:?} any more");
    text.replace(from, to)
}

/// The first in the path, or where those are who do not have /usr/sbin in theirs.
fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from);
    let folders = std::env::split_paths(&path).chain(elsewhere);
    let mut found = folders.map(|folder| folder.join(program)).filter(|file| file.is_file());
    found.next().unwrap_or_else(|| program.into())
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port 0 is free");
    listener.local_addr().expect("it is bound")
}

/// A certificate of this test's own, in every form that a proxy wants.
fn write_certificate(folder: &Path) {
    let names = ["localhost", "feed.example.org"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let both = format!("{certificate}{key}");
    for (name, text) in [
        ("cert.pem", &certificate),
        ("key.pem", &key),
        ("cert-and-key.pem", &both),
    ] {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}
