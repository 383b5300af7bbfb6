//! Making a call: checked, resolved, decided by the domain, saved, and only then rung.

use std::{sync::Arc, time::Duration};

use farhand_domain::{
    call::{Call, Effect, LogKind, Terms},
    ids::{ContactId, DeviceId},
    time::Timestamp,
};
use farhand_protocol::{ErrorCode, Problem, auth::Role, call::CreateCallRequest};
use farhand_store::model::{CallRecord, CallWrite, Contact, NewCall, NewIdempotency, Refused, User};
use sha2::{Digest, Sha256};

use super::{
    Answer, Calls, Shared,
    actor::CallActor,
    change, log,
    reaching::{Reached, Step},
    requests::is_request,
    resolve, rows,
    schedule::Schedule,
    snapshot,
    view::{self, Viewer},
};
use crate::{
    admin::{budget, check_budget},
    auth::Login,
    http::{Fail, Outcome},
    planned::Planned,
    reach::uses_stored,
    world::new_id,
};

/// Characters in a title.
pub const MAX_TITLE: usize = 200;
/// Characters in an idempotency key.
const MAX_KEY: usize = 255;
/// How long a key is good for.
pub const KEY_LIFE: Duration = Duration::from_hours(24);

/// A call somebody wants made.
pub struct Order<'a> {
    pub login: &'a Login,
    pub request: CreateCallRequest,
    /// The device the creator joins on at once.
    pub join: Option<DeviceId>,
    pub idempotency_key: Option<String>,
}

/// A new call, not saved yet.
pub(super) struct Made {
    pub record: CallRecord,
    call: Call,
    effects: Vec<Effect>,
    reached: Reached,
}

impl Calls {
    pub async fn create(&self, order: Order<'_>) -> Outcome<Answer> {
        let Order { login, mut request, join, idempotency_key } = order;
        check(&request)?;
        // They are no part of a request: neither kept nor compared.
        request.invited_contacts.iter_mut().for_each(|contact| contact.notifications.clear());
        let key = idempotency_key.map(|key| idempotency(login, &request, key)).transpose()?;
        if let Some(key) = &key
            && let Some(answer) = self.earlier(login, key).await?
        {
            return Ok(answer);
        }
        let creator = self.creator(login, &request).await?;
        let brokered = creator.id != login.user.id;
        if brokered && !(login.has(Role::Connector) || login.has(Role::Admin)) {
            let detail = "Creating a call for another user needs the role connector or admin.";
            return Err(Problem::new(ErrorCode::ConnectorRoleRequired, detail).at("/creatorUser").into());
        }
        if brokered && join.is_some() {
            // The device is the broker's, and the seat would be the creator's.
            let detail = "Whoever creates a call for another user cannot join it; use POST /rtc/createCall.";
            return Err(Problem::new(ErrorCode::BrokerHasNoSeat, detail).at("/creatorUser").into());
        }
        self.make(login, &request, &creator, brokered, join, key).await
    }

