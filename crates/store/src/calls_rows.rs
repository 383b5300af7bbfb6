//! The rows a batch of calls becomes, table by table.

use std::collections::BTreeMap;

use farhand_domain::time::Timestamp;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::{
    StoreResult,
    bulk::Bulk,
    deliveries::{self, STEPS},
    feed::{Numbers, is_told},
    guests::{CALL_LINKS, LINKS, call_link_row, link_row},
    model::{
        CallLink, CallRecord, CallUpdate, Delivery, GuestLink, HistoryRow, Invitation, InvitedTeam, NewCall,
        StatisticsRow,
    },
    request_links::{ORIGINS, origin_row},
};

/// Whoever loses a key to an earlier call gets no row back.
pub(crate) const KEYS: Bulk = Bulk {
    before: "INSERT INTO idempotency_keys (caller, key, body_hash, call_id, created_at) VALUES ",
    columns: 5,
    after: " ON CONFLICT (caller, key) DO NOTHING RETURNING call_id",
};

pub(crate) const CALLS: Bulk = Bulk {
    before: "INSERT INTO calls (call_id, domain_id, title, reason, call_type, status, join_anonymous, inform_directly, \
             creator_user, creator_id, maker_id, planned_at, created_at, started_at, ended_at, version, owner_node, \
             owner_epoch, state, budget_kbit, budget_megabytes, planned_zone, calendar_sequence, stored_addresses, sleeps_until) VALUES ",
    columns: 25,
    after: " RETURNING id, call_id",
};

/// Both databases name the columns of a list of values `column1` and so on.
pub(crate) const UPDATES: Bulk = Bulk {
    before: "UPDATE calls SET version = fresh.column2, title = fresh.column3, call_type = fresh.column4, \
             status = fresh.column5, planned_at = fresh.column6, started_at = fresh.column7, ended_at = fresh.column8, \
             state = fresh.column9, planned_zone = fresh.column10, calendar_sequence = fresh.column11, \
             join_anonymous = fresh.column12, sleeps_until = fresh.column13 FROM (VALUES ",
    columns: 13,
    after: ") AS fresh WHERE calls.id = fresh.column1",
};

const MEMBERS: Bulk = Bulk {
    before: "INSERT INTO call_members (user_id, call) VALUES ",
    columns: 2,
    after: " ON CONFLICT (user_id, call) DO NOTHING",
};

const INVITATIONS: Bulk = Bulk {
    before: "INSERT INTO call_invitations (call, position, contact_id, display_name, email, phone, language) VALUES ",
    columns: 7,
    after: "",
};

const CHANGED_INVITATIONS: Bulk = Bulk {
    before: "UPDATE call_invitations SET display_name = fresh.column3, email = fresh.column4, phone = fresh.column5, \
             language = fresh.column6 FROM (VALUES ",
    columns: 6,
    after: ") AS fresh WHERE call_invitations.call = fresh.column1 AND call_invitations.contact_id = fresh.column2",
};

const TEAMS: Bulk =
    Bulk { before: "INSERT INTO call_teams (call, position, team_id, name, tags) VALUES ", columns: 5, after: "" };

const EVENTS: Bulk = Bulk {
    before: "INSERT INTO call_events (call, seq, kind, contact_id, at, number) VALUES ",
    columns: 6,
    after: " RETURNING id, call, seq",
};

const HISTORY: Bulk = Bulk {
    before: "INSERT INTO call_history (call, seq, kind, contact_id, channel, state, reason, at, number) VALUES ",
    columns: 9,
    after: "",
};

const STATISTICS: Bulk = Bulk {
    before: "INSERT INTO call_statistics (call, seq, contact_id, joined_at, left_at, why, reconnects, figures) VALUES ",
    columns: 8,
    after: "",
};

const DELIVERIES: Bulk = Bulk {
    before: "INSERT INTO deliveries (id, call, position, call_id, domain_id, contact_id, channel, kind, address, facts, state, \
             reason, tries, next_at, not_after) VALUES ",
    columns: 15,
    after: "",
};

/// Between the tags of a team, which hold no line breaks.
pub(crate) const TAGS: &str = "\n";

fn time(at: Option<Timestamp>) -> Value {
    at.map(Timestamp::as_millis).into()
}

