//! The `CallLog` as the API shows it, and the names that stand in the database for what the domain says.

use std::borrow::Cow;

use farhand_domain::{
    call::{Absence, EndReason, LogKind, Note, RingEnd, Technology},
    delivery::State,
};
use farhand_protocol::{
    WireTime,
    call::{CallHistoryItem, CallLog, CallLogContact, CallLogEvent, CallReason, CallStatus, CallType, TeamRef},
    notify::Notification,
    statistics::CallStatistics,
};
use farhand_store::model::{CallRecord, Contact, Delivery, DeliveryStep, Invitation};

use super::{ring_news, rows};
use crate::{admin::data_budget, notify::Kind};

pub fn call_log(record: &CallRecord) -> CallLog {
    CallLog {
        id: record.id,
        call_id: record.call_id,
        call_title: record.title.clone(),
        call_reason: reason(record),
        call_type: call_type(record),
        call_status: status(record),
        anonymous_join_allow: record.join_anonymous,
        join_anonymous_allowed: record.join_anonymous,
        inform_others_directly: record.inform_directly,
        creator_user: record.creator_user,
        creator_contact: creator(record),
        maker_contact: contact(&record.maker),
        invited_contacts: record.invited.iter().map(|invitation| invited(record, invitation)).collect(),
        invited_teams: teams(record),
        planned_date_time: record.planned_at.map(WireTime),
        planned_time_zone: record.planned_zone.clone(),
        data_budget: data_budget(record.budget),
        created_date_time: WireTime(record.created_at),
        started_date_time: record.started_at.map(WireTime),
        ended_date_time: record.ended_at.map(WireTime),
        call_events: events(record),
        call_history: history(record),
        call_statistics: statistics(record),
        service_request: None,
    }
}

pub const SERVICE_REQUEST: &str = "SERVICE_REQUEST";

pub fn reason(record: &CallRecord) -> CallReason {
    reason_named(&record.reason)
}

pub fn reason_named(name: &str) -> CallReason {
    if name == SERVICE_REQUEST { CallReason::ServiceRequest } else { CallReason::Standard }
}

pub fn call_type(record: &CallRecord) -> CallType {
    type_named(&record.call_type)
}

pub fn type_named(name: &str) -> CallType {
    if name == "MESH" { CallType::Mesh } else { CallType::Sfu }
}

pub fn status(record: &CallRecord) -> CallStatus {
    status_named(&record.status)
}

pub fn status_named(name: &str) -> CallStatus {
    match name {
        "Started" => CallStatus::Started,
        "Ended" => CallStatus::Ended,
        _ => CallStatus::Planned,
    }
}

pub fn reason_name(reason: CallReason) -> &'static str {
    match reason {
        CallReason::Standard => "STANDARD",
        CallReason::ServiceRequest => SERVICE_REQUEST,
    }
}

pub fn technology(call_type: CallType) -> Technology {
    match call_type {
        CallType::Mesh => Technology::Mesh,
        CallType::Sfu => Technology::Sfu,
    }
}

pub fn technology_name(technology: Technology) -> &'static str {
    match technology {
        Technology::Mesh => "MESH",
        Technology::Sfu => "SFU",
    }
}

pub fn event_name(kind: LogKind) -> &'static str {
    match kind {
        LogKind::Created => "Created",
        LogKind::Join => rows::JOIN,
        LogKind::Leave => "Leave",
        LogKind::Declined => "Declined",
        LogKind::Missed => "Missed",
        LogKind::TypeChanged => "TypeChanged",
        LogKind::Claimed => rows::CLAIMED,
        LogKind::Ended => "Ended",
    }
}

/// A note's type and reason.
pub fn note_names(note: Note) -> (&'static str, Option<Cow<'static, str>>) {
    match note {
        Note::RingStarted => ("RingStarted", None),
        Note::RingEnded(end) => ("RingEnded", Some(ring_end_name(end).into())),
        Note::ConnectionLost => ("ConnectionLost", None),
        Note::Reconnected => ("Reconnected", None),
        Note::SeatMoved => ("SeatMoved", None),
        Note::PathFailed => ("PathFailed", Some("noDirectPath".into())),
        Note::Invited => ("Invited", None),
        Note::Rescheduled => ("Updated", Some("plannedDateTime".into())),
        Note::Escalated(team) => ("Escalated", Some(team.0.to_string().into())),
        Note::ClaimLapsed => ("ClaimLapsed", None),
        Note::CallBackDue => ("CallBackDue", None),
        Note::HandedOver => ("HandedOver", None),
        Note::HandOverFailed => ("HandOverFailed", None),
        Note::Ended(reason) => ("Ended", Some(end_reason_name(reason).into())),
    }
}

pub fn ring_end_name(end: RingEnd) -> &'static str {
    match end {
        RingEnd::Joined => "joined",
        RingEnd::Declined => "declined",
        RingEnd::TimedOut => "timedOut",
        RingEnd::TakenByOther => "takenByOther",
        RingEnd::CallEnded => "callEnded",
        RingEnd::Postponed => "postponed",
        RingEnd::PassedOver(Absence::NotThere) => "notThere",
        RingEnd::PassedOver(Absence::Undisturbed) => "undisturbed",
    }
}

fn end_reason_name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::HungUp => "hungUp",
        EndReason::EndedForAll => "endedForAll",
        EndReason::Missed => "missed",
        EndReason::Declined => "declined",
        EndReason::ConnectionLost => "connectionLost",
        EndReason::Alone => "alone",
        EndReason::NobodyCame => "nobodyCame",
        EndReason::Cancelled => "cancelled",
        EndReason::Expired => "expired",
    }
}

