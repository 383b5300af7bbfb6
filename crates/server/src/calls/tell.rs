//! Who is told what of a call.

use farhand_domain::{
    call::{Call, Effect, Ring},
    ids::{ContactId, DeviceId},
};
use farhand_protocol::frame::{CallView, ServerFrame};

use super::{
    Calls,
    actor::CallActor,
    ask::By,
    lobby::asker,
    view::{self, Viewer},
};
use crate::ws::{Close, Session};

impl CallActor {
    /// Tells everybody concerned what has changed.
    pub fn perform(&self, before: &Call, effects: &[Effect]) {
        self.shared.queues.follow(self.shared.clock.now(), &self.record, &self.call);
        // First: who accepts has a seat before the ring ends, and the relay serves him all the while.
        self.count_seats(before);
        self.ring_and_silence(before);
        for effect in effects {
            if let Effect::SeatMoved { contact, from } = *effect {
                let moved = ServerFrame::Moved { call_id: self.record.call_id };
                self.to_device(contact, from, &moved);
            }
        }
        self.show_call_to_all();
        if self.call.has_ended() {
            self.see_guests_off();
            self.shared.forget(self.record.call_id, &self.concerned());
        }
    }

    /// Their links end with the call; what they are told last is how it ended.
    fn see_guests_off(&self) {
        for link in &self.record.guest_links {
            for session in self.shared.hub.sessions_of(ContactId(link.contact_id)) {
                session.finish(Close::CallEnded);
            }
        }
    }

    fn ring_and_silence(&self, before: &Call) {
        let (rang, rings) = (before.rings(), self.call.rings());
        for old in rang.iter().filter(|old| !rings.iter().any(|ring| ring.contact == old.contact)) {
            self.shared.hub.ring_changed(old.contact, self.record.call_id, false);
            let reason = view::ring_end_reason(&self.call, old.contact);
            self.to_contact(old.contact, &ServerFrame::RingEnd { call_id: self.record.call_id, reason });
        }
        for ring in rings {
            if !rang.contains(&ring) {
                self.shared.hub.ring_changed(ring.contact, self.record.call_id, true);
                self.send_ring(ring);
            }
        }
    }

    fn count_seats(&self, before: &Call) {
        for person in &self.call.state().people {
            let (was, is) = (before.is_seated(person.contact), self.call.is_seated(person.contact));
            if was != is {
                self.shared.hub.seat_changed(person.contact, self.record.call_id, is);
                self.tell_other_calls(person.contact);
            }
        }
    }

    /// Those who ring this person in another call are to see that it is a waiting call there, or is one no more.
    fn tell_other_calls(&self, contact: ContactId) {
        let others = Calls::of(&self.shared);
        let (own, domain) = (self.record.call_id, self.record.domain_id);
        for call_id in others.awake_of(contact).into_iter().filter(|call_id| *call_id != own) {
            others.look_again(call_id, domain, contact);
        }
    }

    /// Shows the call again, where somebody rings of whom something else may have to be shown now.
    pub(super) async fn look_again(&mut self, contact: ContactId) {
        let Some(ring) = self.call.rings().into_iter().find(|ring| ring.contact == contact) else { return };
        if self.look_at_quiet(contact).await {
            self.send_ring(ring);
        }
        self.show_call_to_all();
    }

    fn send_ring(&self, ring: Ring) {
        for session in self.shared.hub.sessions_of(ring.contact) {
            session.send(ServerFrame::Ring { ring: view::ring(self, &session, ring) });
        }
    }

    /// Tells a new session how the call stands, and those in the call that the person can be reached now.
    pub(super) fn attach(&self, session: &Session) {
        // Taken back while the connection was being made.
        if session.principal.guest().is_some_and(|guest| !self.is_good(guest)) {
            session.close(Close::LinkRevoked);
            return;
        }
        for ring in self.call.rings().into_iter().filter(|ring| ring.contact == session.contact) {
            session.send(ServerFrame::Ring { ring: view::ring(self, session, ring) });
        }
        self.show_call_to(session.contact);
        for (contact, _) in self.call.seated().into_iter().filter(|(contact, _)| *contact != session.contact) {
            self.show_call_to(contact);
        }
    }

    pub(super) fn show_call_to_all(&self) {
        for contact in self.concerned() {
            self.show_call_to(contact);
        }
    }

    pub(super) fn show_call_to(&self, contact: ContactId) {
        for session in self.shared.hub.sessions_of(contact) {
            self.show_call_in(&session);
        }
    }

    pub(super) fn show_call_in(&self, session: &Session) {
        session.send(ServerFrame::Call { call: Box::new(self.view_for(session)) });
    }

    fn to_contact(&self, contact: ContactId, frame: &ServerFrame) {
        for session in self.shared.hub.sessions_of(contact) {
            session.send(frame.clone());
        }
    }

    pub(super) fn to_device(&self, contact: ContactId, device: DeviceId, frame: &ServerFrame) {
        for session in self.shared.hub.sessions_of(contact) {
            if session.device == device {
                session.send(frame.clone());
            }
        }
    }

    /// Everybody in the call or invited, and who made it.
    pub(super) fn concerned(&self) -> Vec<ContactId> {
        concerned(&self.call)
    }

    fn view_for(&self, session: &Session) -> CallView {
        let host = asker(session).may_end(&self.call);
        let viewer = Viewer { contact: session.contact, device: session.device, host };
        view::call_view(self, viewer)
    }

    pub(super) fn view_of(&self, by: By) -> Option<Box<CallView>> {
        let host = by.asker.may_end(&self.call);
        let viewer = Viewer { contact: by.asker.contact, device: by.device?, host };
        Some(Box::new(view::call_view(self, viewer)))
    }
}

pub fn concerned(call: &Call) -> Vec<ContactId> {
    let mut all: Vec<_> = call.state().people.iter().map(|person| person.contact).collect();
    if !all.contains(&call.maker()) {
        all.push(call.maker());
    }
    all
}
