//! What is asked of service requests: claiming, promising, handing over.

use farhand_domain::{
    call::{Call, Claim, Event, HandOverTo, Invitee, Line, PersonRole, Request},
    ids::{ContactId, TeamId},
    time::Timestamp,
};
use farhand_protocol::{
    ErrorCode, Problem, WireTime,
    call::{CreateCallRequest, TeamRef},
    request::{HandOverRequest, RequestState, ServiceRequest},
};
use farhand_store::model::{CallRecord, Contact, Invitation, InvitedTeam};

use super::{
    Answer, Ask, By, Calls, Shared,
    actor::CallActor,
    change::Extra,
    log,
    refusal::allowed,
    resolve::{self, Resolved, Resolver},
    rows,
    teams::invited_team,
};
use crate::{
    auth::Login,
    http::{Fail, Outcome},
    requests::{details, lines, lives_for},
};

/// Characters of a note: a screenful, and as many as a thousand calls with one can be listed with.
const MAX_NOTE: usize = 2_000;

pub const PROMISED: &str = "CallBackPromised";
pub const HAND_OVER: &str = "HandOver";
pub const NOTE: &str = "Note";

/// What is asked of a service request.
pub enum RequestAsk {
    Claim,
    Promise { due: Timestamp, note: Option<String> },
    HandOver { to: Heir, note: Option<String> },
}

/// Who is to have the call.
pub enum Heir {
    Person(Resolved),
    Team { team: InvitedTeam, lines: Vec<Line>, expires_at: Timestamp },
}

/// A note as it is kept: none if it says nothing.
pub fn check_note(note: Option<String>) -> Outcome<Option<String>> {
    if note.as_ref().is_some_and(|note| note.chars().count() > MAX_NOTE) {
        let detail = format!("A note may have {MAX_NOTE} characters at most.");
        return Err(Problem::new(ErrorCode::InvalidField, detail).at("/note").into());
    }
    Ok(note.filter(|note| !note.trim().is_empty()))
}

/// How a new call is to wait; none for an ordinary one. A planned one rings at its time, like any planned call.
pub(super) fn is_request(request: &CreateCallRequest, planned: bool) -> bool {
    log::reason_name(request.call_reason) == log::SERVICE_REQUEST && !planned
}

impl Shared {
    /// How a new request waits; none where nobody could claim it.
    pub(super) async fn new_request(
        &self,
        domain: i64,
        resolved: &Resolved,
        now: Timestamp,
    ) -> Outcome<Option<Request>> {
        if resolved.teams.is_empty() && resolved.ask.people.is_empty() {
            return Ok(None);
        }
        let teams: Vec<_> = resolved.teams.iter().map(|team| team.id).collect();
        let (lines, expires_at) = self.queues_of(domain, &teams, now).await?;
        Ok(Some(Request { lines, expires_at, claim: Claim::Open, promise: None }))
    }

    async fn queues_of(&self, domain: i64, teams: &[i64], now: Timestamp) -> Outcome<(Vec<Line>, Timestamp)> {
        let settings = self.directory.team_queues(domain).await?;
        Ok((lines(teams, &settings, now), now + lives_for(teams, &settings, self.policy.open)))
    }

    /// A member of a team that the request waits for, or has waited for, is invited by that.
    pub(super) async fn is_for_team_of(&self, by: By, record: &CallRecord) -> Outcome<bool> {
        // Any call can be handed over to a team.
        let waits = record.reason == log::SERVICE_REQUEST || self.queues.entry(record.call_id).is_some();
        if !waits || record.domain_id != by.domain_id {
            return Ok(false);
        }
        let invited = |team: TeamId| record.teams.iter().any(|known| known.id == team.0);
        Ok(self.member(record.domain_id, by.asker.contact, invited).await?.is_some())
    }

    /// Somebody as a member of one of these teams as they are now.
    async fn member(&self, domain: i64, contact: ContactId, of: impl Fn(TeamId) -> bool) -> Outcome<Option<Contact>> {
        let teams = self.directory.teams(domain).await?;
        for team in teams.iter().filter(|team| of(TeamId(team.id))) {
            let members = self.directory.contacts(&team.members).await?;
            if let Some(member) = members.into_iter().find(|member| member.id == contact.0) {
                return Ok(Some(member));
            }
        }
        Ok(None)
    }

    /// Teams whose queues a step has brought the request to, for the log.
    pub(super) async fn newly_asked(&self, record: &CallRecord, next: &Call) -> Outcome<Vec<InvitedTeam>> {
        let known = |id: &TeamId| record.teams.iter().any(|team| team.id == id.0);
        let fresh: Vec<TeamId> = next.claimable_by().filter(|team| !known(team)).collect();
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        let teams = self.directory.teams(record.domain_id).await?;
        let of_fresh = teams.iter().filter(|team| fresh.contains(&TeamId(team.id)));
        Ok(of_fresh.map(invited_team).collect())
    }
}

