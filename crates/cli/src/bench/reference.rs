//! The reference: what one writes first with axum, and what this program's server is held against. `Sse` with
//! `KeepAlive` over a `BroadcastStream` of strings, `WebSocketUpgrade` with its defaults, one format of the message for
//! all. It is no part of the server.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{
        Path, Query, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::StatusCode,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError};
use tokio_stream::{StreamExt as _, wrappers::BroadcastStream};
use wirelab_transport::clock::Clock;

/// Messages that a topic holds for its slowest reader; whoever is slower misses some.
const ROOM: usize = 1024;

#[derive(Clone)]
struct Hub {
    topics: Arc<Mutex<HashMap<String, Sender<String>>>>,
    heartbeat: Duration,
}

#[derive(Deserialize)]
struct Asked {
    topic: String,
}

/// Serves until it is dropped.
pub(super) async fn run(listener: TcpListener, heartbeat: Duration) -> io::Result<()> {
    let hub = Hub {
        topics: Arc::default(),
        heartbeat,
    };
    let router = Router::new()
        .route("/events", get(events))
        .route("/ws", get(socket))
        .route("/ws/echo", get(echo))
        .route("/api/topics/{topic}", post(publish))
        .with_state(hub);
    axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await
}

impl Hub {
    fn topic(&self, name: &str) -> Sender<String> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics
            .entry(name.to_owned())
            .or_insert_with(|| broadcast::channel(ROOM).0)
            .clone()
    }
}

async fn publish(State(hub): State<Hub>, Path(topic): Path<String>, data: String) -> Response {
    let Ok(data) = serde_json::from_str::<Box<RawValue>>(&data) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let sent_us = Clock::start().now_us().0;
    let message = format!(r#"{{"type":"message","topic":"{topic}","sent_us":{sent_us},"data":{data}}}"#);
    let _ = hub.topic(&topic).send(message); // nobody reads it
    StatusCode::NO_CONTENT.into_response()
}

async fn events(State(hub): State<Hub>, Query(asked): Query<Asked>) -> impl IntoResponse {
    let messages = BroadcastStream::new(hub.topic(&asked.topic).subscribe());
    let events = messages
        .filter_map(|message| message.ok())
        .map(|message| Ok::<_, Infallible>(Event::default().data(message)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(hub.heartbeat))
}

async fn socket(State(hub): State<Hub>, Query(asked): Query<Asked>, upgrade: WebSocketUpgrade) -> Response {
    let messages = hub.topic(&asked.topic).subscribe();
    upgrade.on_upgrade(|socket| forward(socket, messages))
}

async fn forward(mut socket: WebSocket, mut messages: Receiver<String>) {
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Ok(message) => {
                    if socket.send(Message::text(message)).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            heard = socket.recv() => match heard {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err() {
                return;
            }
        }
    })
}
