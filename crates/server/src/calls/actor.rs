//! One task per running call: the only place where a call changes. A command goes to the domain, what came of it is saved in
//! one transaction, and only then is anybody told.

use std::{collections::HashMap, sync::Arc, time::Duration};

use farhand_domain::{
    call::{Call, Event},
    ids::{ContactId, DeviceId, TeamId},
    time::Timestamp,
};
use farhand_protocol::{
    ErrorCode,
    frame::{ServerFrame, Signal},
};
use farhand_store::model::{CallRecord, CallWrite};
use tokio::sync::{mpsc, watch};

use super::{
    Shared,
    ask::{Answer, Ask, By, Command, not_yours},
    change::{Besides, Change, Extra},
    deliveries,
    ladder::StillAnswer,
    lobby::{Lobby, Standing},
    log,
    media::CallMedia,
    reaching::{Quiets, Step},
    recover::Owed,
    refusal::{allowed, refused},
    schedule::Schedule,
    statistics::{Cause, Statistics},
};
use crate::http::{Fail, Outcome};

/// Commands that may wait for one call. A call's participants send some tens in its set-up.
pub const MAILBOX: usize = 128;
/// How long to wait before something is tried again that could not be saved and that nobody else would try again.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// The longest sleep; the clock is looked at again after it, whatever the machine's time did meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_mins(10);

/// What an answer has beside the call as it stands.
pub(super) enum Given {
    Nothing,
    Sdp(String),
    Still(StillAnswer),
    AtDoor(watch::Receiver<Standing>),
}

pub struct CallActor {
    pub shared: Arc<Shared>,
    pub call: Call,
    pub record: Arc<CallRecord>,
    pub version: i64,
    pub owed: Vec<Owed>,
    pub media: CallMedia,
    pub statistics: Statistics,
    /// Who wants quiet. Looked at whenever a ring begins, a device comes, or settings change.
    pub quiets: Quiets,
    /// What teams are called that may come.
    pub team_names: HashMap<TeamId, String>,
    /// Who waits to be let in.
    pub lobby: Lobby,
    /// The call was taken up, and that is not saved yet: the next step says it first.
    pub recovery_owed: bool,
    /// Of the call at which time browsers have been reminded.
    pub reminded_of: Option<Timestamp>,
}

impl CallActor {
    pub fn new(shared: &Arc<Shared>, call: Call, record: Arc<CallRecord>, version: i64) -> Self {
        let media = CallMedia::new(record.call_id, shared.workers.clone(), shared.stills.clone());
        let (owed, statistics, quiets) = (Vec::new(), Statistics::default(), Quiets::default());
        let (team_names, lobby) = (HashMap::new(), Lobby::default());
        Self {
            shared: shared.clone(),
            call,
            record,
            version,
            owed,
            media,
            statistics,
            quiets,
            team_names,
            lobby,
            recovery_owed: false,
            reminded_of: None,
        }
    }

    /// Runs until the call has ended, or another node has taken it.
    pub async fn run(mut self, mut mailbox: mpsc::Receiver<Command>) {
        let mut again_at = None;
        while !self.call.has_ended() {
            if let Err(fail) = self.call_up_teams().await {
                tracing::warn!(call_id = %self.record.call_id, problem = %fail.0, "a team could not be called up yet");
            }
            if self.fall_asleep(&mailbox) {
                break;
            }
            self.follow_budgets().await;
            self.media.follow(self.shared.clock.now(), &self.call);
            self.statistics.follow(self.shared.clock.now(), &self.call);
            if self.media.catch_up(self.shared.clock.now()) {
                self.media.follow(self.shared.clock.now(), &self.call);
                self.show_call_to_all();
            }
            self.follow_lobby();
            let team_owed = self.call.due_teams().next().is_some();
            if self.recovery_owed || !self.owed.is_empty() || !self.media.is_told() || team_owed {
                again_at.get_or_insert_with(|| self.shared.clock.now() + RETRY);
            }
            let nap = self.nap(again_at);
            tokio::select! {
                command = mailbox.recv() => match command {
                    Some(command) => self.answer(command).await,
                    None => return,
                },
                notice = self.media.next() => self.notice(notice).await,
                () = tokio::time::sleep(nap) => {
                    again_at = self.tick().await.err().map(|_| self.shared.clock.now() + RETRY);
                }
            }
            if self.shared.is_fenced(self.record.call_id) {
                return;
            }
        }
    }

    fn nap(&self, again_at: Option<Timestamp>) -> Duration {
        let next = || self.call.next_wake(&self.shared.policy).into_iter().chain(self.reminds_at()).min();
        let wake = again_at.or_else(next);
        let wake = wake.into_iter().chain(self.media.due()).chain(self.lobby.due()).min();
        wake.map_or(LONGEST_SLEEP, |at| self.shared.clock.now().until(at)).min(LONGEST_SLEEP)
    }

    pub(super) async fn tick(&mut self) -> Result<(), Fail> {
        self.pay_owed().await?;
        self.remind().await?;
        self.step(Event::Tick, Extra::default()).await
    }

