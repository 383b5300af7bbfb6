//! The relay over UDP. The media workers hand over what came to their port and is not for them. Nothing is kept of a stranger: who has an
//! allocation gets a session, everybody else an answer at most.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Instant};

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::sync::CancellationToken;

use super::{
    Transport, Turn,
    client::{Client, Outcome},
    limits::Answers,
    session::{Outgoing, QUEUE, Session},
};
use crate::media::PortSender;

/// Datagrams that may wait to be looked at.
pub const INBOX: usize = 1024;
/// An answer to a stranger is at most so many times as long as the question: of little use for amplification.
const MOST_TIMES: usize = 3;

pub type Inbox = mpsc::Receiver<(SocketAddr, Vec<u8>)>;

impl Turn {
    /// Serves until nobody hands over anything any more.
    pub async fn serve_datagrams(self: Arc<Self>, mut inbox: Inbox, port: PortSender, stopping: CancellationToken) {
        let port = Arc::new(port);
        let mut answers = Answers::new(Instant::now());
        let mut sessions: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
        while let Some((source, datagram)) = inbox.recv().await {
            let datagram = match sessions.get(&source) {
                Some(session) => match session.try_send(datagram) {
                    Err(TrySendError::Closed(unsent)) => unsent,
                    // Full: lost.
                    Ok(()) | Err(TrySendError::Full(_)) => continue,
                },
                None => datagram,
            };
            let mut client = Client::new(source, Transport::Datagrams);
            let now = Instant::now();
            match client.receive(&self.ground, now, &datagram) {
                Outcome::Answer(answer) => port.send(source, &answer),
                Outcome::Refusal(answer) => {
                    if answer.len() <= MOST_TIMES * datagram.len() && answers.allows(now, source.ip()) {
                        port.send(source, &answer);
                    }
                }
                Outcome::Nothing | Outcome::Relay { .. } => {}
            }
            if client.allocation().is_some() {
                sessions.retain(|_, session| !session.is_closed());
                let (to_session, incoming) = mpsc::channel(QUEUE);
                let outgoing = Outgoing::Port(port.clone(), source);
                let session = Session::new(self.clone(), client, outgoing, self.patience);
                tokio::spawn(session.run(incoming, stopping.clone()));
                sessions.insert(source, to_session);
            }
        }
    }
}
