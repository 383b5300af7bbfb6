//! The way to the SFU through the server's relay (TURN over TCP or TLS), for networks that let nothing else through. The protocol is
//! `turn-client-proto`'s, given one message at a time: on a stream it would leave out the padding of channel data (RFC 8656, section 12.5).

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use farhand_protocol::call::IceServer;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{sleep_until, timeout},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};
use turn_client_proto::{
    api::{Transmit, TurnClientApi, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet},
    types::{Instant as TurnInstant, TransportType, TurnCredentials, prelude::DelayedTransmitBuild},
    udp::TurnClientUdp,
};

use super::socket::Received;

/// From the connection to the allocation: five round trips.
const ALLOCATED_WITHIN: Duration = Duration::from_secs(10);
const LENGTH: usize = 4;
const MESSAGE_HEADER: usize = 20;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(super) struct Relay {
    protocol: TurnClientUdp,
    stream: Box<dyn Stream>,
    server: SocketAddr,
    local: SocketAddr,
    relayed: SocketAddr,
    /// Whom it has asked to be let talk to.
    peers: Vec<SocketAddr>,
    /// What has come of a message.
    partial: Vec<u8>,
    unsent: Vec<u8>,
    start: Instant,
}

impl Relay {
    /// With TLS if there is something to trust.
    pub(super) async fn open(servers: &[IceServer], trust: Option<Arc<ClientConfig>>) -> io::Result<Self> {
        let scheme = if trust.is_some() { "turns:" } else { "turn:" };
        let found = servers.iter().find_map(|server| {
            let url = server.urls.iter().find_map(|url| url.strip_prefix(scheme)?.strip_suffix("?transport=tcp"))?;
            Some((url, server.username.as_deref()?, server.credential.as_deref()?))
        });
        let (address, username, password) = found.ok_or_else(|| io::Error::other("the plan names no such relay"))?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (local, server) = (stream.local_addr()?, stream.peer_addr()?);
        let stream: Box<dyn Stream> = match trust {
            Some(trust) => Box::new(secure(stream, address, trust).await?),
            None => Box::new(stream),
        };
        let config = TurnConfig::new(TurnCredentials::new(username, password));
        let mut relay = Self {
            protocol: TurnClientUdp::allocate(local, server, config),
            stream,
            server,
            local,
            relayed: local,
            peers: Vec::new(),
            partial: Vec::new(),
            unsent: Vec::new(),
            start: Instant::now(),
        };
        timeout(ALLOCATED_WITHIN, relay.be_allocated()).await??;
        Ok(relay)
    }

    pub(super) fn relayed(&self) -> SocketAddr {
        self.relayed
    }

    async fn be_allocated(&mut self) -> io::Result<()> {
        loop {
            match self.protocol.poll_event() {
                Some(TurnEvent::AllocationCreated(_, relayed)) => {
                    self.relayed = relayed;
                    return Ok(());
                }
                Some(_) => return Err(io::Error::other("the relay has refused")),
                None => {}
            }
            if let Some(message) = self.message().await? {
                self.take(message);
            }
        }
    }

    pub(super) async fn send(&mut self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        let now = self.now();
        if !self.peers.contains(&to) {
            self.peers.push(to);
            let asked = self.protocol.create_permission(TransportType::Udp, to.ip(), now);
            asked.map_err(io::Error::other)?;
            self.protocol.bind_channel(TransportType::Udp, to, now).map_err(io::Error::other)?;
        }
        // Until it may, what it sends is lost; ICE sends it again.
        if let Ok(Some(transmit)) = self.protocol.send_to(TransportType::Udp, to, datagram, now) {
            let message = transmit.data.build();
            self.put(&message);
        }
        self.write().await
    }

    /// Can be dropped and called again.
    pub(super) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        loop {
            let Some(message) = self.message().await? else { continue };
            if let Some((from, contents)) = self.take(message)
                && let Some(place) = buffer.get_mut(..contents.len())
            {
                place.copy_from_slice(&contents);
                return Ok(Received { length: contents.len(), from, to: self.relayed });
            }
        }
    }

    /// What a peer has sent, if it is that.
    fn take(&mut self, message: Vec<u8>) -> Option<(SocketAddr, Vec<u8>)> {
        let transmit = Transmit::new(message, TransportType::Udp, self.server, self.local);
        match self.protocol.recv(transmit, self.now()) {
            TurnRecvRet::PeerData(data) => Some((data.peer, data.data().to_vec())),
            TurnRecvRet::Handled | TurnRecvRet::Ignored(_) | TurnRecvRet::PeerIcmp { .. } => None,
        }
    }

    /// The next message, or nothing when it is time to look at the protocol again. Can be dropped and called again.
    async fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let wake = self.advance()?;
        self.write().await?;
        if let Some(length) = length(&self.partial)
            && self.partial.len() >= length
        {
            return Ok(Some(self.partial.drain(..length).collect()));
        }
        tokio::select! {
            read = self.stream.read_buf(&mut self.partial) => {
                if read? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            () = sleep_until(wake.into()) => {}
        }
        Ok(None)
    }

    /// Until when there is nothing to do.
    fn advance(&mut self) -> io::Result<Instant> {
        let now = self.now();
        let wake = match self.protocol.poll(now) {
            TurnPollRet::WaitUntil(at) => at.to_std(self.start),
            TurnPollRet::Closed | TurnPollRet::AllocateTcpSocket { .. } | TurnPollRet::TcpClose { .. } => {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        };
        while let Some(transmit) = self.protocol.poll_transmit(now) {
            self.put(&transmit.data);
        }
        Ok(wake)
    }

    fn now(&self) -> TurnInstant {
        TurnInstant::from_std(self.start)
    }

    fn put(&mut self, message: &[u8]) {
        self.unsent.extend_from_slice(message);
        // Of messages the length is a multiple of four anyway.
        self.unsent.resize(self.unsent.len().next_multiple_of(4), 0);
    }

    async fn write(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let written = self.stream.write(&self.unsent).await?;
            self.unsent.drain(..written);
        }
        self.stream.flush().await
    }
}

async fn secure(stream: TcpStream, address: &str, trust: Arc<ClientConfig>) -> io::Result<impl Stream + use<>> {
    let name = address.rsplit_once(':').map_or(address, |(name, _)| name).trim_matches(['[', ']']);
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(trust).connect(name, stream).await
}

/// Of the message that begins with these bytes, with what it is filled up with.
fn length(bytes: &[u8]) -> Option<usize> {
    let &[first, _, high, low, ..] = bytes else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    Some(if first < 0x40 { MESSAGE_HEADER + length } else { LENGTH + length.next_multiple_of(4) })
}
