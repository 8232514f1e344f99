//! The measuring half: one WebSocket, read frame by frame.

use std::io;

use futures_util::{SinkExt as _, StreamExt as _};
use thiserror::Error;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tungstenite::{
    Message,
    client::IntoClientRequest as _,
    protocol::{CloseFrame, WebSocketConfig},
};

use crate::{
    arrivals::{Arrived, LastRead, Stamped},
    clock::Clock,
    place::{Carrier, Place},
};

/// tungstenite clears its read buffer before every read, so a large one costs time and memory.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Where to connect and what to ask for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server.
    pub place: Place,
    /// Path and query, such as `/ws?topic=metric`.
    pub path: String,
}

/// Why there is no WebSocket, or no more of it.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Nothing answers at the address.
    #[error("cannot connect: {0}")]
    Unreachable(#[from] io::Error),
    /// The handshake failed or the protocol was broken.
    #[error("the WebSocket cannot be used: {0}")]
    WebSocket(#[from] tungstenite::Error),
    /// The server closed.
    #[error("the server closed with {} {}", u16::from(.0.code), .0.reason)]
    Closed(CloseFrame),
    /// A text frame does not hold one of our frames.
    #[error("the text does not hold a frame: {0}")]
    Frame(#[from] serde_json::Error),
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Client {
    socket: WebSocketStream<Stamped<Carrier>>,
    last: LastRead,
}

/// Opens a WebSocket.
///
/// # Errors
/// Nothing answers, or what answers does not upgrade.
pub async fn connect(options: &Options, clock: Clock) -> Result<Client, ConnectError> {
    let carrier = options.place.connect().await?;
    let (stamped, last) = Stamped::new(carrier, clock);
    let request = format!("ws://{}{}", options.place.host, options.path).into_client_request()?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0);
    let (socket, _) = client_async_with_config(request, stamped, Some(config)).await?;
    Ok(Client { socket, last })
}

impl Client {
    /// The next frame; `None` once the connection has ended without a close frame. Pings are answered meanwhile.
    ///
    /// # Errors
    /// The server closed, broke the protocol or sent something else than frames.
    pub async fn next(&mut self) -> Result<Option<Arrived>, ConnectError> {
        while let Some(message) = self.socket.next().await {
            match message? {
                Message::Text(text) => {
                    let frame = serde_json::from_str(&text)?;
                    return Ok(Some(Arrived {
                        frame,
                        id: None,
                        received_us: self.last.get(),
                        bytes: text.len(),
                    }));
                }
                Message::Close(Some(frame)) => return Err(ConnectError::Closed(frame)),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(None) | Message::Frame(_) => {
                }
            }
        }
        Ok(None)
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&mut self, text: impl Into<String>) -> Result<(), ConnectError> {
        Ok(self.socket.send(Message::text(text.into())).await?)
    }

    /// Closes with 1000 and waits for the server's close frame.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn close(mut self) -> Result<(), ConnectError> {
        self.socket.close(None).await?;
        while let Some(Ok(_)) = self.socket.next().await {}
        Ok(())
    }
}
