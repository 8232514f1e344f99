//! Where a measuring client connects: TCP, with TLS where the server has it.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};
use tokio_util::either::Either;

/// An open connection.
pub type Carrier = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A server that is reached over TCP.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its address.
    pub address: SocketAddr,
    /// What stands in `Host`.
    pub host: String,
    /// How it proves who it is, where it has TLS.
    pub tls: Option<Tls>,
}

/// TLS with one server: whom to believe, and who it has to prove to be.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Place {
    /// Without TLS.
    #[must_use]
    pub fn plain(address: SocketAddr, host: impl Into<String>) -> Self {
        Self {
            address,
            host: host.into(),
            tls: None,
        }
    }

    /// Connects, with `TCP_NODELAY`: what is measured are small messages.
    ///
    /// # Errors
    /// Nothing answers, or TLS does not come about; the error then holds rustls' own.
    pub async fn connect(&self) -> io::Result<Carrier> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Either::Left(tcp)),
            Some(Tls { config, name }) => {
                let secured = TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp);
                Ok(Either::Right(Box::new(secured.await?)))
            }
        }
    }
}

impl Tls {
    /// Offers HTTP/1.1 alone, which is what the measuring clients speak.
    #[must_use]
    pub fn new(mut config: ClientConfig, name: ServerName<'static>) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            config: Arc::new(config),
            name,
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}
