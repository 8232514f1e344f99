//! A WebSocket that echoes, right but for one fault.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, interval, timeout_at},
};
use tungstenite::handshake::derive_accept_key;

use super::{Broken, Io, Request};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// The upgrade is lost on the way.
    UpgradeLost,
    Redirects,
    WrongKey,
    AnyOrigin,
    /// Any message is read to its end.
    NoLimit,
    LimitWithoutWord,
    LimitWrongCode,
    PingUnanswered,
    OtherPong,
    CloseUnanswered,
    CloseWithoutEnd,
    CloseOtherCode,
    FragmentsRefused,
    FragmentsAsMessages,
    Utf8Taken,
    Utf8WithoutWord,
    UnmaskedTaken,
    UnmaskedOtherCode,
    /// Messages without end or pause.
    Flood,
    /// Cut when neither side says anything for a second.
    CutsSilence,
    /// The same, and nobody is told.
    ForgetsSilence,
    /// It talks, and is cut when the client says nothing for a second.
    CutsSilentClient,
    /// It is cut when the server says nothing for a second.
    CutsSilentServer,
}

const SILENCE: Duration = Duration::from_secs(1);
const TALK: Duration = Duration::from_millis(100);
const LIMIT: u64 = 64 * 1024;

/// Starts it.
pub(crate) async fn serve(fault: Fault) -> Broken {
    Broken::http(move |request, tcp| async move {
        let _ = socket(fault, &request, tcp).await; // who asked has gone
    })
    .await
}

/// Answers the request and speaks on, over anything.
pub(crate) async fn socket(fault: Fault, request: &Request, mut io: impl Io) -> io::Result<()> {
    let status = match request.header("origin") {
        Some(_) if fault != Fault::AnyOrigin => Some("403 Forbidden\r\n"),
        _ if fault == Fault::UpgradeLost => Some("426 Upgrade Required\r\n"),
        _ if fault == Fault::Redirects => Some("302 Found\r\nlocation: https://elsewhere.example/ws\r\n"),
        _ if request.header("upgrade").is_none() => Some("426 Upgrade Required\r\n"),
        _ => None,
    };
    if let Some(status) = status {
        return io
            .write_all(format!("HTTP/1.1 {status}content-length: 0\r\n\r\n").as_bytes())
            .await;
    }
    let key = request.header("sec-websocket-key").unwrap_or_default();
    let accept = match fault {
        Fault::WrongKey => "bm90IHdoYXQgeW91IHdhbnQ=".to_owned(),
        _ => derive_accept_key(key.as_bytes()),
    };
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    io.write_all(head.as_bytes()).await?;
    match fault {
        Fault::CutsSilence | Fault::ForgetsSilence | Fault::CutsSilentClient | Fault::CutsSilentServer => {
            silence(fault, io).await
        }
        Fault::Flood => loop {
            write(&mut io, 0x81, &[b'x'; 125]).await?;
        },
        _ => echo(fault, io).await,
    }
}

struct Frame {
    first: u8,
    masked: bool,
    payload: Vec<u8>,
}

/// Reads a frame; one that is over the limit comes with its payload unread.
async fn read(fault: Fault, io: &mut impl Io) -> io::Result<Result<Frame, u64>> {
    let (first, second) = (io.read_u8().await?, io.read_u8().await?);
    let length = match second & 0x7f {
        126 => io.read_u16().await?.into(),
        127 => io.read_u64().await?,
        length => length.into(),
    };
    let masked = second & 0x80 != 0;
    let mut mask = [0; 4];
    if masked {
        io.read_exact(&mut mask).await?;
    }
    if length > LIMIT {
        if fault == Fault::NoLimit {
            let mut taken = [0; 4096];
            let mut left = length;
            while left > 0 {
                left -= io.read(&mut taken).await? as u64;
            }
        }
        return Ok(Err(length));
    }
    let mut payload = vec![0; length as usize];
    io.read_exact(&mut payload).await?;
    payload
        .iter_mut()
        .zip(mask.iter().cycle())
        .for_each(|(byte, mask)| *byte ^= mask);
    Ok(Ok(Frame { first, masked, payload }))
}