fn text(text: Option<&String>) -> Value {
    text.cloned().into()
}

pub(crate) fn call_row(new: &NewCall) -> [Value; 25] {
    let CallRecord { reason, call_type, status, title, .. } = &new.record;
    [
        new.record.call_id.to_string().into(),
        new.record.domain_id.into(),
        title.clone().into(),
        reason.clone().into(),
        call_type.clone().into(),
        status.clone().into(),
        new.record.join_anonymous.into(),
        new.record.inform_directly.into(),
        new.record.creator_user.into(),
        new.record.creator.id.into(),
        new.record.maker.id.into(),
        time(new.record.planned_at),
        new.record.created_at.as_millis().into(),
        time(new.record.started_at),
        time(new.record.ended_at),
        1_i64.into(),
        new.owner_node.clone().into(),
        new.owner_epoch.into(),
        new.state.clone().into(),
        new.record.budget.kbit.into(),
        new.record.budget.megabytes.into(),
        text(new.record.planned_zone.as_ref()),
        new.record.calendar_sequence.into(),
        new.record.stored_addresses.into(),
        time(new.sleeps_until),
    ]
}

pub(crate) fn update_row(update: &CallUpdate) -> [Value; 13] {
    [
        update.id.into(),
        (update.expected_version + 1).into(),
        update.title.clone().into(),
        update.call_type.clone().into(),
        update.status.clone().into(),
        time(update.planned_at),
        time(update.started_at),
        time(update.ended_at),
        update.state.clone().into(),
        text(update.planned_zone.as_ref()),
        update.calendar_sequence.into(),
        update.join_anonymous.into(),
        time(update.sleeps_until),
    ]
}

/// Rows that hang on calls, gathered over a whole batch.
pub(crate) struct Attached {
    numbers: Numbers,
    members: Vec<Value>,
    invitations: Vec<Value>,
    /// By call and contact: a batch may hold two of one person, of which the later counts.
    changed_invitations: BTreeMap<(i64, i64), [Value; 6]>,
    teams: Vec<Value>,
    /// With the key they are sorted by: (call, seq).
    events: Vec<((i64, i64), [Value; 6])>,
    history: Vec<Value>,
    statistics: Vec<Value>,
    deliveries: Vec<Value>,
    delivery_steps: Vec<Value>,
    /// By contact: a batch may hold two of one guest, of which the later counts.
    guest_links: BTreeMap<i64, [Value; 7]>,
    /// By call, for the same reason.
    call_links: BTreeMap<i64, [Value; 3]>,
    origins: Vec<Value>,
}

impl Attached {
    pub(crate) fn new(numbers: Numbers) -> Self {
        Self {
            numbers,
            members: Vec::new(),
            invitations: Vec::new(),
            changed_invitations: BTreeMap::new(),
            teams: Vec::new(),
            events: Vec::new(),
            history: Vec::new(),
            statistics: Vec::new(),
            deliveries: Vec::new(),
            delivery_steps: Vec::new(),
            guest_links: BTreeMap::new(),
            call_links: BTreeMap::new(),
            origins: Vec::new(),
        }
    }

    pub(crate) fn members(&mut self, call: i64, users: impl IntoIterator<Item = Option<i64>>) {
        self.members.extend(users.into_iter().flatten().flat_map(|user| [user.into(), call.into()]));
    }

    /// In order, from position `first` on.
    pub(crate) fn invitations(&mut self, call: i64, first: i64, invited: &[Invitation]) {
        for (position, invitation) in (first..).zip(invited) {
            self.invitations.extend([
                call.into(),
                position.into(),
                invitation.contact.id.into(),
                invitation.display_name.clone().into(),
                text(invitation.email.as_ref()),
                text(invitation.phone.as_ref()),
                text(invitation.language.as_ref()),
            ]);
        }
    }

    pub(crate) fn changed_invitations(&mut self, call: i64, invited: &[Invitation]) {
        let row = |invitation: &Invitation| {
            let Invitation { contact, display_name, email, phone, language } = invitation;
            let (email, phone, language) = (text(email.as_ref()), text(phone.as_ref()), text(language.as_ref()));
            let row = [call.into(), contact.id.into(), display_name.clone().into(), email, phone, language];
            ((call, contact.id), row)
        };
        self.changed_invitations.extend(invited.iter().map(row));
    }