pub fn contact(contact: &Contact) -> CallLogContact {
    CallLogContact {
        id: Some(contact.id),
        display_name: Some(contact.display_name.clone()),
        domain: Some(contact.domain.clone()),
        email: None,
        phone_number: None,
        user_db_id: contact.user_id,
        user_id: contact.login.clone(),
        language: None,
        notifications: Vec::new(),
    }
}

/// With what became of its ring, if it was rung. Whoever is invited besides has that there.
fn creator(record: &CallRecord) -> CallLogContact {
    let creator = record.creator.id;
    let invited = record.invited.iter().any(|invitation| invitation.contact.id == creator);
    let notifications = if invited { Vec::new() } else { notifications(record, creator) };
    CallLogContact { notifications, ..contact(&record.creator) }
}

/// With the addresses of this invitation, never the stored ones.
fn invited(record: &CallRecord, invitation: &Invitation) -> CallLogContact {
    CallLogContact {
        notifications: notifications(record, invitation.contact.id),
        display_name: Some(invitation.display_name.clone()),
        email: invitation.email.clone(),
        phone_number: invitation.phone.clone(),
        language: invitation.language.clone(),
        ..contact(&invitation.contact)
    }
}

/// How the ring on somebody's pages and the messages to that person stand.
pub fn notifications(record: &CallRecord, contact: i64) -> Vec<Notification> {
    let of_person = record.deliveries.iter().filter(|delivery| delivery.contact_id == contact);
    let messages = of_person.filter(|delivery| is_told(delivery, delivery.state)).map(notification);
    ring_news::notification(record, contact).into_iter().chain(messages).collect()
}

/// How one message stands.
pub fn notification(delivery: &Delivery) -> Notification {
    Notification {
        id: delivery.id,
        kind: delivery.kind.clone(),
        channel: delivery.channel.name().to_owned(),
        state: delivery.state.name().to_owned(),
        reason: delivery.reason.clone(),
        tries: delivery.tries,
        date_time: WireTime(delivery.steps.last().map_or(delivery.next_at, |step| step.at)),
    }
}

/// A reminder that waits for its time, or has not come to it, says nothing to anybody. That a browser is to show a ring no more is nothing
/// to tell callers.
pub fn is_told(delivery: &Delivery, state: State) -> bool {
    match Kind::named(&delivery.kind) {
        Some(Kind::Reminder) => !matches!(state, State::Queued | State::Cancelled),
        Some(Kind::RingEnd) => false,
        Some(Kind::Ring | Kind::Again | Kind::Planned | Kind::Moved | Kind::Cancelled | Kind::CallBack) | None => true,
    }
}

pub fn teams(record: &CallRecord) -> Vec<TeamRef> {
    let domain = &record.creator.domain;
    let team = |t: &farhand_store::model::InvitedTeam| TeamRef {
        id: Some(t.id),
        name: Some(t.name.clone()),
        domain: Some(domain.clone()),
        tags: t.tags.clone(),
    };
    record.teams.iter().map(team).collect()
}

/// The contact with this id, as the call knows it.
pub fn known_contact(record: &CallRecord, id: i64) -> Option<&Contact> {
    let invited = record.invited.iter().map(|invitation| &invitation.contact);
    [&record.creator, &record.maker].into_iter().chain(invited).find(|contact| contact.id == id)
}

fn contact_of(record: &CallRecord, id: i64) -> CallLogContact {
    let unknown = || CallLogContact { id: Some(id), ..CallLogContact::default() };
    known_contact(record, id).map_or_else(unknown, contact)
}

fn events(record: &CallRecord) -> Vec<CallLogEvent> {
    let event = |row: &farhand_store::model::EventRow| CallLogEvent {
        id: row.id,
        kind: row.kind.clone(),
        contact: contact_of(record, row.contact_id),
        date_time: WireTime(row.at),
    };
    record.events.iter().map(event).collect()
}

/// With the messages, each in its place.
fn history(record: &CallRecord) -> Vec<CallHistoryItem> {
    let item = |row: &farhand_store::model::HistoryRow| CallHistoryItem {
        kind: row.kind.clone(),
        date_time: WireTime(row.at),
        contact_id: row.contact_id,
        channel: row.channel.clone(),
        state: row.state.clone(),
        reason: row.reason.clone(),
    };
    let message = |delivery: &Delivery, step: &DeliveryStep| CallHistoryItem {
        kind: "Notification".to_owned(),
        date_time: WireTime(step.at),
        contact_id: Some(delivery.contact_id),
        channel: Some(delivery.channel.name().to_owned()),
        state: Some(step.state.name().to_owned()),
        reason: step.reason.clone(),
    };
    let steps = record.deliveries.iter().flat_map(|of| of.steps.iter().map(move |step| (of, step)));
    let messages = steps.filter(|(of, step)| is_told(of, step.state)).map(|(of, step)| message(of, step));
    let mut items: Vec<_> = record.history.iter().map(item).chain(messages).collect();
    items.sort_by_key(|item| item.date_time.0);
    items
}

fn statistics(record: &CallRecord) -> Vec<CallStatistics> {
    let item = |row: &farhand_store::model::StatisticsRow| CallStatistics {
        contact: contact_of(record, row.contact_id),
        joined: WireTime(row.joined_at),
        left: WireTime(row.left_at),
        duration_seconds: u32::try_from(row.joined_at.until(row.left_at).as_secs()).unwrap_or(u32::MAX),
        why: row.why.clone(),
        reconnects: u32::try_from(row.reconnects).unwrap_or(u32::MAX),
        // Written by this program. What a later version writes in another way is not worth losing the log for.
        figures: serde_json::from_str(&row.figures).unwrap_or_default(),
    };
    record.statistics.iter().map(item).collect()
}
