//! A call as one session sees it.

use farhand_domain::{
    call::{Call, EndReason, Path, PersonRole, Phase, Place},
    ids::{ContactId, DeviceId},
    reach::Quiet,
};
use farhand_protocol::{
    WireTime,
    call::{CallLogContact, IceServer},
    frame::{self, CallView, MediaMode, MediaPlan, Person, PersonState, RingEndReason, Seat, SendLimit},
    reach::Quiet as WireQuiet,
    request::ServiceRequest,
};
use farhand_store::model::{CallRecord, Contact};

use super::{actor::CallActor, discreet, log};
use crate::{turn::Holder, ws::Session};

/// Who looks.
#[derive(Clone, Copy)]
pub struct Viewer {
    pub contact: ContactId,
    pub device: DeviceId,
    /// May end the call for all, and let people in.
    pub host: bool,
}

pub fn call_view(actor: &CallActor, viewer: Viewer) -> CallView {
    let CallActor { call, record, version, .. } = actor;
    let seat = match call.seat(viewer.contact) {
        Some(seat) if seat.device == viewer.device => Seat::Here,
        Some(_) => Seat::Elsewhere,
        None => Seat::None,
    };
    let you = call.person(viewer.contact).map(|person| person.contact.0);
    let plan = call.media_plan(viewer.contact).filter(|_| seat == Seat::Here);
    CallView {
        call_id: record.call_id,
        id: record.id,
        call_title: record.title.clone(),
        call_reason: log::reason(record),
        call_type: log::call_type(record),
        call_status: log::status(record),
        planned_date_time: record.planned_at.map(WireTime),
        planned_time_zone: record.planned_zone.clone(),
        started_date_time: record.started_at.map(WireTime),
        you,
        seat,
        creator: call.creator().0,
        people: call.state().people.iter().filter_map(|p| person(p, actor, viewer)).collect(),
        next: if actor.tells(viewer.contact) { next_in_turn(call) } else { Vec::new() },
        next_team: actor.tells(viewer.contact).then(|| actor.next_team()).flatten(),
        host: viewer.host && !call.has_ended(),
        anonymous_join_allow: record.join_anonymous,
        lobby: if viewer.host { actor.lobby.shown() } else { Vec::new() },
        media_plan: plan.map(|plan| media_plan(actor, viewer, plan)),
        send_limit: plan.and_then(|plan| send_limit(actor, viewer, plan)),
        service_request: service_request(actor, viewer),
        end_reason: match call.state().phase {
            Phase::Ended { reason } => Some(end_reason(reason)),
            Phase::Planned { .. } | Phase::Started { .. } => None,
        },
        version: u64::try_from(*version).unwrap_or(0),
    }
}

/// Before the rings have begun nobody is next.
fn next_in_turn(call: &Call) -> Vec<i64> {
    let next = if call.in_turn().is_empty() { Vec::new() } else { call.next_in_turn() };
    next.into_iter().map(|contact| contact.0).collect()
}

fn person(person: &farhand_domain::call::Person, actor: &CallActor, viewer: Viewer) -> Option<Person> {
    let contact = log::known_contact(&actor.record, person.contact.0)?;
    let media = actor.media.state(person.contact).filter(|_| actor.call.is_seated(person.contact));
    let state = match (person.role, person.place) {
        (PersonRole::Broker, _) => PersonState::Broker,
        (_, Place::Waiting) => PersonState::Waiting,
        (_, Place::Ringing { .. }) => PersonState::Ringing,
        (_, Place::Seated(seat)) if seat.lost_until.is_some() => PersonState::Reconnecting,
        (_, Place::Seated(_)) if actor.media.is_silent(person.contact) => PersonState::Reconnecting,
        (_, Place::Seated(_)) => PersonState::Joined,
        (_, Place::Declined) => PersonState::Declined,
        (_, Place::Missed | Place::Unanswered) => PersonState::Missed,
        (_, Place::Silenced) => PersonState::Silenced,
        (_, Place::Left) => PersonState::Left,
    };
    let online = actor.shared.hub.is_online(person.contact);
    // What somebody else does is not for guests to know.
    let told = !discreet::is_guest(&actor.record, viewer.contact);
    let rings = told && matches!(person.place, Place::Ringing { .. });
    let quiet = actor.quiets.get(&person.contact).filter(|_| rings).copied().map(wire_quiet);
    let elsewhere = || actor.shared.hub.is_in_another(person.contact, actor.record.call_id);
    let busy = told && !actor.call.is_seated(person.contact) && elsewhere();
    let receives = actor.media.shortage(person.contact).filter(|_| actor.call.is_seated(person.contact));
    let notifications =
        if actor.tells(viewer.contact) { log::notifications(&actor.record, person.contact.0) } else { Vec::new() };
    let guest = contact.user_id.is_none();
    let contact = shown_to(&actor.record, viewer.contact, contact);
    Some(Person { contact, state, guest, online, media, receives, quiet, busy, notifications })
}

impl CallActor {
    /// Who is told what becomes of rings, and who is next: whoever called, and whoever is in the call already. Guests are not.
    pub(super) fn tells(&self, contact: ContactId) -> bool {
        let called = contact == self.call.creator() || contact == self.call.maker();
        (called || self.call.is_seated(contact)) && !discreet::is_guest(&self.record, contact)
    }
}

