//! Promises to call back that have come due: whoever may keep one, and whoever made it, is told on the open pages, and on closed ones by a
//! browser or a letter that says so and does not ring. Once: what is shown stays in the queue until somebody has kept it.

use farhand_domain::{
    call::{Call, Effect, Note},
    delivery::Channel,
    ids::ContactId,
    reach,
};
use farhand_protocol::{WireTime, frame::ServerFrame};
use farhand_store::model::{Contact, Delivery, Invitation};

use super::{
    Shared,
    actor::CallActor,
    log,
    reaching::{Reachable, Step, is_wanted},
};
use crate::{
    http::Outcome,
    notify::{Inviting, Kind, Wanted},
    reach::uses_stored,
};

impl Shared {
    /// Those who are to keep the promise that comes due with this step.
    pub(super) async fn keepers(&self, step: &Step<'_>) -> Outcome<Vec<Contact>> {
        let Some(promiser) = due(step.effects) else { return Ok(Vec::new()) };
        let mut keepers: Vec<Contact> = Vec::new();
        for team in self.directory.teams(step.record.domain_id).await?.iter() {
            if step.next.claimable_by().any(|id| id.0 == team.id) {
                keepers.extend(self.directory.contacts(&team.members).await?);
            }
        }
        keepers.extend(step.record.invited.iter().map(|invitation| invitation.contact.clone()));
        keepers.extend(log::known_contact(step.record, promiser.0).cloned());
        let mut seen = Vec::new();
        keepers.retain(|keeper| {
            // Whoever asked for help waits for the call, whoever promised it.
            let helps = keeper.user_id.is_some() && keeper.id != step.next.creator().0;
            let fresh = helps && !seen.contains(&keeper.id);
            seen.push(keeper.id);
            fresh
        });
        Ok(keepers)
    }

    /// To those of them who have not got the page open. Addresses are those of their accounts, unless the domain does not want that.
    pub(super) async fn call_back_messages(&self, step: &Step<'_>, keepers: &[Contact]) -> Outcome<Vec<Delivery>> {
        let Some(request) = step.next.request().filter(|_| !keepers.is_empty()) else { return Ok(Vec::new()) };
        let domain = self.directory.domain(step.record.domain_id).await?;
        let stored = uses_stored(domain.as_deref(), true);
        let told = keepers.iter().filter(|_| step.next.state().terms.popup);
        let users: Vec<i64> = told.filter_map(|keeper| keeper.user_id).collect();
        let mut browsers = self.browsers(&users, step.now).await?;
        let mut messages = Vec::new();
        for keeper in keepers {
            let mut person = Reachable::find(&self.directory, domain.as_deref(), keeper.user_id).await?;
            person.browsers = keeper.user_id.and_then(|user| browsers.remove(&user)).unwrap_or_default();
            let quiet = person.ways.quiet(step.now);
            let to = Invitation {
                display_name: keeper.display_name.clone(),
                contact: keeper.clone(),
                email: None,
                phone: None,
                language: None,
            };
            for message in person.messages(None, None, stored) {
                let channel = message.target.channel();
                // A text costs money, and nobody waits for it on the line.
                if channel == Channel::Sms || !self.notify.has(channel) || !is_wanted(&self.notify, &message) {
                    continue;
                }
                let wanted = Wanted {
                    to: &to,
                    link: None,
                    kind: Kind::CallBack,
                    channel,
                    address: message.address,
                    at: step.now + message.after,
                    not_after: request.expires_at,
                    language: person.ways.language(None),
                    held_back: quiet.filter(|_| reach::disturbs(channel)),
                };
                let inviting = Inviting { plan: None, ..step.inviting(self.policy.open) };
                messages.push(self.notify.delivery(&inviting, &wanted));
            }
        }
        Ok(messages)
    }
}

/// Who promised what has come due.
fn due(effects: &[Effect]) -> Option<ContactId> {
    effects.iter().find_map(|effect| match effect {
        Effect::Note { note: Note::CallBackDue, contact } => Some(*contact),
        Effect::Note { .. } | Effect::Log { .. } | Effect::SeatMoved { .. } => None,
    })
}

/// Somebody has still to keep it.
pub(super) fn is_owed(call: &Call) -> bool {
    call.waits_for_a_claim() && call.request().is_some_and(|request| request.promise.is_some())
}

impl CallActor {
    /// On the pages that are open.
    pub(super) fn tell_keepers(&self, keepers: &[Contact]) {
        let Some(promise) = self.call.request().and_then(|request| request.promise) else { return };
        let frame = ServerFrame::CallBackDue {
            call_id: self.record.call_id,
            call_title: self.record.title.clone(),
            from: log::contact(&self.record.creator),
            call_back_date_time: WireTime(promise.due),
        };
        for session in keepers.iter().flat_map(|keeper| self.shared.hub.sessions_of(ContactId(keeper.id))) {
            session.send(frame.clone());
        }
    }
}
