//! All sessions, and who is there. Presence goes to everybody in a domain at most a few times a second, however many
//! people come and go.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use farhand_domain::ids::{ContactId, DeviceId};
use farhand_protocol::{
    call::Presence,
    frame::{ServerFrame, ServerMessage, UserPresence},
};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

use super::session::{Close, Session};
use crate::auth::Credential;

/// How long presence changes are gathered. Shorter looks livelier and costs more when many people come at once.
pub const GATHER_PRESENCE: Duration = Duration::from_millis(250);
/// Batches a connection may lag behind before it gets everything anew.
const MAX_LAG: usize = 8;

#[derive(Default)]
struct People {
    sessions: HashMap<Uuid, Arc<Session>>,
    by_contact: HashMap<ContactId, Vec<Arc<Session>>>,
    /// The calls in which a contact has a seat.
    seats: HashMap<ContactId, HashSet<Uuid>>,
    /// Who is rung for which call.
    rings: HashSet<(ContactId, Uuid)>,
    /// Which user and domain a contact with a session belongs to.
    users: HashMap<ContactId, (i64, i64)>,
    changed: HashSet<ContactId>,
}

#[derive(Default)]
pub struct Hub {
    people: Mutex<People>,
    domains: Mutex<HashMap<i64, broadcast::Sender<Utf8Bytes>>>,
}

impl Hub {
    /// Ends an older session of the same device, in the same step: a device has one, also when two connections say hello at
    /// once. False if this contact has too many sessions already. Those without a connection make room: a bad network
    /// must not lock anybody out.
    pub fn add(&self, session: &Arc<Session>, max: usize) -> bool {
        let mut people = self.lock();
        let People { sessions, by_contact, .. } = &mut *people;
        let of_contact = by_contact.entry(session.contact).or_default();
        of_contact.retain(|older| {
            let stays = older.device != session.device;
            if !stays {
                older.close(Close::Replaced);
                sessions.remove(&older.id);
            }
            stays
        });
        if of_contact.len() >= max {
            let Some(lost) = of_contact.iter().position(|other| other.end_if_lost()) else { return false };
            sessions.remove(&of_contact.remove(lost).id);
        }
        of_contact.push(session.clone());
        sessions.insert(session.id, session.clone());
        // Guests have no presence: nobody in the domain calls them.
        if let Some(login) = session.principal.login() {
            people.users.insert(session.contact, (login.user.id, login.user.domain_id));
        }
        people.changed.insert(session.contact);
        true
    }

    pub fn remove(&self, session: &Session) {
        let mut people = self.lock();
        people.sessions.remove(&session.id);
        if let Some(of_contact) = people.by_contact.get_mut(&session.contact) {
            of_contact.retain(|other| other.id != session.id);
            if of_contact.is_empty() {
                people.by_contact.remove(&session.contact);
            }
        }
        people.changed.insert(session.contact);
    }

    pub fn session(&self, id: Uuid) -> Option<Arc<Session>> {
        self.lock().sessions.get(&id).cloned()
    }

    pub fn sessions_of(&self, contact: ContactId) -> Vec<Arc<Session>> {
        self.lock().by_contact.get(&contact).cloned().unwrap_or_default()
    }

    /// Whether this very device is connected, be it with another session.
    pub fn is_device_connected(&self, contact: ContactId, device: DeviceId) -> bool {
        self.sessions_of(contact).iter().any(|session| session.device == device && session.is_connected())
    }

    /// The host under which a device reached the server.
    pub fn host_of(&self, contact: ContactId, device: DeviceId) -> Option<String> {
        let of_device = self.sessions_of(contact).into_iter().find(|session| session.device == device)?;
        of_device.host.clone()
    }

    /// Everybody with a session.
    pub fn online(&self) -> HashSet<ContactId> {
        self.lock().by_contact.keys().copied().collect()
    }

    pub fn is_online(&self, contact: ContactId) -> bool {
        self.lock().by_contact.contains_key(&contact)
    }

    /// A contact sat down in a call, or stood up.
    pub fn seat_changed(&self, contact: ContactId, call_id: Uuid, sat_down: bool) {
        let mut people = self.lock();
        let seats = people.seats.entry(contact).or_default();
        if sat_down {
            seats.insert(call_id);
        } else {
            seats.remove(&call_id);
        }
        if seats.is_empty() {
            people.seats.remove(&contact);
        }
        people.changed.insert(contact);
    }

    pub fn is_seated(&self, contact: ContactId, call_id: Uuid) -> bool {
        self.lock().seats.get(&contact).is_some_and(|seats| seats.contains(&call_id))
    }

    /// Whether a contact sits in another call than this one.
    pub fn is_in_another(&self, contact: ContactId, call_id: Uuid) -> bool {
        self.lock().seats.get(&contact).is_some_and(|seats| seats.iter().any(|seat| *seat != call_id))
    }

    pub fn is_in_a_call(&self, contact: ContactId) -> bool {
        self.lock().seats.contains_key(&contact)
    }