impl CallActor {
    pub(super) async fn request(&mut self, by: By, ask: RequestAsk) -> Outcome<()> {
        match ask {
            RequestAsk::Claim => self.claim(by).await,
            RequestAsk::Promise { due, note } => self.promise(by, due, note).await,
            RequestAsk::HandOver { to, note } => self.hand_over(by, to, note).await,
        }
    }

    async fn claim(&mut self, by: By) -> Outcome<()> {
        allowed(self.may_claim(by).await?, "Only members of the team, and those who are invited, may claim it.")?;
        let extra = Extra { invited: self.newcomer(by).await?, ..Extra::default() };
        let claimed = self.step(Event::Claim { by: self.rung(by.asker.contact) }, extra).await;
        claimed.map_err(|fail| self.with_claimer(fail))
    }

    fn rung(&self, contact: ContactId) -> Invitee {
        Invitee { contact, ring_for: self.shared.policy.popup_ring }
    }

    /// Somebody invited by name, or a member of one of the teams as they are now.
    async fn may_claim(&self, by: By) -> Outcome<bool> {
        let contact = by.asker.contact;
        let named = self.call.person(contact).is_some_and(|person| person.contact != self.call.creator());
        Ok((named && !by.asker.guest) || self.claimant(contact).await?.is_some())
    }

    async fn claimant(&self, contact: ContactId) -> Outcome<Option<Contact>> {
        let claimable = |team| self.call.claimable_by().any(|known| known == team);
        self.shared.member(self.record.domain_id, contact, claimable).await
    }

    /// Whoever has not been invited by name is, from now on.
    async fn newcomer(&self, by: By) -> Outcome<Vec<Invitation>> {
        let contact = by.asker.contact;
        if log::known_contact(&self.record, contact.0).is_some() {
            return Ok(Vec::new());
        }
        Ok(self.claimant(contact).await?.map(Invitation::of).into_iter().collect())
    }

    /// Says who was first.
    fn with_claimer(&self, fail: Fail) -> Fail {
        let claimer = match self.call.request().map(|request| request.claim) {
            Some(Claim::By(contact)) if fail.0.code == ErrorCode::AlreadyClaimed => contact,
            Some(Claim::By(_) | Claim::Open) | None => return fail,
        };
        match log::known_contact(&self.record, claimer.0) {
            Some(contact) => {
                Fail::new(ErrorCode::AlreadyClaimed, format!("{} has claimed this request.", contact.display_name))
            }
            None => fail,
        }
    }

    async fn promise(&mut self, by: By, due: Timestamp, note: Option<String>) -> Outcome<()> {
        let own = by.asker.may_manage(&self.call);
        allowed(own || self.may_claim(by).await?, "Only the technician and those who may claim it can promise that.")?;
        // An administrator or broker promises in the technician's name.
        let known = self.call.person(by.asker.contact).is_some_and(|person| person.role != PersonRole::Broker);
        let newcomer = self.newcomer(by).await?;
        let promiser = if own && !known { self.call.creator() } else { by.asker.contact };
        let invited = if own && !known { Vec::new() } else { newcomer };
        let said = (PROMISED, promiser, WireTime(due).to_string());
        let texts = [said].into_iter().chain(note.map(|note| (NOTE, promiser, note))).collect();
        let extra = Extra { invited, texts, ..Extra::default() };
        let promised = self.step(Event::PromiseCallBack { by: self.rung(promiser), due }, extra).await;
        promised.map_err(|fail| self.with_claimer(fail))
    }

    async fn hand_over(&mut self, by: By, to: Heir, note: Option<String>) -> Outcome<()> {
        let from = by.asker.contact;
        let may = self.call.is_seated(from) && from != self.call.creator() && !by.asker.guest;
        allowed(may, "Only an expert who is in the call can hand it over.")?;
        let mut extra = Extra::default();
        let (to, name) = match to {
            Heir::Person(resolved) => {
                let heir = resolved.ask.people.first().copied().ok_or_else(nobody_to_hand_to)?;
                let known = |invitation: &Invitation| {
                    self.record.invited.iter().any(|known| known.contact.id == invitation.contact.id)
                };
                let name = resolved.invited.first().map(|to| to.display_name.clone()).unwrap_or_default();
                extra.invited = resolved.invited.into_iter().filter(|invitation| !known(invitation)).collect();
                extra.guest_links = self.shared.links(&extra.invited, self.record.planned_at, self.shared.clock.now());
                (HandOverTo::Person(heir), name)
            }
            Heir::Team { team, lines, expires_at } => (HandOverTo::Queue { lines, expires_at }, team.name),
        };
        extra.texts.push((HAND_OVER, from, name));
        extra.texts.extend(note.map(|note| (NOTE, from, note)));
        self.step(Event::HandOver { from, to }, extra).await
    }
}

