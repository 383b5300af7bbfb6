//! Named groups of a tenant's users.

use std::collections::{BTreeMap, HashSet};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, sea_query::Expr,
};

use crate::{
    StoreError, StoreResult,
    entity::people::{team, team_member, user},
    model::{NewTeam, Team},
    sql_store::SqlStore,
};

impl SqlStore {
    pub(crate) async fn insert_team(&self, domain_id: i64, new: &NewTeam) -> StoreResult<Team> {
        let txn = self.begin_directory_write().await?;
        let row = team::ActiveModel {
            domain_id: Set(domain_id),
            name: Set(new.name.clone()),
            settings: Set(new.settings.clone()),
            next_team: Set(new.next),
            ..Default::default()
        };
        let row = row.insert(&txn).await?;
        check_next(&txn, &row).await?;
        let members = insert_members(&txn, &row, &new.members).await?;
        txn.commit().await?;
        Ok(to_team(row, members))
    }

    pub(crate) async fn update_team(&self, id: i64, new: &NewTeam) -> StoreResult<Option<Team>> {
        let txn = self.begin_directory_write().await?;
        let Some(row) = team::Entity::find_by_id(id).one(&txn).await? else {
            return Ok(None);
        };
        let mut row: team::ActiveModel = row.into();
        row.name = Set(new.name.clone());
        row.settings = Set(new.settings.clone());
        row.next_team = Set(new.next);
        let row = row.update(&txn).await?;
        check_next(&txn, &row).await?;
        team_member::Entity::delete_many().filter(team_member::Column::TeamId.eq(id)).exec(&txn).await?;
        let members = insert_members(&txn, &row, &new.members).await?;
        txn.commit().await?;
        Ok(Some(to_team(row, members)))
    }

    pub(crate) async fn remove_team(&self, id: i64) -> StoreResult<bool> {
        let txn = self.begin_directory_write().await?;
        let deleted = team::Entity::delete_by_id(id).exec(&txn).await?;
        if deleted.rows_affected == 0 {
            return Ok(false);
        }
        team::Entity::update_many()
            .col_expr(team::Column::NextTeam, Expr::value(Option::<i64>::None))
            .filter(team::Column::NextTeam.eq(id))
            .exec(&txn)
            .await?;
        txn.commit().await?;
        Ok(true)
    }

    pub(crate) async fn read_teams(&self, domain: i64) -> StoreResult<Vec<Team>> {
        let txn = self.begin_read().await?;
        let rows = team::Entity::find()
            .filter(team::Column::DomainId.eq(domain))
            .order_by_asc(team::Column::Id)
            .all(&txn)
            .await?;
        let of_domain = team_member::Entity::find()
            .inner_join(team::Entity)
            .filter(team::Column::DomainId.eq(domain))
            .order_by_asc(team_member::Column::Position)
            .order_by_asc(team_member::Column::UserId)
            .all(&txn)
            .await?;
        txn.commit().await?;
        let mut members: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for row in of_domain {
            members.entry(row.team_id).or_default().push(row.user_id);
        }
        Ok(rows
            .into_iter()
            .map(|row| (members.remove(&row.id).unwrap_or_default(), row))
            .map(|(m, r)| to_team(r, m))
            .collect())
    }
}

fn to_team(row: team::Model, members: Vec<i64>) -> Team {
    let team::Model { id, domain_id, name, settings, next_team } = row;
    Team { id, domain_id, name, members, settings, next: next_team }
}

/// The next team is one of the same domain, and the way from one to the next comes to an end.
async fn check_next(db: &impl ConnectionTrait, team: &team::Model) -> StoreResult<()> {
    let of_domain = team::Entity::find().filter(team::Column::DomainId.eq(team.domain_id)).all(db).await?;
    let next_of: BTreeMap<_, _> = of_domain.into_iter().map(|team| (team.id, team.next_team)).collect();
    let (mut at, mut seen) = (team.next_team, HashSet::from([team.id]));
    while let Some(id) = at {
        let Some(next) = next_of.get(&id) else {
            return Err(StoreError::Constraint("the next team is not of the domain".to_owned()));
        };
        if !seen.insert(id) {
            return Err(StoreError::Constraint("teams follow each other in a circle".to_owned()));
        }
        at = *next;
    }
    Ok(())
}

/// Returns the members in order, each once. All must be users of the team's own domain: a team is a way to ring people.
async fn insert_members(db: &impl ConnectionTrait, team: &team::Model, members: &[i64]) -> StoreResult<Vec<i64>> {
    let mut seen = HashSet::new();
    let members: Vec<i64> = members.iter().copied().filter(|user| seen.insert(*user)).collect();
    if members.is_empty() {
        return Ok(members);
    }
    let known = user::Entity::find()
        .filter(user::Column::Id.is_in(members.iter().copied()))
        .filter(user::Column::DomainId.eq(team.domain_id))
        .count(db)
        .await?;
    if usize::try_from(known) != Ok(members.len()) {
        return Err(StoreError::Constraint("a member is no user of the team's domain".to_owned()));
    }
    let rows = (0..).zip(&members).map(|(position, user)| team_member::ActiveModel {
        team_id: Set(team.id),
        user_id: Set(*user),
        position: Set(position),
    });
    team_member::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(members)
}