    async fn make(
        &self,
        login: &Login,
        request: &CreateCallRequest,
        creator: &User,
        brokered: bool,
        join: Option<DeviceId>,
        key: Option<NewIdempotency>,
    ) -> Outcome<Answer> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let planned = Planned::read(
            request.planned_date_time,
            request.planned_local_time.as_deref(),
            request.planned_time_zone.as_deref(),
        )?;
        planned.check(now)?;
        let domain = shared.directory.domain(login.user.domain_id).await?;
        let stored = uses_stored(domain.as_deref(), request.use_stored_addresses);
        let queued = is_request(request, planned.at.is_some());
        let resolver = shared.resolver(resolve::Terms {
            domain_id: login.user.domain_id,
            domain: &login.user.domain,
            caller: login.user.id,
            creator: creator.id,
            brokered,
            stored,
            queued,
            at: planned.at.unwrap_or(now).max(now),
            now,
        });
        let resolved = resolver.resolve(&request.invited_contacts, &request.invited_teams).await?;
        let people = shared.directory.contacts(&[creator.id, login.user.id]).await?;
        let [creator_contact, maker_contact] =
            <[Contact; 2]>::try_from(people).map_err(|_| Fail::internal("the store made too few contacts"))?;
        let terms = Terms {
            technology: log::technology(request.call_type),
            creator: ContactId(creator_contact.id),
            maker: ContactId(maker_contact.id),
            brokered,
            popup: request.inform_others_directly,
            planned_at: planned.at,
            created_at: now,
            request: if queued { shared.new_request(login.user.domain_id, &resolved, now).await? } else { None },
        };
        let (mut call, mut effects) = Call::create(&shared.policy, now, terms, &resolved.ask, join);
        let mut record = new_record(request, resolved, creator_contact, maker_contact, &call, now);
        record.planned_zone = planned.zone;
        record.stored_addresses = stored;
        effects.extend(shared.pass_over_absent((&record, &[]), &[], &mut call, now).await?);
        record.guest_links = shared.links(&record.invited, planned.at, now);
        let made = shared.complete(record, call, effects, now).await?;
        // In a task of its own: a client that goes away meanwhile must not leave behind a saved call that nobody rings for.
        let (calls, login) = (self.clone(), login.clone());
        let saving = async move { calls.save_new(Some(&login), made, join, key).await };
        tokio::spawn(saving).await.map_err(Fail::internal)?
    }

    /// `login`: whose the key is.
    pub(super) async fn save_new(
        &self,
        login: Option<&Login>,
        made: Made,
        join: Option<DeviceId>,
        key: Option<NewIdempotency>,
    ) -> Outcome<Answer> {
        let Made { mut record, call, effects, reached } = made;
        let shared = &self.shared;
        let new = NewCall {
            record: record.clone(),
            state: snapshot::write(call.state()).map_err(Fail::internal)?,
            owner_node: shared.node.clone(),
            owner_epoch: shared.owner_epoch,
            sleeps_until: shared.sleeps_until(&call, shared.clock.now()),
            idempotency: key.clone(),
        };
        let _new = shared.expect(record.call_id);
        let saved = shared.committer.save(CallWrite::Create(Box::new(new))).await.map_err(Fail::maybe_saved)?;
        match (saved, key) {
            (Ok(saved), _) => {
                record.id = saved.id;
                for (event, id) in record.events.iter_mut().zip(saved.event_ids) {
                    event.id = id;
                }
            }
            // The same request came twice at the same time, and the other one was first.
            (Err(Refused::KeyUsed), Some(key)) => {
                let earlier = match login {
                    Some(login) => self.earlier(login, &key).await?,
                    None => None,
                };
                return earlier.ok_or_else(|| Fail::internal("the idempotency key vanished"));
            }
            (Err(Refused::Constraint(reason)), _) => {
                tracing::warn!(reason, "the database refused a call");
                let detail =
                    "The database refused the call: somebody named was removed meanwhile, or a text holds a NUL.";
                return Err(Fail::new(ErrorCode::InvalidField, detail));
            }
            (Err(refused), _) => return Err(Fail::internal(format!("a new call was refused: {refused:?}"))),
        }
        let record = Arc::new(record);
        let mut actor = CallActor::new(shared, call, record.clone(), 1);
        reached.note(&mut actor.quiets);
        let successors = actor.call.state().successors.clone();
        actor.learn_names(&successors).await;
        let viewer = join.map(|device| Viewer { contact: actor.call.creator(), device, host: true });
        let view = viewer.map(|v| Box::new(view::call_view(&actor, v)));
        drop(self.spawn(actor, Some(&effects)));
        shared.notify.queued(&record.deliveries);
        Ok(Answer { record, view, sdp: None, still: None, at_door: None })
    }

    async fn creator(&self, login: &Login, request: &CreateCallRequest) -> Outcome<Arc<User>> {
        let Some(id) = request.creator_user.filter(|id| *id != login.user.id) else { return Ok(login.user.clone()) };
        let user = self.shared.directory.user(id).await?;
        let user = user.filter(|user| user.domain_id == login.user.domain_id && !user.disabled);
        user.ok_or_else(|| {
            let detail = "creatorUser names nobody in your domain.";
            Problem::new(ErrorCode::UnknownCreator, detail).at("/creatorUser").into()
        })
    }

    /// What an earlier request with this key made.
    async fn earlier(&self, login: &Login, key: &NewIdempotency) -> Outcome<Option<Answer>> {
        let Some(known) = self.shared.store.idempotency(key.caller, &key.key).await? else { return Ok(None) };
        let now = self.shared.clock.now();
        if known.created_at + KEY_LIFE <= now {
            self.shared.store.purge(now, KEY_LIFE).await?;
            return Ok(None);
        }
        if known.body_hash != key.body_hash {
            let detail = "This Idempotency-Key was used with another body. Use a new key for a new call.";
            return Err(Fail::new(ErrorCode::IdempotencyMismatch, detail));
        }
        let by = self.by(login, None).await?;
        self.ask(known.call_id, by, super::Ask::Read).await.map(Some)
    }
}

