//! How service requests wait for teams.

use farhand_store::model::{NewTeam, Team, TeamQueue};

use crate::support::{Db, assert_constraint};

/// Two teams of one domain, and one of another.
async fn teams(db: &Db) -> (Team, Team, Team) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let named = |name: &str| NewTeam { name: name.to_owned(), ..NewTeam::default() };
    let day = db.store.create_team(acme.id, &named("day")).await.unwrap();
    let night = db.store.create_team(acme.id, &named("night")).await.unwrap();
    (day, night, db.store.create_team(other.id, &named("day")).await.unwrap())
}

fn escalating(team: &Team, to: &Team) -> TeamQueue {
    TeamQueue { team_id: team.id, escalate_to: Some(to.id), escalate_seconds: Some(90), expire_seconds: Some(3_600) }
}

async fn what_is_set_for_a_team_is_read_in_its_domain_and_replaced_by_the_next(db: &Db) {
    let (day, night, there) = teams(db).await;
    assert_eq!(db.store.team_queues(day.domain_id).await.unwrap(), []);
    let version = db.store.directory_version().await.unwrap();

    db.store.set_team_queue(&escalating(&day, &night)).await.unwrap();

    assert_eq!(db.store.team_queues(day.domain_id).await.unwrap(), [escalating(&day, &night)]);
    assert_eq!(db.store.team_queues(there.domain_id).await.unwrap(), []);
    assert!(db.store.directory_version().await.unwrap() > version, "caches notice it");
    let plain = TeamQueue { team_id: day.id, ..TeamQueue::default() };
    db.store.set_team_queue(&plain).await.unwrap();
    assert_eq!(db.store.team_queues(day.domain_id).await.unwrap(), [plain]);
}

async fn a_team_that_is_deleted_takes_its_settings_with_it_and_is_nobodys_escalation(db: &Db) {
    let (day, night, _) = teams(db).await;
    db.store.set_team_queue(&escalating(&day, &night)).await.unwrap();
    db.store.set_team_queue(&TeamQueue { team_id: night.id, ..TeamQueue::default() }).await.unwrap();

    assert!(db.store.delete_team(night.id).await.unwrap());

    let left = TeamQueue { escalate_to: None, ..escalating(&day, &night) };
    assert_eq!(db.store.team_queues(day.domain_id).await.unwrap(), [left]);
}

async fn nothing_is_set_for_a_team_that_is_not_there(db: &Db) {
    let (day, night, there) = teams(db).await;
    let missing = there.id + 1;
    assert_constraint(db.store.set_team_queue(&TeamQueue { team_id: missing, ..TeamQueue::default() }).await);
    let nowhere = TeamQueue { escalate_to: Some(missing), ..escalating(&day, &night) };
    assert_constraint(db.store.set_team_queue(&nowhere).await);
}

contract!(
    what_is_set_for_a_team_is_read_in_its_domain_and_replaced_by_the_next,
    a_team_that_is_deleted_takes_its_settings_with_it_and_is_nobodys_escalation,
    nothing_is_set_for_a_team_that_is_not_there,
);