    pub(crate) fn teams(&mut self, call: i64, first: i64, teams: &[InvitedTeam]) {
        for (position, team) in (first..).zip(teams) {
            let tags = (!team.tags.is_empty()).then(|| team.tags.join(TAGS));
            self.teams.extend([call.into(), position.into(), team.id.into(), team.name.clone().into(), tags.into()]);
        }
    }

    pub(crate) fn event(&mut self, call: i64, seq: i64, kind: &str, contact: i64, at: Timestamp) {
        let number = is_told(kind).then(|| self.numbers.give());
        let row = [call.into(), seq.into(), kind.into(), contact.into(), at.as_millis().into(), number.into()];
        self.events.push(((call, seq), row));
    }

    pub(crate) fn history(&mut self, call: i64, rows: &[HistoryRow]) {
        for row in rows {
            self.history.extend([
                call.into(),
                row.seq.into(),
                row.kind.clone().into(),
                row.contact_id.into(),
                text(row.channel.as_ref()),
                text(row.state.as_ref()),
                text(row.reason.as_ref()),
                row.at.as_millis().into(),
                self.numbers.give().into(),
            ]);
        }
    }

    pub(crate) fn statistics(&mut self, call: i64, rows: &[StatisticsRow]) {
        for row in rows {
            self.statistics.extend([
                call.into(),
                row.seq.into(),
                row.contact_id.into(),
                row.joined_at.as_millis().into(),
                row.left_at.as_millis().into(),
                row.why.clone().into(),
                row.reconnects.into(),
                row.figures.clone().into(),
            ]);
        }
    }

    /// In order, from position `first` on.
    pub(crate) fn deliveries(&mut self, call: i64, first: i64, deliveries: &[Delivery]) {
        for (position, new) in (first..).zip(deliveries) {
            self.deliveries.extend([
                new.id.to_string().into(),
                call.into(),
                position.into(),
                new.call_id.to_string().into(),
                new.domain_id.into(),
                new.contact_id.into(),
                new.channel.name().into(),
                new.kind.clone().into(),
                new.address.clone().into(),
                new.facts.clone().into(),
                new.state.name().into(),
                text(new.reason.as_ref()),
                new.tries.into(),
                new.next_at.as_millis().into(),
                new.not_after.as_millis().into(),
            ]);
            self.delivery_steps.extend(deliveries::step_rows(new.id, 1, &new.steps, &mut self.numbers));
        }
    }

    pub(crate) fn guest_links(&mut self, call: i64, links: &[GuestLink]) {
        self.guest_links.extend(links.iter().map(|link| (link.contact_id, link_row(call, link))));
    }

    pub(crate) fn call_link(&mut self, call: i64, link: Option<CallLink>) {
        self.call_links.extend(link.map(|link| (call, call_link_row(call, link))));
    }

    pub(crate) fn origin(&mut self, call: i64, record: &CallRecord) {
        self.origins.extend(record.origin.iter().flat_map(|origin| origin_row(call, record, origin)));
    }

    /// Returns the events' id, call and seq. Sorted, because ids are given in the order of the rows and have to rise
    /// within a call.
    pub(crate) async fn insert(mut self, db: &impl ConnectionTrait) -> StoreResult<Vec<QueryResult>> {
        MEMBERS.execute(db, self.members).await?;
        INVITATIONS.execute(db, self.invitations).await?;
        CHANGED_INVITATIONS.execute(db, self.changed_invitations.into_values().flatten().collect()).await?;
        TEAMS.execute(db, self.teams).await?;
        HISTORY.execute(db, self.history).await?;
        STATISTICS.execute(db, self.statistics).await?;
        DELIVERIES.execute(db, self.deliveries).await?;
        STEPS.execute(db, self.delivery_steps).await?;
        LINKS.execute(db, self.guest_links.into_values().flatten().collect()).await?;
        CALL_LINKS.execute(db, self.call_links.into_values().flatten().collect()).await?;
        ORIGINS.execute(db, self.origins).await?;
        self.events.sort_by_key(|(key, _)| *key);
        EVENTS.query(db, self.events.into_iter().flat_map(|(_, row)| row).collect()).await
    }
}
