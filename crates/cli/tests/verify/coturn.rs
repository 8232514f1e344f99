//! A real coturn with the shipped configuration and its loopback overlay, on a free port, ended by its id.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tokio::net::TcpStream;

use crate::support::soon;

/// Where daemons are, beside what PATH says.
const FOLDERS: &str = "/usr/bin:/bin:/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin";

/// A coturn, and the folder with what it needs. Both end with their test.
pub(crate) struct Coturn {
    child: Child,
    folder: PathBuf,
    pub(crate) port: u16,
}

impl Coturn {
    /// None, and a line that says so, where there is no coturn. `configuration` comes after the shipped one, or in its place.
    pub(crate) async fn start(name: &str, shipped: bool, configuration: &str) -> Option<Self> {
        let is_there = std::env::split_paths(FOLDERS).any(|folder| folder.join("turnserver").exists());
        if !is_there {
            skipped();
            return None;
        }
        let folder = std::env::temp_dir().join(format!("wirelab-verify-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).expect("a file");
            path
        };
        let (secret, more) = (
            file("secret", "a-secret-of-this-test\n"),
            file("more.conf", configuration),
        );
        file("other-secret", "another-secret\n");
        let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../coturn");
        let port = free_port();
        let mut command = Command::new("sh");
        command.arg(configuration.join("start.sh")).arg(secret);
        if shipped {
            command.args(["turnserver.conf", "loopback.conf"].map(|file| configuration.join(file)));
        }
        command
            .arg(more)
            .args(["--", &format!("--listening-port={port}")])
            .env("TMPDIR", &folder)
            .env("PATH", FOLDERS)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut coturn = Self {
            child: command.spawn().expect("sh"),
            folder,
            port,
        };
        soon("coturn to listen", coturn.listens()).await;
        Some(coturn)
    }

    async fn listens(&mut self) {
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("coturn ended at once: {status}");
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await; // there is no event for a port that opens
        }
    }

    pub(crate) fn url(&self, transport: &str) -> String {
        format!("turn:127.0.0.1:{}?transport={transport}", self.port)
    }

    /// A file beside it: `secret`, `other-secret`, or one of the test's own.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[expect(clippy::print_stderr, reason = "who runs the tests has to know what was not tested")]
fn skipped() {
    eprintln!("skipped: there is no turnserver on this machine (apt-get install coturn)");
}

/// coturn takes no port 0: one that was free for TCP and UDP a moment ago.
fn free_port() -> u16 {
    loop {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = tcp.local_addr().expect("bound").port();
        if std::net::UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
