//! Guests' links: written with the call that invites them and with its steps, read when somebody comes with one.

use std::collections::HashMap;

use farhand_domain::time::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Value};

use crate::{
    StoreResult,
    bulk::Bulk,
    calls_write::parse_uuid,
    contacts::read_contacts,
    entity::{
        calls::{call, invitation},
        reach::{call_link, guest_link},
    },
    model::{AcceptedTerms, CallLink, GuestInvitation, GuestLink},
    sql_store::SqlStore,
};

pub(crate) const LINKS: Bulk = Bulk {
    before: "INSERT INTO guest_links (contact_id, call, generation, expires_at, terms_accepted, terms_accepted_at, knock) VALUES ",
    columns: 7,
    after: " ON CONFLICT (contact_id) DO UPDATE SET generation = excluded.generation, expires_at = excluded.expires_at, \
            terms_accepted = excluded.terms_accepted, terms_accepted_at = excluded.terms_accepted_at, knock = excluded.knock",
};

pub(crate) const CALL_LINKS: Bulk = Bulk {
    before: "INSERT INTO call_links (call, generation, expires_at) VALUES ",
    columns: 3,
    after: " ON CONFLICT (call) DO UPDATE SET generation = excluded.generation, expires_at = excluded.expires_at",
};

pub(crate) fn call_link_row(call: i64, link: CallLink) -> [Value; 3] {
    [call.into(), link.generation.into(), link.expires_at.as_millis().into()]
}

pub(crate) fn link_row(call: i64, link: &GuestLink) -> [Value; 7] {
    let accepted = link.accepted.as_ref();
    [
        link.contact_id.into(),
        call.into(),
        link.generation.into(),
        link.expires_at.as_millis().into(),
        accepted.map(|terms| terms.text.clone()).into(),
        accepted.map(|terms| terms.at.as_millis()).into(),
        link.knock.clone().into(),
    ]
}

impl From<guest_link::Model> for GuestLink {
    fn from(row: guest_link::Model) -> Self {
        let accepted = row.terms_accepted.zip(row.terms_accepted_at);
        Self {
            contact_id: row.contact_id,
            generation: row.generation,
            expires_at: Timestamp::from_millis(row.expires_at),
            accepted: accepted.map(|(text, at)| AcceptedTerms { text, at: Timestamp::from_millis(at) }),
            knock: row.knock,
        }
    }
}

/// Those of some calls, in the order of their contacts.
pub(crate) async fn links_of_calls(
    db: &impl ConnectionTrait,
    calls: &[i64],
) -> StoreResult<HashMap<i64, Vec<GuestLink>>> {
    let mut links: HashMap<i64, Vec<GuestLink>> = HashMap::new();
    let of_calls = guest_link::Entity::find().filter(guest_link::Column::Call.is_in(calls.iter().copied()));
    for row in of_calls.all(db).await? {
        links.entry(row.call).or_default().push(row.into());
    }
    for of_call in links.values_mut() {
        of_call.sort_by_key(|link| link.contact_id);
    }
    Ok(links)
}

/// The links to these calls themselves.
pub(crate) async fn call_links(db: &impl ConnectionTrait, calls: &[i64]) -> StoreResult<HashMap<i64, CallLink>> {
    let of_calls = call_link::Entity::find().filter(call_link::Column::Call.is_in(calls.iter().copied()));
    let link = |row: call_link::Model| CallLink {
        generation: row.generation,
        expires_at: Timestamp::from_millis(row.expires_at),
    };
    Ok(of_calls.all(db).await?.into_iter().map(|row| (row.call, link(row))).collect())
}

async fn contact_name(db: &impl ConnectionTrait, contact: i64) -> StoreResult<Option<String>> {
    Ok(read_contacts(db, vec![contact]).await?.remove(&contact).map(|contact| contact.display_name))
}

impl SqlStore {
    pub(crate) async fn read_guest_invitation(&self, contact: i64) -> StoreResult<Option<GuestInvitation>> {
        let txn = self.begin_read().await?;
        let Some(link) = guest_link::Entity::find_by_id(contact).one(&txn).await? else { return Ok(None) };
        let called = invitation::Entity::find()
            .filter(invitation::Column::Call.eq(link.call))
            .filter(invitation::Column::ContactId.eq(contact))
            .one(&txn)
            .await?;
        let call = call::Entity::find_by_id(link.call).one(&txn).await?;
        let Some(call) = call else { return Ok(None) };
        // Whoever asked for help by a public link made the call, and is invited by nobody.
        let made_it = call.creator_id == contact;
        let own_name = if made_it { contact_name(&txn, contact).await? } else { None };
        let Some(display_name) = called.map(|called| called.display_name).or(own_name) else { return Ok(None) };
        txn.commit().await?;
        Ok(Some(GuestInvitation {
            link: link.into(),
            call_id: parse_uuid(&call.call_id)?,
            domain_id: call.domain_id,
            display_name,
            made_it,
            planned_at: call.planned_at.map(Timestamp::from_millis),
            call_ended: call.ended_at.is_some(),
        }))
    }
}