impl Shared {
    /// With what has happened in the making of it, and the messages that it sends.
    pub(super) async fn complete(
        &self,
        mut record: CallRecord,
        call: Call,
        effects: Vec<Effect>,
        now: Timestamp,
    ) -> Outcome<Made> {
        tell(&mut record, &call, &effects, now);
        let schedule = Schedule::of(&record);
        let step = Step {
            record: &record,
            fresh: &record.invited,
            changed: &[],
            links: &[],
            next: &call,
            schedule: &schedule,
            effects: &effects,
            now,
        };
        let mut reached = self.reach(&step).await?;
        record.deliveries = std::mem::take(&mut reached.messages);
        Ok(Made { record, call, effects, reached })
    }
}

fn check(request: &CreateCallRequest) -> Outcome<()> {
    check_title(request.call_title.as_deref())?;
    request.data_budget.map_or(Ok(()), check_budget)
}

pub fn check_title(title: Option<&str>) -> Outcome<()> {
    if title.is_some_and(|title| title.chars().count() > MAX_TITLE) {
        let detail = format!("A title may have {MAX_TITLE} characters at most.");
        return Err(Problem::new(ErrorCode::InvalidField, detail).at("/callTitle").into());
    }
    Ok(())
}

fn idempotency(login: &Login, request: &CreateCallRequest, key: String) -> Outcome<NewIdempotency> {
    if key.is_empty() || key.chars().count() > MAX_KEY {
        let detail = format!("Idempotency-Key must have 1 to {MAX_KEY} characters.");
        return Err(Fail::new(ErrorCode::InvalidField, detail));
    }
    // Hashed as understood, not as spelled: a retry may order its members differently.
    let understood = serde_json::to_vec(request).map_err(Fail::internal)?;
    Ok(NewIdempotency { caller: login.user.id, key, body_hash: Sha256::digest(understood).into() })
}

/// What has happened in the making of a call.
fn tell(record: &mut CallRecord, call: &Call, effects: &[Effect], now: Timestamp) {
    change::status_name(call).clone_into(&mut record.status);
    record.started_at = change::logs(effects, LogKind::Join).then_some(now);
    record.ended_at = call.has_ended().then_some(now);
    record.events = rows::events_of(0, now, effects).into_iter().map(|event| change::row(&event, 0)).collect();
    record.history.extend(rows::history_of(record.history.len(), now, effects));
}

pub(super) fn new_record(
    request: &CreateCallRequest,
    resolved: resolve::Resolved,
    creator: Contact,
    maker: Contact,
    call: &Call,
    now: Timestamp,
) -> CallRecord {
    let title = request.call_title.clone().unwrap_or_else(|| format!("Call from {}", creator.display_name));
    let notes = resolved.notes.into_iter().enumerate();
    CallRecord {
        id: 0,
        call_id: new_id(),
        domain_id: creator.domain_id,
        title: title.chars().take(MAX_TITLE).collect(),
        reason: log::reason_name(request.call_reason).to_owned(),
        call_type: log::technology_name(call.state().terms.technology).to_owned(),
        status: change::status_name(call).to_owned(),
        join_anonymous: request.join_anonymous_allowed,
        inform_directly: request.inform_others_directly,
        creator_user: request.creator_user,
        budget: request.data_budget.map(budget).unwrap_or_default(),
        creator,
        maker,
        invited: resolved.invited,
        teams: resolved.teams,
        planned_at: call.state().terms.planned_at,
        planned_zone: None,
        calendar_sequence: 0,
        stored_addresses: false,
        created_at: now,
        started_at: None,
        ended_at: None,
        events: Vec::new(),
        history: notes.map(|(written, note)| note.row(written, now)).collect(),
        statistics: Vec::new(),
        deliveries: Vec::new(),
        guest_links: Vec::new(),
        link: None,
        origin: None,
    }
}
