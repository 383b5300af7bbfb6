//! The `CallLog` as the API shows it, and the names that stand in the database for what the domain says.

use farhand_domain::call::{EndReason, LogKind, Note, RingEnd, Technology};
use farhand_protocol::{
    WireTime,
    call::{CallHistoryItem, CallLog, CallLogContact, CallLogEvent, CallReason, CallStatus, CallType, TeamRef},
};
use farhand_store::model::{CallRecord, Contact, Invitation};

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
        creator_contact: contact(&record.creator),
        maker_contact: contact(&record.maker),
        invited_contacts: record.invited.iter().map(invited).collect(),
        invited_teams: teams(record),
        planned_date_time: record.planned_at.map(WireTime),
        created_date_time: WireTime(record.created_at),
        started_date_time: record.started_at.map(WireTime),
        ended_date_time: record.ended_at.map(WireTime),
        call_events: events(record),
        call_history: history(record),
    }
}

pub fn reason(record: &CallRecord) -> CallReason {
    if record.reason == "SERVICE_REQUEST" { CallReason::ServiceRequest } else { CallReason::Standard }
}

pub fn call_type(record: &CallRecord) -> CallType {
    if record.call_type == "MESH" { CallType::Mesh } else { CallType::Sfu }
}

pub fn status(record: &CallRecord) -> CallStatus {
    match record.status.as_str() {
        "Started" => CallStatus::Started,
        "Ended" => CallStatus::Ended,
        _ => CallStatus::Planned,
    }
}

pub fn reason_name(reason: CallReason) -> &'static str {
    match reason {
        CallReason::Standard => "STANDARD",
        CallReason::ServiceRequest => "SERVICE_REQUEST",
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
        LogKind::Join => "Join",
        LogKind::Leave => "Leave",
        LogKind::Declined => "Declined",
        LogKind::Missed => "Missed",
        LogKind::TypeChanged => "TypeChanged",
        LogKind::Ended => "Ended",
    }
}

/// A note's type and reason.
pub fn note_names(note: Note) -> (&'static str, Option<&'static str>) {
    match note {
        Note::RingStarted => ("RingStarted", None),
        Note::RingEnded(end) => ("RingEnded", Some(ring_end_name(end))),
        Note::ConnectionLost => ("ConnectionLost", None),
        Note::Reconnected => ("Reconnected", None),
        Note::SeatMoved => ("SeatMoved", None),
        Note::PathFailed => ("PathFailed", Some("noDirectPath")),
        Note::Invited => ("Invited", None),
        Note::Rescheduled => ("Updated", Some("plannedDateTime")),
        Note::Ended(reason) => ("Ended", Some(end_reason_name(reason))),
    }
}

fn ring_end_name(end: RingEnd) -> &'static str {
    match end {
        RingEnd::Joined => "joined",
        RingEnd::Declined => "declined",
        RingEnd::TimedOut => "timedOut",
        RingEnd::TakenByOther => "takenByOther",
        RingEnd::CallEnded => "callEnded",
        RingEnd::Postponed => "postponed",
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
    }
}

/// With the addresses of this invitation, never the stored ones.
fn invited(invitation: &Invitation) -> CallLogContact {
    CallLogContact {
        display_name: Some(invitation.display_name.clone()),
        email: invitation.email.clone(),
        phone_number: invitation.phone.clone(),
        ..contact(&invitation.contact)
    }
}

fn teams(record: &CallRecord) -> Vec<TeamRef> {
    let domain = &record.creator.domain;
    let team = |t: &farhand_store::model::InvitedTeam| TeamRef {
        id: Some(t.id),
        name: Some(t.name.clone()),
        domain: Some(domain.clone()),
    };
    record.teams.iter().map(team).collect()
}

/// The contact with this id, as the call knows it.
pub fn known_contact(record: &CallRecord, id: i64) -> Option<&Contact> {
    let invited = record.invited.iter().map(|invitation| &invitation.contact);
    [&record.creator, &record.maker].into_iter().chain(invited).find(|contact| contact.id == id)
}

fn events(record: &CallRecord) -> Vec<CallLogEvent> {
    let event = |row: &farhand_store::model::EventRow| CallLogEvent {
        id: row.id,
        kind: row.kind.clone(),
        contact: known_contact(record, row.contact_id)
            .map_or_else(|| CallLogContact { id: Some(row.contact_id), ..CallLogContact::default() }, contact),
        date_time: WireTime(row.at),
    };
    record.events.iter().map(event).collect()
}

fn history(record: &CallRecord) -> Vec<CallHistoryItem> {
    let item = |row: &farhand_store::model::HistoryRow| CallHistoryItem {
        kind: row.kind.clone(),
        date_time: WireTime(row.at),
        contact_id: row.contact_id,
        channel: row.channel.clone(),
        state: row.state.clone(),
        reason: row.reason.clone(),
    };
    record.history.iter().map(item).collect()
}
