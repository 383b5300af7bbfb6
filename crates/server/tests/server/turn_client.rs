//! A client of the relay that does just what a test says: message by message, over TCP or UDP.

use std::net::SocketAddr;

use farhand_protocol::call::IceServer;
use farhand_testkit::WAIT;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use turn_types::{
    attribute::{RequestedTransport, XorPeerAddress},
    message::ALLOCATE,
    stun::{
        attribute::{ErrorCode, Nonce, Realm, Username},
        message::{
            IntegrityAlgorithm, LongTermCredentials, Message, MessageClass, MessageType, MessageWriteVec, Method,
            TransactionId,
        },
        prelude::*,
    },
};

const HEADER: usize = 20;

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

enum Way {
    Stream(Box<dyn Stream>),
    Datagrams(UdpSocket),
}

pub struct Relay {
    way: Way,
    username: String,
    password: String,
    nonce: String,
}

impl Relay {
    pub async fn tcp(server: SocketAddr, credentials: &IceServer) -> Self {
        Self::on(TcpStream::connect(server).await.unwrap(), credentials).await
    }

    pub async fn on(stream: impl Stream + 'static, credentials: &IceServer) -> Self {
        Self::begin(Way::Stream(Box::new(stream)), credentials).await
    }

    pub async fn udp(server: SocketAddr, credentials: &IceServer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(server).await.unwrap();
        Self::begin(Way::Datagrams(socket), credentials).await
    }

    /// Learns the nonce.
    async fn begin(way: Way, credentials: &IceServer) -> Self {
        let (username, password) = (credentials.username.clone().unwrap(), credentials.credential.clone().unwrap());
        let mut relay = Self { way, username, password, nonce: String::new() };
        relay.send(&stranger()).await;
        let answer = relay.receive().await.unwrap();
        let answer = Message::from_bytes(&answer).unwrap();
        assert_eq!(answer.attribute::<ErrorCode>().unwrap().code(), 401);
        answer.attribute::<Nonce>().unwrap().nonce().clone_into(&mut relay.nonce);
        relay
    }

    pub async fn allocate(&mut self) -> Result<(), u16> {
        self.ask(ALLOCATE, None, &[&udp()]).await
    }

    /// Success, or the error's code.
    pub async fn ask(
        &mut self,
        method: Method,
        peer: Option<SocketAddr>,
        attributes: &[&dyn AttributeWrite],
    ) -> Result<(), u16> {
        let id = TransactionId::generate();
        let kind = MessageType::from_class_method(MessageClass::Request, method);
        let mut request = Message::builder(kind, id, MessageWriteVec::new());
        if let Some(peer) = peer {
            request.add_attribute(&XorPeerAddress::new(peer, id)).unwrap();
        }
        for attribute in attributes {
            request.add_attribute(*attribute).unwrap();
        }
        request.add_attribute(&Username::new(&self.username).unwrap()).unwrap();
        request.add_attribute(&Realm::new("farhand").unwrap()).unwrap();
        request.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
        let credentials = LongTermCredentials::new(self.username.clone(), self.password.clone());
        let key = credentials.to_key("farhand".to_owned()).make_key(IntegrityAlgorithm::Sha1);
        request.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).unwrap();
        self.send(&request.finish()).await;
        let answer = self.receive().await.unwrap();
        let answer = Message::from_bytes(&answer).unwrap();
        assert_eq!(answer.transaction_id(), id);
        answer.attribute::<ErrorCode>().map_or(Ok(()), |error| Err(error.code()))
    }

    pub async fn send(&mut self, message: &[u8]) {
        match &mut self.way {
            Way::Stream(stream) => stream.write_all(message).await.unwrap(),
            Way::Datagrams(socket) => drop(socket.send(message).await.unwrap()),
        }
    }

    /// The server may have hung up.
    pub async fn send_if_there(&mut self, message: &[u8]) {
        if let Way::Stream(stream) = &mut self.way {
            let _ = stream.write_all(message).await;
        }
    }

    /// So many bytes.
    pub async fn receive_exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let Way::Stream(stream) = &mut self.way else { panic!("only of a stream") };
        timeout(WAIT, stream.read_exact(&mut bytes)).await.unwrap_or_else(|_| panic!("nothing came")).unwrap();
        bytes
    }

    /// The next message; none once the server has hung up.
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        let read = async {
            let mut message = vec![0; HEADER];
            match &mut self.way {
                Way::Stream(stream) => {
                    stream.read_exact(&mut message).await.ok()?;
                    let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
                    message.resize(HEADER + length, 0);
                    stream.read_exact(&mut message[HEADER..]).await.ok()?;
                }
                Way::Datagrams(socket) => {
                    message.resize(2_048, 0);
                    let length = socket.recv(&mut message).await.ok()?;
                    message.truncate(length);
                }
            }
            Some(message)
        };
        timeout(WAIT, read).await.unwrap_or_else(|_| panic!("neither an answer nor an end"))
    }
}

pub fn udp() -> RequestedTransport {
    RequestedTransport::new(RequestedTransport::UDP)
}

/// What somebody asks who has shown nothing.
pub fn stranger() -> Vec<u8> {
    let mut question = Message::builder_request(ALLOCATE, MessageWriteVec::new());
    question.add_attribute(&udp()).unwrap();
    question.finish()
}
