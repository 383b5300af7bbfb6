//! Inviting people to a call that exists.

use farhand_protocol::{ErrorCode, Problem, call::InviteRequest};

use super::{Answer, Ask, By, Calls, resolve};
use crate::{auth::Login, http::Outcome};

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
