//! All that is printed for people: results on stdout, what went wrong on stderr.

use std::{
    io::{self, IsTerminal as _, Write as _},
    net::{SocketAddr, UdpSocket},
    process::ExitCode,
};

use wirelab_server::config::url;

use crate::{error::Error, settings::SettingsError};

/// Says where the server listens. The first line is for programs too: it is exactly `wirelab listens on <URL>`.
pub(crate) fn listening(
    public: SocketAddr,
    udp: &[UdpSocket],
    https: Option<&str>,
    link: Option<(SocketAddr, &str)>,
    internal: Option<SocketAddr>,
) {
    let url = url(public);
    let mut text =
        format!("wirelab listens on {url}\n  pages    {url}/\n  stream   curl -N '{url}/events?topic=metric'\n");
    let udp: Vec<String> = udp
        .iter()
        .filter_map(|socket| socket.local_addr().ok())
        .map(|address| address.to_string())
        .collect();
    if !udp.is_empty() {
        text.push_str(&format!("  webrtc   udp {}\n", udp.join(", ")));
    }
    if let Some(https) = https {
        text.push_str(&format!("  https    {https}\n"));
    }
    if let Some((address, profile)) = link {
        text.push_str(&format!(
            "  link     {}/compare.html through an emulated network, {profile} at first, at {address} tcp and udp\n",
            url
        ));
    }
    if let Some(internal) = internal {
        text.push_str(&format!("  metrics  http://{internal}/metrics\n"));
    }
    // Whoever closed stdout does not want to read this; the server goes on.
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// A result, on stdout.
pub(crate) fn result(text: &str) {
    // Whoever closed stdout has read enough.
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// A question to somebody at the terminal, and what goes with it. It is on stderr: stdout is for results.
pub(crate) fn say(text: &str) {
    aside(text);
}

/// How far it is, in place of what was said before; only where somebody looks. Nothing takes the line away.
pub(crate) fn progress(text: &str) {
    if io::stderr().is_terminal() {
        aside(&format!("\r\x1b[2K{text}"));
    }
}

/// Says why the program ends, and with which code.
pub(crate) fn failure(error: Error) -> ExitCode {
    if let Error::Settings(SettingsError::Usage(usage)) = error {
        let _ = usage.print(); // help and version on stdout, the rest on stderr
        return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
    }
    aside(&format!("error: {error}\n"));
    ExitCode::from(error.exit_code())
}

/// Beside the results, on stderr. Where nobody reads it any more, as in `2>&1 | head`, the exit code still says the rest.
fn aside(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
