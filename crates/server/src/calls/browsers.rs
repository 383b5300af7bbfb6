//! Browsers that ring while their pages are closed: which ones a ring is for, and that they are told when it is over.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    time::Duration,
};

use farhand_domain::{
    call::{Effect, Note, Place, RingEnd},
    delivery::{Channel, State},
    ids::ContactId,
    time::Timestamp,
};
use farhand_store::model::{CallRecord, Delivery, Invitation};

use super::{Shared, log, reaching::Step};
use crate::{
    http::Outcome,
    notify::{Facts, Inviting, Kind, Wanted},
};

/// How long a browser that shows a ring which is over is tried to be told so: a device that comes back later shows it until somebody looks.
const OVER_FOR: Duration = Duration::from_hours(1);

impl Shared {
    /// What rings for these people while its page is closed.
    pub(super) async fn browsers(&self, users: &[i64], now: Timestamp) -> Outcome<HashMap<i64, Vec<String>>> {
        let mut browsers: HashMap<_, Vec<_>> = HashMap::new();
        if users.is_empty() || !self.notify.has(Channel::Push) {
            return Ok(browsers);
        }
        for browser in self.store.pushes_of_users(users, now).await? {
            browsers.entry(browser.user_id).or_default().push(browser.name);
        }
        Ok(browsers)
    }

    /// To browsers that show a ring which ends with this step.
    pub(super) fn ring_end_messages(&self, step: &Step<'_>) -> Vec<Delivery> {
        let mut messages = Vec::new();
        for (contact, end) in ring_ends(step) {
            let Some(to) = step.addressee(contact) else { continue };
            for shown in shown_rings(step.record, contact) {
                let wanted = Wanted {
                    to: &to,
                    link: None,
                    kind: Kind::RingEnd,
                    channel: Channel::Push,
                    address: &shown.address,
                    at: step.now,
                    not_after: step.now + OVER_FOR,
                    language: None,
                    held_back: None,
                };
                let rang = Facts::of(shown).ok();
                let inviting = step.inviting(self.policy.open);
                let from = rang.as_ref().map_or(inviting.from, |facts| &facts.from);
                let inviting = Inviting { plan: None, from, ..inviting };
                messages.push(self.notify.ring_end(&inviting, &wanted, log::ring_end_name(end)));
            }
        }
        messages
    }
}

impl Step<'_> {
    /// Whether somebody's ring pops up: the creator's always does, because somebody is in the call and waits.
    pub(super) fn pops_up(&self, contact: ContactId) -> bool {
        self.next.state().terms.popup || contact == self.next.creator()
    }

    /// Whoever can be rung: those who are invited, and whom the call was made for.
    pub(super) fn addressee(&self, contact: ContactId) -> Option<Cow<'_, Invitation>> {
        let creator = || Invitation::of(self.record.creator.clone());
        let own = || (contact == self.next.creator()).then(|| Cow::Owned(creator()));
        self.invitation(contact).map(Cow::Borrowed).or_else(own)
    }
}

/// Whose ring ends, and how.
fn ring_ends(step: &Step<'_>) -> Vec<(ContactId, RingEnd)> {
    let ended = step.effects.iter().filter_map(|effect| match effect {
        Effect::Note { note: Note::RingEnded(end), contact } => Some((*contact, *end)),
        Effect::Note { .. } | Effect::Log { .. } | Effect::SeatMoved { .. } => None,
    });
    ended.filter(|(contact, _)| !matches!(step.next.place(*contact), Some(Place::Ringing { .. }))).collect()
}

/// The last message to each of somebody's browsers, where it has made it ring or may have.
fn shown_rings(record: &CallRecord, contact: ContactId) -> Vec<&Delivery> {
    let mut seen = HashSet::new();
    let pushes = record.deliveries.iter().rev();
    let pushes = pushes.filter(|push| push.contact_id == contact.0 && push.channel == Channel::Push);
    let last = pushes.filter(|push| seen.insert(&push.address));
    last.filter(|push| push.kind == Kind::Ring.name() && push.state.is_out() && push.state != State::Failed).collect()
}
