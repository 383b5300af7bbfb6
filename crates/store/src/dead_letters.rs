//! Messages that were not sent, or may not have been, for those who can do something about it.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use crate::{
    StoreResult,
    bulk::id_lists,
    deliveries::complete,
    entity::{calls::call, people::contact, reach::delivery},
    model::{DeadLetter, Delivery},
    sql_store::SqlStore,
};

/// As the index has them, so that it is used.
const DEAD: &str = "state IN ('failed', 'uncertain', 'expired')";

impl SqlStore {
    pub(crate) async fn dead(&self, domain: i64, again: &str, most: u64) -> StoreResult<Vec<DeadLetter>> {
        let db = &self.reader;
        let rows = delivery::Entity::find()
            .filter(delivery::Column::DomainId.eq(domain))
            .filter(Expr::cust(DEAD))
            .order_by_desc(delivery::Column::NextAt)
            .limit(most);
        let rows = rows.all(db).await?;
        let positions: Vec<_> = rows.iter().map(|row| row.position).collect();
        let dead = complete(db, rows).await?;
        let calls = calls(db, &dead).await?;
        let names = names(db, &dead).await?;
        let last = last_of_kind(db, again, &dead).await?;
        let shown = dead.into_iter().zip(positions).filter_map(|((call, delivery), position)| {
            // A call that was deleted meanwhile takes its messages along.
            let (call_title, call_ended) = calls.get(&call)?.clone();
            let display_name = names.get(&delivery.contact_id).cloned().unwrap_or_default();
            let sent_again = last.get(&place(call, &delivery)).is_some_and(|last| *last > position);
            Some(DeadLetter { delivery, call_title, call_ended, display_name, sent_again })
        });
        Ok(shown.collect())
    }
}

type Place = (i64, i64, String, String);

/// Where a message goes: to this person, by this address.
fn place(call: i64, delivery: &Delivery) -> Place {
    (call, delivery.contact_id, delivery.channel.name().to_owned(), delivery.address.clone())
}

/// Title, and whether it has ended.
async fn calls(db: &impl ConnectionTrait, dead: &[(i64, Delivery)]) -> StoreResult<HashMap<i64, (String, bool)>> {
    let mut found = HashMap::new();
    for ids in id_lists(dead.iter().map(|(call, _)| *call).collect()) {
        let rows = call::Entity::find()
            .select_only()
            .columns([call::Column::Id, call::Column::Title, call::Column::EndedAt])
            .filter(call::Column::Id.is_in(ids));
        let rows: Vec<(i64, String, Option<i64>)> = rows.into_tuple().all(db).await?;
        found.extend(rows.into_iter().map(|(id, title, ended)| (id, (title, ended.is_some()))));
    }
    Ok(found)
}

async fn names(db: &impl ConnectionTrait, dead: &[(i64, Delivery)]) -> StoreResult<HashMap<i64, String>> {
    let mut found = HashMap::new();
    for ids in id_lists(dead.iter().map(|(_, delivery)| delivery.contact_id).collect()) {
        let rows = contact::Entity::find()
            .select_only()
            .columns([contact::Column::Id, contact::Column::DisplayName])
            .filter(contact::Column::Id.is_in(ids));
        let rows: Vec<(i64, String)> = rows.into_tuple().all(db).await?;
        found.extend(rows);
    }
    Ok(found)
}

/// The position of the last message of that kind to each place.
async fn last_of_kind(
    db: &impl ConnectionTrait,
    kind: &str,
    dead: &[(i64, Delivery)],
) -> StoreResult<HashMap<Place, i64>> {
    use delivery::Column::{Address, Call, Channel, ContactId, Kind, Position};
    let mut last = HashMap::new();
    for ids in id_lists(dead.iter().map(|(call, _)| *call).collect()) {
        let rows = delivery::Entity::find()
            .select_only()
            .columns([Call, ContactId, Channel, Address, Position])
            .filter(Call.is_in(ids))
            .filter(Kind.eq(kind))
            .order_by_asc(Position);
        let rows: Vec<(i64, i64, String, String, i64)> = rows.into_tuple().all(db).await?;
        last.extend(
            rows.into_iter().map(|(call, contact, channel, address, at)| ((call, contact, channel, address), at)),
        );
    }
    Ok(last)
}
