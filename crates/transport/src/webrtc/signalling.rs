//! The measuring half's way to an answer: the same signalling as a browser's.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async};
use tungstenite::{Message, client::IntoClientRequest as _};
use wirelab_model::signal::{Refusal, SERVER, ToHub, ToPeer};

use super::connect::{ConnectError, Options};

/// Joins the room, makes the offer to the server's own peer, and gives its answer.
pub(super) async fn exchange(options: &Options, offer: &str) -> Result<String, ConnectError> {
    let tcp = TcpStream::connect(options.address).await?;
    let request = format!("ws://{}/signal", options.host).into_client_request()?;
    let (mut socket, _) = client_async(request, tcp).await?;
    say(
        &mut socket,
        &ToHub::Join {
            room: options.room.clone(),
        },
    )
    .await?;
    loop {
        match hear(&mut socket).await? {
            ToPeer::Welcome { .. } => {
                let to = SERVER.to_owned();
                say(
                    &mut socket,
                    &ToHub::Offer {
                        to,
                        sdp: offer.to_owned(),
                    },
                )
                .await?;
            }
            ToPeer::Answer { from, sdp } if from == SERVER => {
                let _ = socket.close(None).await; // the connection outlives it
                return Ok(sdp);
            }
            ToPeer::Refused(Refusal { code, message, .. }) => {
                let code = serde_json::to_string(&code)?.trim_matches('"').to_owned();
                return Err(ConnectError::Refused { code, message });
            }
            _ => {}
        }
    }
}

async fn say(socket: &mut WebSocketStream<TcpStream>, signal: &ToHub) -> Result<(), ConnectError> {
    Ok(socket.send(Message::text(serde_json::to_string(signal)?)).await?)
}

async fn hear(socket: &mut WebSocketStream<TcpStream>) -> Result<ToPeer, ConnectError> {
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            return Ok(serde_json::from_str(&text)?);
        }
    }
    Err(ConnectError::Closed)
}
