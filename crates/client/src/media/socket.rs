//! A connection's own socket: UDP, or, where only TCP goes through, a connection to the SFU with each datagram's length before it
//! (ICE over TCP, RFC 6544; RFC 4571), or one to the server's relay.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use farhand_protocol::call::IceServer;
use str0m::net::Protocol;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpStream, UdpSocket, tcp},
};
use tokio_rustls::rustls::ClientConfig;

use super::relay::Relay;

pub(super) enum MediaSocket {
    Udp(UdpSocket),
    /// Connected at the first datagram that is to be sent.
    Tcp {
        bind: IpAddr,
        link: Option<Link>,
    },
    Relay(Box<Relay>),
}

pub(super) struct Link {
    local: SocketAddr,
    remote: SocketAddr,
    reader: BufReader<tcp::OwnedReadHalf>,
    writer: tcp::OwnedWriteHalf,
    /// What has come of a datagram.
    partial: Vec<u8>,
}

/// Where a datagram came from and to, and how long it is.
pub(super) struct Received {
    pub(super) length: usize,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

impl MediaSocket {
    pub(super) async fn udp(bind: IpAddr) -> io::Result<Self> {
        Ok(Self::Udp(UdpSocket::bind((bind, 0)).await?))
    }

    pub(super) fn tcp(bind: IpAddr) -> Self {
        Self::Tcp { bind, link: None }
    }

    pub(super) async fn relay(servers: &[IceServer], trust: Option<Arc<ClientConfig>>) -> io::Result<Self> {
        Ok(Self::Relay(Box::new(Relay::open(servers, trust).await?)))
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self {
            // What the other end sees of a relay is UDP.
            Self::Udp(_) | Self::Relay(_) => Protocol::Udp,
            Self::Tcp { .. } => Protocol::Tcp,
        }
    }

    /// The discard port (RFC 6544, section 4.5) as long as there is no connection.
    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp { bind, .. } => Ok(SocketAddr::new(*bind, 9)),
            Self::Relay(relay) => Ok(relay.relayed()),
        }
    }

    /// Can be dropped and called again.
    pub(super) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let to = self.local()?;
        match self {
            Self::Udp(socket) => {
                let (length, from) = socket.recv_from(buffer).await?;
                Ok(Received { length, from, to })
            }
            Self::Tcp { link: Some(link), .. } => {
                let length = link.receive(buffer).await?;
                Ok(Received { length, from: link.remote, to })
            }
            Self::Tcp { link: None, .. } => std::future::pending().await,
            Self::Relay(relay) => relay.receive(buffer).await,
        }
    }

    /// What has come already.
    pub(super) fn try_receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        match self {
            Self::Udp(socket) => {
                let to = socket.local_addr()?;
                let (length, from) = socket.try_recv_from(buffer)?;
                Ok(Received { length, from, to })
            }
            Self::Tcp { .. } | Self::Relay(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    pub(super) async fn send(&mut self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send_to(datagram, to).await.map(|_| ()),
            Self::Tcp { link, .. } => {
                let link = match link {
                    Some(link) if link.remote == to => link,
                    Some(_) | None => link.insert(Link::open(to).await?),
                };
                link.send(datagram).await
            }
            Self::Relay(relay) => relay.send(datagram, to).await,
        }
    }
}

impl Link {
    async fn open(remote: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(remote).await?;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let (reader, writer) = stream.into_split();
        Ok(Self { local, remote, reader: BufReader::new(reader), writer, partial: Vec::new() })
    }

    async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let length = u16::try_from(datagram.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.writer.write_all(&[&length.to_be_bytes()[..], datagram].concat()).await
    }

    async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use tokio::io::AsyncReadExt;
        loop {
            if let [high, low, rest @ ..] = self.partial.as_slice() {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if let (Some(datagram), Some(place)) = (rest.get(..length), buffer.get_mut(..length)) {
                    place.copy_from_slice(datagram);
                    self.partial.drain(..2 + length);
                    return Ok(length);
                }
            }
            if self.reader.read_buf(&mut self.partial).await? == 0 {
                tracing::debug!(local = %self.local, "the connection for media was closed");
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