/// The one of this request.
fn at_contact(mut fail: Fail) -> Fail {
    for list in ["/invitedContacts/0", "/invitedContacts"] {
        fail.0.pointer = fail.0.pointer.take().map(|pointer| pointer.replace(list, "/contact"));
    }
    fail
}

fn nobody_to_hand_to() -> Fail {
    let detail = "This person cannot take the call over.";
    Problem::new(ErrorCode::NobodyToCall, detail).at("/contact").into()
}

impl Calls {
    /// Gives a running call to somebody else.
    pub async fn hand_over(&self, login: &Login, by: By, request: HandOverRequest) -> Outcome<Answer> {
        let HandOverRequest { call_id, contact, team, note } = request;
        let note = check_note(note)?;
        // Read first: whoever may not see the call must not learn whom the domain knows.
        let known = self.ask(call_id, by, Ask::Read).await?.record;
        let resolver = self.resolver(login, &known);
        let to = match (contact, team) {
            (Some(contact), None) => {
                let resolved = resolver.resolve(std::slice::from_ref(&contact), &[]).await;
                Heir::Person(resolved.map_err(at_contact)?)
            }
            (None, Some(team)) => self.heirs(&resolver, &team).await?,
            (Some(_), Some(_)) | (None, None) => {
                let detail = "Name the contact or the team that is to have the call: one of both.";
                return Err(Problem::new(ErrorCode::InvalidField, detail).at("/contact").into());
            }
        };
        self.ask(call_id, by, Ask::Request(Box::new(RequestAsk::HandOver { to, note }))).await
    }

    async fn heirs(&self, resolver: &Resolver<'_>, team: &TeamRef) -> Outcome<Heir> {
        let shared = &self.shared;
        let team = invited_team(&resolver.find_team(team, "/team").await?);
        let now = shared.clock.now();
        let (lines, expires_at) = shared.queues_of(resolver.terms.domain_id, &[team.id], now).await?;
        Ok(Heir::Team { team, lines, expires_at })
    }

    fn resolver<'a>(&'a self, login: &'a Login, known: &CallRecord) -> Resolver<'a> {
        let now = self.shared.clock.now();
        self.shared.resolver(resolve::Terms {
            domain_id: login.user.domain_id,
            domain: &login.user.domain,
            caller: known.maker.user_id.unwrap_or_default(),
            creator: known.creator.user_id.unwrap_or_default(),
            brokered: known.maker.id != known.creator.id,
            stored: known.stored_addresses,
            queued: false,
            at: now,
            now,
        })
    }

    /// How a service request stands; none for other calls, and for those that were given up.
    pub fn service_request(&self, record: &CallRecord) -> Option<ServiceRequest> {
        self.shared.service_request(record)
    }
}

impl Shared {
    pub(super) fn service_request(&self, record: &CallRecord) -> Option<ServiceRequest> {
        // What has ended just now may still stand in its queue.
        let running = record.ended_at.is_none();
        let entry = self.queues.entry(record.call_id).filter(|_| running);
        let Some(entry) = entry else { return claimed(record) };
        let in_line = |team: &TeamRef| entry.lines.iter().any(|(id, _)| Some(id.0) == team.id);
        Some(ServiceRequest {
            state: if entry.promised_at.is_some() { RequestState::Promised } else { RequestState::Waiting },
            teams: log::teams(record).into_iter().filter(in_line).collect(),
            place: self.queues.place(self.clock.now(), record.call_id),
            expires_date_time: Some(WireTime(entry.expires_at)),
            call_back_date_time: entry.promised_at.map(WireTime),
            claimed_by: None,
            details: record.origin.as_ref().map(|origin| Box::new(details(origin))),
        })
    }
}

/// As the log has it: claimed, or taken by answering the ring.
fn claimed(record: &CallRecord) -> Option<ServiceRequest> {
    if record.reason != log::SERVICE_REQUEST || record.planned_at.is_some() {
        return None;
    }
    let claimed = record.events.iter().rfind(|event| event.kind == rows::CLAIMED);
    let answered =
        || record.events.iter().find(|event| event.kind == rows::JOIN && event.contact_id != record.creator.id);
    let by = claimed.or_else(answered)?;
    Some(ServiceRequest {
        state: RequestState::Claimed,
        teams: log::teams(record),
        place: None,
        expires_date_time: None,
        call_back_date_time: None,
        claimed_by: Some(by.contact_id),
        details: record.origin.as_ref().map(|origin| Box::new(details(origin))),
    })
}