fn service_request(actor: &CallActor, viewer: Viewer) -> Option<ServiceRequest> {
    let request = actor.shared.service_request(&actor.record)?;
    let guest = discreet::is_guest(&actor.record, viewer.contact);
    Some(if guest { discreet::service_request(request) } else { request })
}

pub fn wire_quiet(quiet: Quiet) -> WireQuiet {
    match quiet {
        Quiet::DoNotDisturb => WireQuiet::DoNotDisturb,
        Quiet::QuietHours => WireQuiet::QuietHours,
    }
}

/// Somebody as a person of the call sees them.
fn shown_to(record: &CallRecord, viewer: ContactId, contact: &Contact) -> CallLogContact {
    if discreet::is_guest(record, viewer) { discreet::contact(record, contact) } else { log::contact(contact) }
}

fn media_plan(actor: &CallActor, viewer: Viewer, plan: farhand_domain::call::MediaPlan) -> MediaPlan {
    let epoch = plan.epoch;
    let ice_servers = ice_servers(actor, viewer, plan.path);
    match plan.path {
        Path::PeerToPeer { peer, offerer } => MediaPlan {
            mode: MediaMode::P2p,
            epoch,
            peer: peer.map(|contact| contact.0),
            offerer,
            prepared: false,
            ice_servers,
        },
        Path::Sfu => {
            let prepared = actor.media.is_prepared(viewer.contact, viewer.device);
            MediaPlan { mode: MediaMode::Sfu, epoch, peer: None, offerer: true, prepared, ice_servers }
        }
    }
}

fn send_limit(actor: &CallActor, viewer: Viewer, plan: farhand_domain::call::MediaPlan) -> Option<SendLimit> {
    actor.media.budgets.send_limit(viewer.contact, plan.peer())
}

/// The relay, where it is of use: to the server always, between two clients only if it reaches more than this server.
fn ice_servers(actor: &CallActor, viewer: Viewer, path: Path) -> Vec<IceServer> {
    let CallActor { shared, record, .. } = actor;
    if path != Path::Sfu && !shared.turn.reaches_others() {
        return Vec::new();
    }
    let host = shared.hub.host_of(viewer.contact, viewer.device);
    vec![shared.turn.ice_server(host.as_deref(), Holder { call_id: record.call_id, contact: viewer.contact })]
}

fn end_reason(reason: EndReason) -> frame::EndReason {
    match reason {
        EndReason::HungUp => frame::EndReason::HungUp,
        EndReason::EndedForAll => frame::EndReason::EndedForAll,
        EndReason::Missed => frame::EndReason::Missed,
        EndReason::Declined => frame::EndReason::Declined,
        EndReason::ConnectionLost => frame::EndReason::ConnectionLost,
        EndReason::Alone => frame::EndReason::Alone,
        EndReason::NobodyCame => frame::EndReason::NobodyCame,
        EndReason::Cancelled => frame::EndReason::Cancelled,
        EndReason::Expired => frame::EndReason::Expired,
    }
}

/// Why somebody who rang does so no more: it follows from where the person is now.
pub fn ring_end_reason(call: &Call, contact: ContactId) -> RingEndReason {
    match call.place(contact) {
        Some(Place::Seated(_) | Place::Left) => RingEndReason::Joined,
        Some(Place::Declined) => RingEndReason::Declined,
        Some(Place::Missed | Place::Unanswered) => RingEndReason::TimedOut,
        Some(Place::Silenced) if !call.has_ended() => RingEndReason::TakenByOther,
        // Given up by the caller, or moved to a later time.
        Some(Place::Silenced | Place::Waiting | Place::Ringing { .. }) | None => RingEndReason::CallEnded,
    }
}

/// The `ring` frame for a session of somebody who should be ringing.
pub fn ring(actor: &CallActor, session: &Session, ring: farhand_domain::call::Ring) -> frame::Ring {
    let CallActor { call, record, shared, .. } = actor;
    let holder = Holder { call_id: record.call_id, contact: ring.contact };
    let relay = || shared.turn.ice_server(session.host.as_deref(), holder);
    frame::Ring {
        call_id: record.call_id,
        call_title: record.title.clone(),
        call_reason: log::reason(record),
        call_type: log::call_type(record),
        from: shown_to(record, ring.contact, other_end(call, record, ring.contact)),
        popup: ring.popup && !actor.quiets.contains_key(&ring.contact),
        until: WireTime(ring.until),
        ice_servers: call.is_through_sfu().then(relay).into_iter().collect(),
    }
}

/// Who waits at the other end: for the creator whoever joined first, for everybody else the creator.
pub(super) fn other_end<'a>(call: &Call, record: &'a CallRecord, rung: ContactId) -> &'a Contact {
    if rung != call.creator() {
        return &record.creator;
    }
    let first = call.seated().into_iter().find(|(contact, _)| *contact != rung);
    first.and_then(|(contact, _)| log::known_contact(record, contact.0)).unwrap_or(&record.maker)
}
