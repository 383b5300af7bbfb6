//! What a queue knows of a request.

use std::collections::BTreeSet;

use farhand_domain::{
    call::Call,
    ids::{ContactId, TeamId},
    time::Timestamp,
};
use farhand_protocol::{WireTime, request::WaitingRequest, request_link::RequestDetails};
use farhand_store::model::{CallRecord, Contact};
use uuid::Uuid;

use super::details;
use crate::calls::log;

/// A request that can be claimed.
#[derive(PartialEq, Eq)]
pub struct Entry {
    pub id: i64,
    pub call_id: Uuid,
    pub domain_id: i64,
    pub title: String,
    pub from: Contact,
    pub technician: ContactId,
    pub popup: bool,
    /// The queues it is in, and since when.
    pub lines: Vec<(TeamId, Timestamp)>,
    pub expires_at: Timestamp,
    pub promised_at: Option<Timestamp>,
    pub hand_over: bool,
    /// All that are wanted, of whatever team.
    pub tags: Vec<String>,
    pub details: Option<RequestDetails>,
}

impl Entry {
    /// None if it cannot be claimed.
    pub fn of(record: &CallRecord, call: &Call) -> Option<Self> {
        let request = call.request().filter(|_| call.waits_for_a_claim())?;
        let entered = request.lines.iter().filter(|line| line.entered);
        Some(Self {
            id: record.id,
            call_id: record.call_id,
            domain_id: record.domain_id,
            title: record.title.clone(),
            from: record.creator.clone(),
            technician: call.creator(),
            popup: record.inform_directly,
            lines: entered.map(|line| (line.team, line.since)).collect(),
            expires_at: request.expires_at,
            promised_at: request.promise.map(|promise| promise.due),
            hand_over: call.state().hand_over.is_some(),
            tags: tags(record),
            details: record.origin.as_ref().map(details),
        })
    }

    /// Where it stands in a team's queue.
    pub fn key_in(&self, team: TeamId) -> Option<(Timestamp, i64)> {
        self.lines.iter().find(|(line, _)| *line == team).map(|(_, since)| (*since, self.id))
    }

    pub fn wire(&self, since: Timestamp) -> WaitingRequest {
        WaitingRequest {
            call_id: self.call_id,
            call_title: self.title.clone(),
            from: log::contact(&self.from),
            since_date_time: WireTime(since),
            popup: self.popup,
            call_back_date_time: self.promised_at.map(WireTime),
            hand_over: self.hand_over,
            tags: self.tags.clone(),
            details: self.details.clone(),
        }
    }
}

fn tags(record: &CallRecord) -> Vec<String> {
    let all: BTreeSet<&String> = record.teams.iter().flat_map(|team| &team.tags).collect();
    all.into_iter().cloned().collect()
}