    async fn answer(&mut self, command: Command) {
        let Command { by, ask, reply } = command;
        let answer = match self.carry_out(by, ask).await {
            Ok(given) => {
                let (record, view) = (self.record.clone(), self.view_of(by));
                let mut answer = Answer { record, view, sdp: None, still: None, at_door: None };
                match given {
                    Given::Nothing => {}
                    Given::Sdp(sdp) => answer.sdp = Some(sdp),
                    Given::Still(still) => answer.still = Some(still),
                    Given::AtDoor(at_door) => answer.at_door = Some(at_door),
                }
                Ok(answer)
            }
            Err(fail) => Err(fail),
        };
        // Whoever asked may have gone.
        let _ = reply.send(answer);
    }

    async fn carry_out(&mut self, by: By, ask: Ask) -> Outcome<Given> {
        let may = by.asker.may_read(&self.call) || self.shared.is_for_team_of(by, &self.record).await?;
        if by.domain_id != self.record.domain_id || !may {
            return Err(not_yours(&ask, by, by.domain_id == self.record.domain_id));
        }
        self.refuse_revoked(by)?;
        let contact = by.asker.contact;
        let none = Extra::default();
        let done = match ask {
            Ask::Read => Ok(()),
            // The loss of a connection that is lost already would never be told, and the seat be held for ever.
            Ask::Join { device: Some(device), rejoin, prepared, offer }
                if self.shared.hub.is_device_connected(contact, device) =>
            {
                self.refuse_early(by)?;
                if !prepared {
                    self.media.give_up_prepared(contact, device);
                }
                let joined = self.step(Event::Join { contact, device, rejoin }, none).await;
                self.show_slots_again(contact, device);
                joined?;
                return Ok(self.offered_with_join(contact, device, offer).await);
            }
            Ask::Join { .. } => self.refuse_without_device(contact),
            Ask::Decline => self.step(Event::Decline { contact }, none).await,
            // Meant for a call this device was in: it must not hang up the device that has the seat now.
            Ask::Leave if self.is_seated_elsewhere(by) => Ok(()),
            Ask::Leave => self.step(Event::Leave { contact }, none).await,
            Ask::End => self.end_for_all(by).await,
            Ask::Invite(resolved) => self.invite(by, *resolved).await,
            Ask::RingAgain { contact } => {
                allowed(by.asker.may_invite(&self.call), "Only people in the call may ring others.")?;
                self.step(Event::RingAgain { contact }, none).await
            }
            Ask::Update { title, planned_at, planned_zone, join_anonymous } => {
                let (title, texts) = self.note_of_title(by, title);
                let notes = self.note_of_opening(by, join_anonymous);
                self.update(by, planned_at, Extra { title, planned_zone, join_anonymous, notes, texts, ..none }).await
            }
            Ask::Cancel => {
                allowed(by.asker.may_cancel(&self.call), "Only the creator and administrators may cancel the call.")?;
                self.step(Event::Cancel { by: self.known_or_creator(contact) }, none).await
            }
            Ask::Start => {
                allowed(by.asker.may_manage(&self.call), "Only the creator and administrators may start the call.")?;
                self.step(Event::Start, none).await
            }
            // It may have come back while this was on its way.
            Ask::ConnectionLost { device } if self.shared.hub.is_device_connected(contact, device) => Ok(()),
            Ask::ConnectionLost { device } => self.note_connection(Owed { contact, device, back: false }).await,
            Ask::ConnectionBack { device } => self.note_connection(Owed { contact, device, back: true }).await,
            Ask::Signal { epoch, to, signal } => self.pass_on(by, epoch, to, *signal),
            Ask::Media(ask) => return Ok(self.media_ask(by, *ask).await?.map_or(Given::Nothing, Given::Sdp)),
            Ask::Still(ask) => return self.still(by, *ask).await.map(Given::Still),
            Ask::Report(report) => {
                self.reported(by, &report).await;
                Ok(())
            }
            Ask::Reached(news) => self.reached(contact, news).await,
            Ask::Guest(ask) => self.guest(by, *ask).await,
            Ask::Lobby(ask) => return self.lobby_ask(by, *ask).await,
            Ask::Request(ask) => self.request(by, *ask).await,
            Ask::Attach(session) => {
                self.look_at_quiet(contact).await;
                self.attach(&session);
                Ok(())
            }
        };
        done.map(|()| Given::Nothing)
    }

    fn is_seated_elsewhere(&self, by: By) -> bool {
        let seat = self.call.seat(by.asker.contact);
        seat.zip(by.device).is_some_and(|(seat, device)| seat.device != device)
    }

    /// Says first what would have refused the join anyway.
    fn refuse_without_device(&self, contact: ContactId) -> Result<(), Fail> {
        let join = Event::Join { contact, device: DeviceId(0), rejoin: None };
        self.call.clone().handle(&self.shared.policy, self.shared.clock.now(), join).map_err(refused)?;
        let detail = "Open the WebSocket, and give its sessionId if you have more than one.";
        Err(Fail::new(ErrorCode::SessionRequired, detail))
    }