async fn write(io: &mut impl Io, first: u8, payload: &[u8]) -> io::Result<()> {
    let mut frame = vec![first, payload.len() as u8]; // no answer here is longer than 125
    frame.extend_from_slice(payload);
    io.write_all(&frame).await
}

async fn close(io: &mut impl Io, code: u16) -> io::Result<()> {
    write(io, 0x88, &code.to_be_bytes()).await?;
    io.shutdown().await
}

async fn echo(fault: Fault, mut io: impl Io) -> io::Result<()> {
    let mut whole = Vec::new();
    loop {
        let Ok(frame) = read(fault, &mut io).await? else {
            return match fault {
                Fault::LimitWithoutWord => io.shutdown().await,
                Fault::LimitWrongCode => close(&mut io, 1011).await,
                _ => close(&mut io, 1009).await,
            };
        };
        if !frame.masked && fault != Fault::UnmaskedTaken {
            let code = if fault == Fault::UnmaskedOtherCode { 1011 } else { 1002 };
            return close(&mut io, code).await;
        }
        let is_last = frame.first & 0x80 != 0;
        match frame.first & 0x0f {
            0x9 if fault == Fault::PingUnanswered => {}
            0x9 if fault == Fault::OtherPong => write(&mut io, 0x8a, b"something else").await?,
            0x9 => write(&mut io, 0x8a, &frame.payload).await?,
            0x8 => return answer_close(fault, io, &frame.payload).await,
            0xa => {}
            _ if !is_last && fault == Fault::FragmentsRefused => return close(&mut io, 1003).await,
            _ if fault == Fault::FragmentsAsMessages && std::str::from_utf8(&frame.payload).is_ok() => {
                write(&mut io, 0x81, &frame.payload).await?
            }
            _ => {
                whole.extend_from_slice(&frame.payload);
                if !is_last {
                    continue;
                }
                let message = std::mem::take(&mut whole);
                match (std::str::from_utf8(&message).is_err(), fault) {
                    (true, Fault::Utf8WithoutWord) => return io.shutdown().await,
                    (true, fault) if fault != Fault::Utf8Taken => return close(&mut io, 1007).await,
                    _ => write(&mut io, 0x81, &message).await?,
                }
            }
        }
    }
}

async fn answer_close(fault: Fault, mut io: impl Io, payload: &[u8]) -> io::Result<()> {
    match fault {
        Fault::CloseUnanswered => io.shutdown().await,
        Fault::CloseOtherCode => close(&mut io, 1001).await,
        Fault::CloseWithoutEnd => {
            write(&mut io, 0x88, payload).await?;
            std::future::pending().await
        }
        _ => {
            write(&mut io, 0x88, payload).await?;
            io.shutdown().await
        }
    }
}

/// Answers pings, and goes when the one that is watched says nothing.
async fn silence(fault: Fault, mut io: impl Io) -> io::Result<()> {
    let mut talk = interval(TALK);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            _ = talk.tick(), if fault == Fault::CutsSilentClient => write(&mut io, 0x81, b"{}").await?,
            frame = timeout_at(last + SILENCE, read(fault, &mut io)) => match frame {
                Ok(frame) => {
                    let Ok(frame) = frame? else { return Ok(()) };
                    let is_ping = frame.first == 0x89;
                    if is_ping {
                        write(&mut io, 0x8a, &frame.payload).await?;
                    }
                    if is_ping || fault != Fault::CutsSilentServer {
                        last = Instant::now();
                    }
                }
                Err(_) if fault == Fault::ForgetsSilence => {
                    let mut nowhere = Vec::new();
                    io.read_to_end(&mut nowhere).await?;
                }
                Err(_) => return Ok(()),
            },
        }
    }
}
