//! Inviting people to a call that exists.

use farhand_domain::{
    call::{Event, Place},
    ids::ContactId,
};
use farhand_protocol::{ErrorCode, Problem, call::InviteRequest};
use farhand_store::model::{Delivery, Invitation, InvitedTeam};

use super::{
    Answer, Ask, By, Calls, Shared,
    actor::CallActor,
    change::Extra,
    reaching::{Reachable, Step},
    refusal::allowed,
    resolve::{self, Resolved},
    schedule,
};
use crate::{
    auth::Login,
    http::{Fail, Outcome},
};

impl CallActor {
    pub(super) async fn invite(&mut self, by: By, resolved: Resolved) -> Result<(), Fail> {
        allowed(by.asker.may_invite(&self.call), "Only people in the call may invite others.")?;
        let Resolved { invited, teams, mut ask, notes } = resolved;
        ask.people.retain(|invitee| invitee.contact != self.call.creator());
        self.learn_names(&ask.successors).await;
        let known_team = |team: &InvitedTeam| self.record.teams.iter().any(|known| known.id == team.id);
        let (known, invited): (Vec<_>, Vec<_>) =
            invited.into_iter().partition(|invitation| self.invitation_of(invitation.contact.id).is_some());
        let changed_invited = known.into_iter().filter_map(|again| self.changed(again)).collect();
        let now = self.shared.clock.now();
        let guest_links = self.shared.links(&invited, self.record.planned_at, now);
        let extra = Extra {
            guest_links,
            invited,
            changed_invited,
            teams: teams.into_iter().filter(|team| !known_team(team)).collect(),
            team_notes: notes,
            ..Extra::default()
        };
        self.step(Event::Invite(ask), extra).await
    }

    fn invitation_of(&self, contact: i64) -> Option<&Invitation> {
        self.record.invited.iter().find(|known| known.contact.id == contact)
    }

    /// Somebody who is invited again, by another address or in another language; what is not said stays.
    fn changed(&self, again: Invitation) -> Option<Invitation> {
        let known = self.invitation_of(again.contact.id)?;
        let changed = Invitation {
            email: again.email.or(known.email.clone()),
            phone: again.phone.or(known.phone.clone()),
            language: again.language.or(known.language.clone()),
            ..known.clone()
        };
        (changed != *known).then_some(changed)
    }
}

impl Calls {
    pub async fn invite(&self, login: &Login, by: By, request: &InviteRequest) -> Outcome<Answer> {
        if request.invited_contacts.is_empty() && request.invited_teams.is_empty() {
            let detail = "Name at least one contact or team.";
            return Err(Problem::new(ErrorCode::InvalidField, detail).at("/invitedContacts").into());
        }
        let shared = &self.shared;
        let call_id = request.call_id;
        // Read first: whoever may not see the call must not learn whom the domain knows.
        let known = self.ask(call_id, by, Ask::Read).await?.record;
        let now = shared.clock.now();
        let resolver = shared.resolver(resolve::Terms {
            domain_id: login.user.domain_id,
            domain: &login.user.domain,
            caller: known.maker.user_id.unwrap_or_default(),
            creator: known.creator.user_id.unwrap_or_default(),
            brokered: known.maker.id != known.creator.id,
            stored: known.stored_addresses,
            queued: false,
            at: known.planned_at.unwrap_or(now).max(now),
            now,
        });
        let resolved = resolver.resolve(&request.invited_contacts, &request.invited_teams).await?;
        self.ask(call_id, by, Ask::Invite(Box::new(resolved))).await
    }
}

impl Shared {
    /// To the new addresses of somebody who rings already, or waits for a planned call.
    pub(super) fn messages_anew(&self, step: &Step<'_>, to: &Invitation, person: &Reachable) -> Vec<Delivery> {
        let contact = ContactId(to.contact.id);
        let messages = match step.next.place(contact) {
            Some(Place::Ringing { until }) => {
                self.ring_messages(step, contact, person, person.ways.quiet(step.now), until)
            }
            Some(Place::Waiting) if step.is_for_later() => self.planned_messages(step, to, person),
            Some(
                Place::Waiting
                | Place::Unanswered
                | Place::Seated(_)
                | Place::Declined
                | Place::Missed
                | Place::Silenced
                | Place::Left,
            )
            | None => Vec::new(),
        };
        messages.into_iter().filter(|message| !step.has_heard_there(message)).collect()
    }
}

impl Step<'_> {
    /// This message goes to an address that the person was invited by before, or that the request did not name.
    fn has_heard_there(&self, message: &Delivery) -> bool {
        let named = self.invitation(ContactId(message.contact_id)).is_some_and(|to| is_at(to, &message.address));
        let before = self.record.invited.iter().find(|to| to.contact.id == message.contact_id);
        let known = before.is_some_and(|to| is_at(to, &message.address));
        let told = self.record.deliveries.iter().any(|had| {
            (had.contact_id, had.channel, &had.address) == (message.contact_id, message.channel, &message.address)
                && schedule::tells(had)
        });
        !named || known || told
    }
}

fn is_at(to: &Invitation, address: &str) -> bool {
    [&to.email, &to.phone].into_iter().any(|given| given.as_deref() == Some(address))
}