    /// A call rings a contact, or does so no more.
    pub fn ring_changed(&self, contact: ContactId, call_id: Uuid, rings: bool) {
        let mut people = self.lock();
        if rings {
            people.rings.insert((contact, call_id));
        } else {
            people.rings.remove(&(contact, call_id));
        }
    }

    pub fn rings(&self, contact: ContactId, call_id: Uuid) -> bool {
        self.lock().rings.contains(&(contact, call_id))
    }

    /// Everybody in the domain who is not offline, by user.
    pub fn presence_by_user(&self, domain: i64) -> HashMap<i64, Presence> {
        let people = self.lock();
        let here = people.by_contact.keys().filter_map(|contact| {
            let (user, of_domain) = people.users.get(contact)?;
            (*of_domain == domain).then(|| (*user, people.presence(*contact)))
        });
        here.collect()
    }

    /// The same as a frame.
    pub fn presence_of_domain(&self, domain: i64) -> Utf8Bytes {
        let here = self.presence_by_user(domain).into_iter();
        presence_frame(here.map(|(user_db_id, presence)| UserPresence { user_db_id, presence }).collect(), true)
    }

    /// What the domain's connections listen to.
    pub fn subscribe(&self, domain: i64) -> broadcast::Receiver<Utf8Bytes> {
        let mut domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        domains.entry(domain).or_insert_with(|| broadcast::channel(MAX_LAG).0).subscribe()
    }

    /// Tells each domain who changed since the last time.
    pub fn announce_presence(&self) {
        let mut by_domain: HashMap<i64, Vec<UserPresence>> = HashMap::new();
        let mut people = self.lock();
        for contact in std::mem::take(&mut people.changed) {
            if let Some((user, domain)) = people.users.get(&contact).copied() {
                let presence = people.presence(contact);
                by_domain.entry(domain).or_default().push(UserPresence { user_db_id: user, presence });
                if presence == Presence::Offline {
                    people.users.remove(&contact);
                }
            }
        }
        drop(people);
        let domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        for (domain, users) in by_domain {
            if let Some(listeners) = domains.get(&domain) {
                // Nobody listens: nobody has to be told.
                let _ = listeners.send(presence_frame(users, false));
            }
        }
    }

    /// Ends the sessions of a login.
    pub fn close_credential(&self, credential: Credential) {
        self.close_where(Close::LoggedOut, |session| session.principal.credential() == Some(credential));
    }

    pub fn close_user(&self, user: i64) {
        self.close_where(Close::LoggedOut, |session| {
            session.principal.login().is_some_and(|login| login.user.id == user)
        });
    }

    /// Ends the sessions of a guest whose link was taken back.
    pub fn close_guest(&self, contact: ContactId) {
        self.close_where(Close::LinkRevoked, |session| session.contact == contact);
    }

    pub fn close_all(&self, close: Close) {
        self.close_where(close, |_| true);
    }

    /// Logins that have a session, to see whether they still hold.
    pub fn credentials(&self) -> HashSet<(i64, Credential)> {
        let people = self.lock();
        let logins = people.sessions.values().filter_map(|session| session.principal.login());
        logins.map(|login| (login.user.id, login.credential)).collect()
    }

    fn close_where(&self, close: Close, concerns: impl Fn(&Session) -> bool) {
        for session in self.lock().sessions.values().filter(|session| concerns(session)) {
            session.close(close);
        }
    }

    fn lock(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl People {
    fn presence(&self, contact: ContactId) -> Presence {
        if !self.by_contact.contains_key(&contact) {
            Presence::Offline
        } else if self.seats.contains_key(&contact) {
            Presence::InCall
        } else {
            Presence::Online
        }
    }
}

fn presence_frame(users: Vec<UserPresence>, complete: bool) -> Utf8Bytes {
    let message = ServerMessage { seq: None, frame: ServerFrame::Presence { users, complete } };
    serde_json::to_string(&message).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::{super::session::tests::session_on, *};

    fn add(hub: &Hub, id: u128, device: u128) -> Arc<Session> {
        let session = Arc::new(session_on(DeviceId(device), Uuid::from_u128(id)));
        assert!(session.connect(0).is_some() && hub.add(&session, 2));
        session
    }

    #[test]
    fn a_device_has_one_session() {
        let hub = Hub::default();
        let [reloaded, other] = [add(&hub, 1, 1), add(&hub, 2, 2)];
        let fresh = add(&hub, 3, 1);
        let there: Vec<_> = hub.sessions_of(fresh.contact).iter().map(|session| session.id).collect();
        assert_eq!(there, [other.id, fresh.id]);
        assert!(reloaded.is_closed() && hub.session(reloaded.id).is_none());
        assert!(!other.is_closed());
    }

    #[test]
    fn a_session_that_made_room_cannot_be_resumed() {
        let hub = Hub::default();
        let lost = add(&hub, 1, 1);
        add(&hub, 2, 2);
        lost.disconnect(1);
        add(&hub, 3, 3);
        assert!(hub.session(lost.id).is_none());
        assert_eq!(lost.connect(0), None, "frames would not reach it");
    }
}
