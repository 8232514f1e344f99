//! The references: the kernel's own TCP and UDP, the same messages on the same schedule, nothing on top. What they do on
//! a link is what a transport over them can at best do.

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net,
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use wirelab_model::{
    Cursor, TopicName,
    cursor::Epoch,
    frame::Received,
    message::write_message,
    topic::{Source, Tick},
};
use wirelab_transport::{arrivals::Arrived, clock::Clock};

/// Messages that may wait for the writer: minutes. One that does not fit is lost, and counted so by its receiver.
const WAITING: usize = 16_384;
/// The longest message: the largest tick with its frame.
const MESSAGE_BYTES: usize = 32 * 1024;
/// Between two greetings of a UDP client that has heard nothing yet.
const GREETING: Duration = Duration::from_millis(100);

/// Publishes as the feed does: on a fixed schedule, never waiting for a reader.
async fn publish(topic: &TopicName, stop: &CancellationToken, mut send: impl FnMut(Vec<u8>)) {
    let Some(tick) = ticks(topic) else {
        return;
    };
    let (start, clock) = (Instant::now(), Clock::start());
    let due = |count| start + tick.due(count);
    let (mut count, mut offset) = (0, 0);
    let mut data = Vec::with_capacity(tick.bytes());
    loop {
        tokio::select! {
            () = sleep_until(due(count)) => {}
            () = stop.cancelled() => return,
        }
        while due(count + 1) <= Instant::now() {
            count += 1; // missed, and seen as such by the receiver
        }
        data.clear();
        tick.write_data(count, &mut data);
        (count, offset) = (count + 1, offset + 1);
        let mut message = Vec::with_capacity(data.len() + 160);
        write_message(
            topic,
            Cursor::new(Epoch(1), offset),
            clock.now_us(),
            &data,
            &mut message,
        );
        send(message);
    }
}

fn ticks(topic: &TopicName) -> Option<Tick> {
    match topic.source() {
        Source::Tick(tick) => Some(tick),
        _ => None,
    }
}

/// Messages to the first connection, each behind its length.
pub(crate) async fn serve_tcp(listener: TcpListener, topic: TopicName, stop: CancellationToken) -> io::Result<()> {
    let listener = net::TcpListener::from_std(listener)?;
    let (mut stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let (sender, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING);
    let writer = tokio::spawn(async move {
        while let Some(message) = waiting.recv().await {
            let length = (message.len() as u32).to_be_bytes();
            stream.write_all(&[&length[..], &message].concat()).await?;
        }
        Ok::<_, io::Error>(())
    });
    publish(&topic, &stop, |message| drop(sender.try_send(message))).await;
    drop(sender);
    writer.await.unwrap_or(Ok(()))
}

/// Messages to whoever greets, a datagram each.
pub(crate) async fn serve_udp(socket: UdpSocket, topic: TopicName, stop: CancellationToken) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let socket = net::UdpSocket::from_std(socket)?;
    let (_, client) = socket.recv_from(&mut [0; 16]).await?;
    // What the kernel does not take at once is lost, as it would be further on.
    publish(&topic, &stop, |message| drop(socket.try_send_to(&message, client))).await;
    Ok(())
}

/// The client half of [`serve_tcp`].
pub(crate) struct Tcp {
    stream: net::TcpStream,
    buffer: Vec<u8>,
    read_us: wirelab_model::Micros,
}

impl Tcp {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
            read_us: wirelab_model::Micros(0),
        })
    }

    pub(crate) async fn next(&mut self) -> io::Result<Option<Arrived>> {
        loop {
            if let Some(length) = self
                .buffer
                .first_chunk()
                .map(|length| u32::from_be_bytes(*length) as usize)
            {
                if length > MESSAGE_BYTES {
                    return Err(io::Error::other("a message is longer than any"));
                }
                if self.buffer.len() >= 4 + length {
                    let arrived = arrived(&self.buffer[4..4 + length], self.read_us)?;
                    self.buffer.drain(..4 + length);
                    return Ok(Some(arrived));
                }
            }
            let read = self.stream.read_buf(&mut self.buffer).await?;
            self.read_us = Clock::start().now_us();
            if read == 0 {
                return Ok(None);
            }
        }
    }
}

/// The client half of [`serve_udp`].
pub(crate) struct Udp {
    socket: net::UdpSocket,
    heard: bool,
}

impl Udp {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = net::UdpSocket::bind(("0.0.0.0", 0)).await?;
        socket.connect(address).await?;
        Ok(Self { socket, heard: false })
    }

    pub(crate) async fn next(&mut self) -> io::Result<Option<Arrived>> {
        let mut buffer = vec![0; MESSAGE_BYTES];
        loop {
            if !self.heard {
                let _ = self.socket.send(b"hello").await; // greeted again if it is lost
            }
            let received = match timeout(GREETING, self.socket.recv(&mut buffer)).await {
                Ok(received) => received,
                Err(_) if self.heard => self.socket.recv(&mut buffer).await,
                Err(_) => continue,
            };
            let received_us = Clock::start().now_us();
            self.heard = true;
            return arrived(&buffer[..received?], received_us).map(Some);
        }
    }
}

fn arrived(text: &[u8], received_us: wirelab_model::Micros) -> io::Result<Arrived> {
    let frame: Received = serde_json::from_slice(text)?;
    Ok(Arrived {
        frame,
        id: None,
        received_us,
        bytes: text.len(),
    })
}
