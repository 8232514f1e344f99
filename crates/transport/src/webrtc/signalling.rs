//! The measuring half's way to an answer: the same signalling as a browser's.

use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tungstenite::{Message, client::IntoClientRequest as _, protocol::WebSocketConfig};
use wirelab_model::signal::{Refusal, SERVER, ToHub, ToPeer};

use super::connect::{ConnectError, Options};

/// Bytes of one signal: a session description has some thousands.
const MOST_SIGNAL_BYTES: usize = 256 * 1024;

/// What signalling came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signalled {
    /// The answer of the server's own peer.
    pub answer: String,
    /// Who we were there.
    pub id: String,
}

/// Joins the room, makes the offer to the server's own peer, and gives its answer.
pub(super) async fn exchange(options: &Options, offer: &str) -> Result<Signalled, ConnectError> {
    let stream = options.place.connect().await?;
    signal(stream, &options.place.host, &[], &options.room, offer).await
}

/// The same over a stream that stands already, such as one of TLS. `headers` go with the upgrade. There is no time limit:
/// the caller has one.
///
/// # Errors
/// There is no signalling, the server refuses, or it goes without an answer.
pub async fn signal(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    host: &str,
    headers: &[(HeaderName, HeaderValue)],
    room: &str,
    offer: &str,
) -> Result<Signalled, ConnectError> {
    let mut request = format!("ws://{host}/signal").into_client_request()?;
    request.headers_mut().extend(headers.iter().cloned());
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MOST_SIGNAL_BYTES))
        .max_frame_size(Some(MOST_SIGNAL_BYTES));
    let (mut socket, _) = client_async_with_config(request, stream, Some(limits)).await?;
    say(&mut socket, &ToHub::Join { room: room.to_owned() }).await?;
    let mut id = String::new();
    loop {
        match hear(&mut socket).await? {
            ToPeer::Welcome { you, .. } => {
                id = you;
                let (to, sdp) = (SERVER.to_owned(), offer.to_owned());
                say(&mut socket, &ToHub::Offer { to, sdp }).await?;
            }
            ToPeer::Answer { from, sdp: answer } if from == SERVER => {
                let _ = socket.close(None).await; // the connection outlives it
                return Ok(Signalled { answer, id });
            }
            ToPeer::Refused(Refusal { code, message, .. }) => {
                let code = serde_json::to_string(&code)?.trim_matches('"').to_owned();
                return Err(ConnectError::Refused { code, message });
            }
            _ => {}
        }
    }
}

async fn say<S>(socket: &mut WebSocketStream<S>, signal: &ToHub) -> Result<(), ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    Ok(socket.send(Message::text(serde_json::to_string(signal)?)).await?)
}

async fn hear<S>(socket: &mut WebSocketStream<S>) -> Result<ToPeer, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            return Ok(serde_json::from_str(&text)?);
        }
    }
    Err(ConnectError::Closed)
}
