//! Servers of a few lines, each broken as it is told to be. They end with their test.

pub(crate) mod h2;
pub(crate) mod peer;
pub(crate) mod relay;
pub(crate) mod sse;
pub(crate) mod ws;

use std::{future::Future, net::SocketAddr, pin::Pin};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Any connection.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    head: String,
}

impl Request {
    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Reads one request's head.
    pub(crate) async fn read(io: &mut impl Io) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(io.read_u8().await.ok()?);
        }
        Some(Self {
            head: String::from_utf8(head).ok()?,
        })
    }
}

/// A server that hands every connection to one function.
pub(crate) struct Broken {
    pub(crate) address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Broken {
    /// Every connection, with nothing read from it.
    pub(crate) async fn raw<F, Done>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> Done + Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let accepting = tokio::spawn(async move {
            let mut serving = tokio::task::JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                serving.spawn(serve(tcp));
            }
        });
        Self { address, accepting }
    }

    /// Every connection, with its first request.
    pub(crate) async fn http<F, Done>(serve: F) -> Self
    where
        F: Fn(Request, TcpStream) -> Done + Clone + Send + Sync + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        Self::raw(move |mut tcp| {
            let serve = serve.clone();
            let served: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
                if let Some(request) = Request::read(&mut tcp).await {
                    serve(request, tcp).await;
                }
            });
            served
        })
        .await
    }

    /// Answers every request with these bytes and ends.
    pub(crate) async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Vec<u8> = answer.into();
        Self::http(move |_, mut tcp| {
            let answer = answer.clone();
            async move {
                let _ = tcp.write_all(&answer).await;
                let _ = tcp.shutdown().await;
            }
        })
        .await
    }

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
