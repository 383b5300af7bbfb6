//! What one step changes in a call's log: first as an update for the database, then applied to the record in memory.

use farhand_domain::{
    call::{Call, Effect, LogKind, Phase},
    ids::ContactId,
    time::Timestamp,
};
use farhand_store::model::{
    CallLink, CallRecord, CallUpdate, Delivery, EventRow, GuestLink, Heard, HistoryRow, Invitation, InvitedTeam,
    NewEvent, StatisticsRow,
};

use super::{Shared, log, ring_news::RingNews, rows, schedule::Schedule, snapshot, teams::TeamNote};
use crate::http::Fail;

/// What a command changes beside the domain's state.
#[derive(Default)]
pub struct Extra {
    pub title: Option<String>,
    /// Where the call's new time was told.
    pub planned_zone: Option<String>,
    pub invited: Vec<Invitation>,
    /// Of people who were invited before: how they are reached from now on.
    pub changed_invited: Vec<Invitation>,
    pub teams: Vec<InvitedTeam>,
    /// To somebody who has had them already.
    pub messages: Vec<Delivery>,
    /// A ring has come to a device of this person.
    pub ring_shown: Option<(ContactId, RingNews)>,
    /// Who has followed the link of a message.
    pub opened_by: Option<ContactId>,
    /// Whose data budget has come to its end.
    pub budget_used_up: Option<(ContactId, u64)>,
    /// New or changed ones.
    pub guest_links: Vec<GuestLink>,
    /// To the whole call.
    pub link: Option<CallLink>,
    pub join_anonymous: Option<bool>,
    /// For the history.
    pub notes: Vec<(&'static str, ContactId)>,
    pub team_notes: Vec<TeamNote>,
    /// The same, with words.
    pub texts: Vec<(&'static str, ContactId, String)>,
    /// The guest whose link is taken back by this step.
    pub revoked: Option<ContactId>,
}

impl Extra {
    /// Whether nothing of it has to be saved.
    pub fn changes_nothing(&self) -> bool {
        let Self { title, planned_zone, invited, teams, messages, ring_shown, budget_used_up, .. } = self;
        let Self { guest_links, notes, team_notes, texts, revoked, link, join_anonymous, opened_by: _, .. } = self;
        let Self { changed_invited, .. } = self;
        let nobody = invited.is_empty()
            && changed_invited.is_empty()
            && teams.is_empty()
            && messages.is_empty()
            && ring_shown.is_none();
        let unsaid = notes.is_empty() && team_notes.is_empty() && texts.is_empty();
        let no_guest = guest_links.is_empty() && revoked.is_none();
        let as_open = link.is_none() && join_anonymous.is_none();
        let as_it_was = title.is_none() && planned_zone.is_none() && budget_used_up.is_none();
        nobody && unsaid && no_guest && as_open && as_it_was
    }
}

/// What follows from a step, beside what the domain says.
#[derive(Default)]
pub struct Besides {
    /// Of seats that were given up.
    pub statistics: Vec<StatisticsRow>,
    /// New messages.
    pub messages: Vec<Delivery>,
    /// What it means for earlier ones.
    pub heard: Vec<Heard>,
}

/// What a step adds to the log, ready to be saved and then to be shown.
pub struct Change {
    status: &'static str,
    call_type: &'static str,
    title: String,
    planned_at: Option<Timestamp>,
    planned_zone: Option<String>,
    calendar_sequence: i64,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    events: Vec<NewEvent>,
    history: Vec<HistoryRow>,
    statistics: Vec<StatisticsRow>,
    pub invited: Vec<Invitation>,
    changed_invited: Vec<Invitation>,
    teams: Vec<InvitedTeam>,
    pub messages: Vec<Delivery>,
    heard: Vec<Heard>,
    guest_links: Vec<GuestLink>,
    link: Option<CallLink>,
    join_anonymous: bool,
    pub revoked: Option<ContactId>,
}

impl Change {
    pub fn new(
        record: &CallRecord,
        now: Timestamp,
        next: &Call,
        effects: &[Effect],
        extra: Extra,
        schedule: Schedule,
        besides: Besides,
    ) -> Self {
        let mut history: Vec<HistoryRow> = Vec::new();
        for note in extra.team_notes {
            history.push(note.row(record.history.len() + history.len(), now));
        }
        history.extend(rows::history_of(record.history.len() + history.len(), now, effects));
        if let Some(used_up) = extra.budget_used_up {
            history.push(rows::budget_note(record.history.len() + history.len(), now, used_up));
        }
        if let Some((contact, news)) = extra.ring_shown {
            history.push(news.row(record.history.len() + history.len(), now, contact));
        }
        for note in extra.notes {
            history.push(rows::note(record.history.len() + history.len(), now, note));
        }
        for text in extra.texts {
            history.push(rows::text(record.history.len() + history.len(), now, text));
        }
        Self {
            status: status_name(next),
            call_type: log::technology_name(next.state().terms.technology),
            title: schedule.title,
            planned_at: schedule.at,
            planned_zone: schedule.zone,
            calendar_sequence: schedule.sequence,
            started_at: record.started_at.or_else(|| logs(effects, LogKind::Join).then_some(now)),
            ended_at: next.has_ended().then_some(now),
            events: rows::events_of(record.events.len(), now, effects),
            history,
            statistics: besides.statistics,
            invited: extra.invited,
            changed_invited: extra.changed_invited,
            teams: extra.teams,
            messages: [extra.messages, besides.messages].concat(),
            heard: besides.heard,
            guest_links: extra.guest_links,
            link: extra.link,
            join_anonymous: extra.join_anonymous.unwrap_or(record.join_anonymous),
            revoked: extra.revoked,
        }
    }

    pub fn update(&self, shared: &Shared, id: i64, version: i64, next: &Call) -> Result<CallUpdate, Fail> {
        Ok(CallUpdate {
            id,
            owner_node: shared.node.clone(),
            owner_epoch: shared.owner_epoch,
            expected_version: version,
            state: snapshot::write(next.state()).map_err(Fail::internal)?,
            title: self.title.clone(),
            call_type: self.call_type.to_owned(),
            status: self.status.to_owned(),
            join_anonymous: self.join_anonymous,
            planned_at: self.planned_at,
            planned_zone: self.planned_zone.clone(),
            calendar_sequence: self.calendar_sequence,
            started_at: self.started_at,
            ended_at: self.ended_at,
            sleeps_until: shared.sleeps_until(next, shared.clock.now()),
            new_events: self.events.clone(),
            new_history: self.history.clone(),
            new_statistics: self.statistics.clone(),
            new_invited: self.invited.clone(),
            changed_invited: self.changed_invited.clone(),
            new_teams: self.teams.clone(),
            new_deliveries: self.messages.clone(),
            heard: self.heard.clone(),
            guest_links: self.guest_links.clone(),
            link: self.link,
        })
    }

    pub fn apply(self, record: &mut CallRecord, event_ids: &[i64]) {
        self.status.clone_into(&mut record.status);
        self.call_type.clone_into(&mut record.call_type);
        record.title = self.title;
        record.planned_at = self.planned_at;
        record.planned_zone = self.planned_zone;
        record.calendar_sequence = self.calendar_sequence;
        record.started_at = self.started_at;
        record.ended_at = self.ended_at;
        record.events.extend(self.events.into_iter().zip(event_ids).map(|(event, id)| row(&event, *id)));
        record.history.extend(self.history);
        record.statistics.extend(self.statistics);
        for changed in self.changed_invited {
            let known = record.invited.iter_mut().filter(|known| known.contact.id == changed.contact.id);
            known.for_each(|known| known.clone_from(&changed));
        }
        record.invited.extend(self.invited);
        record.teams.extend(self.teams);
        record.deliveries.extend(self.messages);
        for link in self.guest_links {
            record.guest_links.retain(|known| known.contact_id != link.contact_id);
            record.guest_links.push(link);
        }
        record.link = self.link.or(record.link);
        record.join_anonymous = self.join_anonymous;
        record.guest_links.sort_by_key(|link| link.contact_id);
    }
}

pub fn row(event: &NewEvent, id: i64) -> EventRow {
    EventRow { id, seq: event.seq, kind: event.kind.to_owned(), contact_id: event.contact_id, at: event.at }
}

pub fn logs(effects: &[Effect], wanted: LogKind) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Log { kind, .. } if *kind == wanted))
}

pub fn status_name(call: &Call) -> &'static str {
    match call.state().phase {
        Phase::Planned { .. } => "Planned",
        Phase::Started { .. } => "Started",
        Phase::Ended { .. } => "Ended",
    }
}