    async fn end_for_all(&mut self, by: By) -> Result<(), Fail> {
        allowed(by.asker.may_end(&self.call), "Only the creator, experts in the call and administrators may end it.")?;
        self.step(Event::End { by: self.known_or_creator(by.asker.contact) }, Extra::default()).await
    }

    /// An administrator who ends a call need not be one of its contacts.
    pub(super) fn known_or_creator(&self, contact: ContactId) -> ContactId {
        let known = log::known_contact(&self.record, contact.0).is_some();
        if known { contact } else { self.call.creator() }
    }

    /// Domain, disk, then the world.
    pub async fn step(&mut self, event: Event, mut extra: Extra) -> Result<(), Fail> {
        let now = self.shared.clock.now();
        let cause = Cause::of(&event);
        let mut next = self.call.clone();
        let mut effects = if self.recovery_owed { self.recover(&mut next, now).map_err(refused)? } else { Vec::new() };
        effects.extend(next.handle(&self.shared.policy, now, event).map_err(refused)?);
        let turns = self.call.in_turn();
        effects.extend(self.shared.pass_over_absent((&self.record, &extra.invited), &turns, &mut next, now).await?);
        extra.teams.extend(self.shared.newly_asked(&self.record, &next).await?);
        let (title, zone) = (extra.title.as_deref(), extra.planned_zone.as_deref());
        let schedule = Schedule::after(&self.record, title, zone, &next, now);
        let mut heard = deliveries::heard(&self.record, now, &self.call, &next, &schedule);
        heard.extend(extra.opened_by.into_iter().flat_map(|by| deliveries::opened(&self.record, now, by)));
        heard.extend(extra.revoked.into_iter().flat_map(|guest| deliveries::withdrawn(&self.record, now, guest)));
        let nothing_else = extra.changes_nothing() && heard.is_empty();
        if next == self.call && effects.is_empty() && nothing_else {
            self.recovery_owed = false;
            return Ok(());
        }
        let step = Step {
            record: &self.record,
            fresh: &extra.invited,
            changed: &extra.changed_invited,
            links: &extra.guest_links,
            next: &next,
            schedule: &schedule,
            effects: &effects,
            now,
        };
        let mut reached = self.shared.reach(&step).await?;
        let statistics = self.statistics.ended(now, &self.record, &self.call, &next, cause);
        let keepers = std::mem::take(&mut reached.keepers);
        let besides = Besides { statistics, messages: std::mem::take(&mut reached.messages), heard };
        let change = Change::new(&self.record, now, &next, &effects, extra, schedule, besides);
        let update = change.update(&self.shared, self.record.id, self.version, &next)?;
        let saved = self.shared.committer.save(CallWrite::Update(Box::new(update))).await;
        let saved = saved.map_err(Fail::maybe_saved)?;
        let saved = match saved {
            Ok(saved) => saved,
            Err(refused) => return Err(self.not_saved(refused).await),
        };
        let before = std::mem::replace(&mut self.call, next);
        self.version += 1;
        self.recovery_owed = false;
        reached.note(&mut self.quiets);
        self.statistics.renewed(&before, &self.call, cause);
        if !change.invited.is_empty() {
            self.shared.concern(self.record.call_id, self.concerned());
        }
        self.shared.notify.queued(&change.messages);
        let revoked = change.revoked;
        change.apply(Arc::make_mut(&mut self.record), &saved.event_ids);
        self.keep(saved.deliveries);
        if let Some(guest) = revoked {
            self.shared.hub.close_guest(guest);
        }
        // A prepared connection must be let in before its owner is told so.
        self.media.follow(now, &self.call);
        self.perform(&before, &effects);
        self.tell_keepers(&keepers);
        Ok(())
    }

    /// Passes a signal to the other end, if both are in the call and mean the same plan.
    fn pass_on(&self, by: By, epoch: u64, to: ContactId, signal: Signal) -> Result<(), Fail> {
        let contact = by.asker.contact;
        let here = by.device.and_then(|device| self.call.seat_on(contact, device)).is_some();
        if !here {
            return Err(Fail::new(ErrorCode::NotInCall, "Join the call on this device before signalling."));
        }
        let plan = self.call.media_plan(contact).filter(|plan| plan.peer() == Some(to));
        let plan =
            plan.ok_or_else(|| Fail::new(ErrorCode::NoPeer, "This person is not at the other end of your call."))?;
        if plan.epoch != epoch {
            let detail = format!("The media plan's epoch is {}, not {epoch}.", plan.epoch);
            return Err(Fail::new(ErrorCode::StaleEpoch, detail));
        }
        if let Some(seat) = self.call.seat(to) {
            let call_id = self.record.call_id;
            self.to_device(to, seat.device, &ServerFrame::Signal { call_id, epoch, from: contact.0, signal });
        }
        Ok(())
    }
}
