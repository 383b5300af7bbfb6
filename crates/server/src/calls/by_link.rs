//! A service request of somebody without an account, who came by the public link of a machine: a guest who asks for a call, and has the
//! personal link of it from then on.

use farhand_domain::{
    call::{Call, Terms},
    ids::ContactId,
};
use farhand_protocol::call::{CallReason, CreateCallRequest, TeamRef};
use farhand_store::model::{AcceptedTerms, Domain, GuestLink, NewGuest, RequestOrigin};
use uuid::Uuid;

use super::{Calls, create::new_record, guests::TERMS_ACCEPTED, log, requests::NOTE, resolve, rows};
use crate::{
    auth,
    http::{Fail, Outcome},
};

pub const REQUESTED_BY_LINK: &str = "RequestedByLink";

/// What somebody asks for who stands in front of a machine.
pub struct LinkOrder<'a> {
    pub domain: &'a Domain,
    pub title: String,
    pub teams: Vec<TeamRef>,
    pub display_name: String,
    pub origin: RequestOrigin,
    /// What is wrong.
    pub text: Option<String>,
    /// The version of the terms that were accepted.
    pub terms: Option<String>,
}

impl Calls {
    /// The call, and the personal link of whoever asked. To be carried through: whoever gives it up on the way may leave behind a call that is in
    /// no queue.
    pub async fn create_by_link(&self, order: LinkOrder<'_>) -> Outcome<(Uuid, auth::GuestLink)> {
        let shared = &self.shared;
        let LinkOrder { domain, title, teams, display_name, origin, text, terms: accepted } = order;
        let now = shared.clock.now();
        let resolver = shared.resolver(resolve::Terms {
            domain_id: domain.id,
            domain: &domain.name,
            // No user has this id.
            caller: 0,
            creator: 0,
            brokered: false,
            stored: false,
            queued: true,
            at: now,
            now,
        });
        let resolved = resolver.resolve(&[], &teams).await?;
        let guest = shared.store.create_guests(&[NewGuest { domain_id: domain.id, display_name }]).await?.pop();
        let guest = guest.ok_or_else(|| Fail::internal("the store made no contact"))?;
        let contact = ContactId(guest.id);
        let request = CreateCallRequest {
            call_title: Some(title),
            call_reason: CallReason::ServiceRequest,
            ..CreateCallRequest::default()
        };
        let terms = Terms {
            technology: log::technology(request.call_type),
            creator: contact,
            maker: contact,
            brokered: false,
            popup: request.inform_others_directly,
            planned_at: None,
            created_at: now,
            request: shared.new_request(domain.id, &resolved, now).await?,
        };
        let (call, effects) = Call::create(&shared.policy, now, terms, &resolved.ask, None);
        let mut record = new_record(&request, resolved, guest.clone(), guest, &call, now);
        let link = GuestLink {
            contact_id: contact.0,
            generation: 1,
            expires_at: shared.expiry(None, now),
            accepted: accepted.clone().map(|text| AcceptedTerms { text, at: now }),
            knock: None,
        };
        let own = auth::GuestLink::from(&link);
        record.guest_links.push(link);
        let told = [
            Some((REQUESTED_BY_LINK, origin.name.clone())),
            accepted.map(|_| (TERMS_ACCEPTED, String::new())),
            text.map(|text| (NOTE, text)),
        ];
        for (kind, words) in told.into_iter().flatten() {
            let mut row = rows::text(record.history.len(), now, (kind, contact, words));
            row.reason = row.reason.filter(|words| !words.is_empty());
            record.history.push(row);
        }
        record.origin = Some(origin);
        let made = shared.complete(record, call, effects, now).await?;
        let call_id = made.record.call_id;
        self.save_new(None, made, None, None).await?;
        Ok((call_id, own))
    }
}
