//! How far down the ladder each participant is, what their budgets allow, and the still pictures there are instead of video.

use std::time::Duration;

use farhand_domain::{
    call::{Event, Path},
    ids::ContactId,
};
use farhand_protocol::{
    ErrorCode,
    frame::{Rung, ServerFrame, Shortage, ShortageReason},
    statistics::MediaReport,
};
use farhand_sfu::{PeerId, Why};
use farhand_store::{StoreResult, model::Budget};

use super::{
    actor::CallActor,
    ask::By,
    budgets::{smallest, used_by_history},
    change::Extra,
    log,
    stills::{Part, Piece, Received},
};
use crate::http::{Fail, Outcome};

/// What is asked about still pictures.
pub enum StillAsk {
    Put(Piece),
    Get { of: ContactId, range: std::ops::Range<usize>, id: Option<uuid::Uuid> },
}

/// What is answered.
pub enum StillAnswer {
    Received(Received),
    Part(Part),
}

impl CallActor {
    /// Looks up the budgets of those who sit here, if the call or the directory has changed since the last time.
    pub(super) async fn follow_budgets(&mut self) {
        let versions = (self.version, self.shared.directory.version());
        if self.media.budgets.are_of(versions) {
            return;
        }
        let call = &self.call;
        self.media.stills.keep(|contact| call.is_seated(contact));
        self.media.budgets.keep(|contact| call.is_seated(contact));
        let seated: Vec<ContactId> = call.seated().into_iter().map(|(contact, _)| contact).collect();
        let (mut changed, mut complete) = (false, true);
        for contact in seated {
            match self.budget_of(contact).await {
                Ok(budget) => {
                    let used = used_by_history(&self.record.history, contact);
                    changed |= self.media.budgets.set(contact, budget, used);
                }
                // Looked up again with the next thing that happens.
                Err(error) => {
                    tracing::warn!(contact = contact.0, %error, "a data budget cannot be looked up");
                    complete = false;
                }
            }
        }
        if complete {
            self.media.budgets.followed(versions);
        }
        if changed {
            self.media.limits_changed();
            self.show_call_to_all();
        }
    }

    /// Of this call, the person's own and the domain's.
    async fn budget_of(&self, contact: ContactId) -> StoreResult<Budget> {
        let directory = &self.shared.directory;
        let user = log::known_contact(&self.record, contact.0).and_then(|contact| contact.user_id);
        let user = match user {
            Some(user) => directory.user(user).await?,
            None => None,
        };
        let domain = directory.domain(self.record.domain_id).await?;
        let of_person = user.map(|user| user.budget).unwrap_or_default();
        let of_domain = domain.map(|domain| domain.budget).unwrap_or_default();
        Ok(smallest(&[self.record.budget, of_person, of_domain]))
    }

    /// The SFU says where somebody stands.
    pub(super) fn receives(&mut self, peer: PeerId, rung: farhand_sfu::Rung, why: Why) {
        let reason = match why {
            Why::Link => ShortageReason::Link,
            Why::Budget => ShortageReason::Budget,
        };
        let shortage = wire_rung(rung).map(|rung| Shortage { rung, reason });
        let Some(contact) = self.media.set_receives(peer, shortage) else { return };
        tracing::info!(call_id = %self.record.call_id, contact = contact.0, ?shortage, "what a participant can be sent");
        self.show_call_to_all();
    }

    /// Somebody's media have taken so much more.
    pub(super) async fn used(&mut self, contact: ContactId, bytes: u64) {
        if !self.media.budgets.count(contact, bytes) {
            return;
        }
        self.media.limits_changed();
        let budget_used_up = self.media.budgets.megabytes(contact).map(|megabytes| (contact, megabytes));
        let extra = Extra { budget_used_up, ..Extra::default() };
        if let Err(fail) = self.step(Event::Tick, extra).await {
            // It holds all the same; only a restart would forget it.
            tracing::warn!(contact = contact.0, problem = %fail.0, "a budget that is used up could not be noted");
            self.show_call_to_all();
        }
    }

    pub(super) async fn used_by_peer(&mut self, peer: PeerId, bytes: u64) {
        if let Some(contact) = self.media.contact_of(peer) {
            self.used(contact, bytes).await;
        }
    }

    /// What goes straight between two people nobody else can count.
    pub(super) async fn reported(&mut self, by: By, report: &MediaReport) {
        let Some(device) = by.device else { return };
        let contact = by.asker.contact;
        let worse = self.worse_of(contact);
        let time = self.statistics.report(self.shared.clock.now(), &self.call, contact, device, report, worse);
        let straight = self.call.media_plan(contact).is_some_and(|plan| plan.path != Path::Sfu);
        if let Some(time) = time.filter(|_| straight) {
            self.used(contact, bytes_of(report, time)).await;
        }
    }

    /// Of what somebody sends and receives the poorer.
    fn worse_of(&self, contact: ContactId) -> Option<Rung> {
        let sends = self.media.state(contact).and_then(|state| state.sends);
        let both = [sends, self.media.shortage(contact)].into_iter().flatten();
        both.map(|shortage| shortage.rung).max()
    }

    pub(super) async fn still(&mut self, by: By, ask: StillAsk) -> Outcome<StillAnswer> {
        let contact = by.asker.contact;
        if !self.call.is_seated(contact) {
            return Err(Fail::new(ErrorCode::NotInCall, "Join the call first."));
        }
        if self.media.budgets.is_used_up(contact) {
            return Err(Fail::new(ErrorCode::Forbidden, "Your data budget for this call is used up."));
        }
        match ask {
            StillAsk::Put(piece) => {
                let (id, size, bytes) = (piece.id, piece.size, piece.bytes.len());
                let received = self.media.stills.put(self.shared.clock.now(), contact, piece)?;
                if received.whole {
                    let call_id = self.record.call_id;
                    let still = ServerFrame::Still { call_id, contact: contact.0, still_id: id, bytes: size };
                    for (seated, seat) in self.call.seated().into_iter().filter(|(seated, _)| *seated != contact) {
                        self.to_device(seated, seat.device, &still);
                    }
                }
                self.used(contact, whole(bytes)).await;
                Ok(StillAnswer::Received(received))
            }
            StillAsk::Get { of, range, id } => {
                let part = self.media.stills.get(contact, of, range, id)?;
                self.used(contact, whole(part.bytes.len())).await;
                Ok(StillAnswer::Part(part))
            }
        }
    }
}

fn whole(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn wire_rung(rung: farhand_sfu::Rung) -> Option<Rung> {
    match rung {
        farhand_sfu::Rung::Full => None,
        farhand_sfu::Rung::Smaller => Some(Rung::Smaller),
        farhand_sfu::Rung::Slow => Some(Rung::Slow),
        farhand_sfu::Rung::Stills => Some(Rung::Stills),
        farhand_sfu::Rung::Audio => Some(Rung::Audio),
    }
}

/// A client's claim, cut to what a link of a gigabit carries.
fn bytes_of(report: &MediaReport, time: Duration) -> u64 {
    let kbit = [report.kbit_per_second_in, report.kbit_per_second_out].into_iter().flatten();
    let kbit: f64 = kbit.map(|kbit| kbit.clamp(0.0, 1_000_000.0)).sum();
    // A kilobit a second is a bit a millisecond.
    let bytes = Duration::try_from_secs_f64(kbit * time.as_secs_f64() / 8.0).unwrap_or_default();
    u64::try_from(bytes.as_millis()).unwrap_or(u64::MAX)
}
