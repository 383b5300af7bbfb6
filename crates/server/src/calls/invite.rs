//! Inviting people to a call that exists.

use farhand_protocol::{ErrorCode, Problem, call::InviteRequest};
use farhand_store::model::Invitation;

use super::{Answer, Ask, By, Calls, actor::CallActor, resolve};
use crate::{auth::Login, http::Outcome};

impl CallActor {
    pub(super) fn invitation_of(&self, contact: i64) -> Option<&Invitation> {
        self.record.invited.iter().find(|known| known.contact.id == contact)
    }

    /// Somebody who is invited again, by another address or in another language; what is not said stays.
    pub(super) fn changed(&self, again: Invitation) -> Option<Invitation> {
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
