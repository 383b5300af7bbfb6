//! The relay over UDP. The media workers hand over what came to their port and is not for them. Nothing is kept of a stranger: who has an
//! allocation gets a session, everybody else an answer at most.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::sync::CancellationToken;

use super::{
    Transport, Turn,
    client::{Client, Outcome},
    limits::{ANSWERS_PER_SECOND, ForStrangers, LOOKS_PER_SECOND},
    session::{Outgoing, QUEUE, Session},
};
use crate::media::PortSender;

/// Datagrams of strangers that may wait to be looked at.
const STRANGERS: usize = 1024;
/// An answer to a stranger is at most so many times as long as the question: of little use for amplification.
const MOST_TIMES: usize = 3;

type Sessions = Arc<RwLock<HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>>>;

/// Where the media workers hand over what is for the relay: to the session of whoever has one, so that no flood of strangers is before it.
#[derive(Clone)]
pub struct Door {
    sessions: Sessions,
    strangers: mpsc::Sender<(SocketAddr, Vec<u8>)>,
}

/// The other side of the door.
pub struct Inbox {
    sessions: Sessions,
    strangers: mpsc::Receiver<(SocketAddr, Vec<u8>)>,
}

pub fn door() -> (Door, Inbox) {
    let sessions = Sessions::default();
    let (to_us, strangers) = mpsc::channel(STRANGERS);
    (Door { sessions: sessions.clone(), strangers: to_us }, Inbox { sessions, strangers })
}

impl Door {
    /// What there is no room for is lost, as on any full link.
    pub fn hand(&self, source: SocketAddr, contents: &[u8]) {
        if hand_to_session(&self.sessions, source, contents) {
            return;
        }
        if let Ok(place) = self.strangers.try_reserve() {
            place.send((source, contents.to_vec()));
        }
    }
}

/// False if it has none, or its session is over: a stranger again.
fn hand_to_session(sessions: &Sessions, source: SocketAddr, contents: &[u8]) -> bool {
    let sessions = sessions.read().unwrap_or_else(PoisonError::into_inner);
    let Some(session) = sessions.get(&source) else { return false };
    match session.try_reserve() {
        Ok(place) => place.send(contents.to_vec()),
        Err(TrySendError::Full(())) => {}
        Err(TrySendError::Closed(())) => return false,
    }
    true
}

impl Turn {
    /// Serves until nobody hands over anything any more.
    pub async fn serve_datagrams(self: Arc<Self>, inbox: Inbox, port: PortSender, stopping: CancellationToken) {
        let Inbox { sessions, mut strangers } = inbox;
        let (port, start) = (Arc::new(port), Instant::now());
        let mut looks = ForStrangers::new(start, LOOKS_PER_SECOND);
        let mut answers = ForStrangers::new(start, ANSWERS_PER_SECOND);
        while let Some((source, datagram)) = strangers.recv().await {
            let now = Instant::now();
            // It may have been let in since this came.
            if hand_to_session(&sessions, source, &datagram) || !looks.allows(now, source.ip()) {
                continue;
            }
            let mut client = Client::new(source, Transport::Datagrams);
            let outcome = client.receive(&self.ground, now, &datagram);
            if client.allocation().is_some() {
                let (to_session, incoming) = mpsc::channel(QUEUE);
                let outgoing = Outgoing::Port(port.clone(), source);
                let session = Session::new(self.clone(), client, outgoing, self.patience);
                // Before it is told: what it sends then is for the session.
                let mut sessions = sessions.write().unwrap_or_else(PoisonError::into_inner);
                sessions.retain(|_, session| !session.is_closed());
                sessions.insert(source, to_session);
                tokio::spawn(session.run(incoming, stopping.clone()));
            }
            match outcome {
                Outcome::Answer(answer) => port.send(source, &answer),
                Outcome::Refusal(answer) => {
                    if answer.len() <= MOST_TIMES * datagram.len() && answers.allows(now, source.ip()) {
                        port.send(source, &answer);
                    }
                }
                Outcome::Nothing | Outcome::Relay { .. } => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn a_flood_of_strangers_is_not_before_those_who_have_been_let_in() {
        let (door, mut inbox) = door();
        let (to_session, mut session) = mpsc::channel(4);
        inbox.sessions.write().unwrap().insert(address(1), to_session);
        for _ in 0..2 * STRANGERS {
            door.hand(address(2), &[2]);
        }
        door.hand(address(1), &[1]);
        assert_eq!(session.try_recv(), Ok(vec![1]));
        let waiting = std::iter::from_fn(|| inbox.strangers.try_recv().ok()).count();
        assert_eq!(waiting, STRANGERS);
    }

    #[test]
    fn who_sends_too_much_loses_his_own_and_whose_session_is_over_is_a_stranger() {
        let (door, mut inbox) = door();
        let (to_session, mut session) = mpsc::channel(1);
        inbox.sessions.write().unwrap().insert(address(1), to_session);
        for n in 0..9 {
            door.hand(address(1), &[n]);
        }
        assert_eq!(session.try_recv(), Ok(vec![0]));
        assert!(session.try_recv().is_err() && inbox.strangers.try_recv().is_err());
        drop(session);
        door.hand(address(1), &[9]);
        assert_eq!(inbox.strangers.try_recv(), Ok((address(1), vec![9])));
    }
}
