//! Tenants, users and teams.

use farhand_store::model::{Budget, Domain, DomainChange, NewTeam, NewUser, Team, UserChange};
use sea_orm::ConnectionTrait as _;

use crate::support::{Db, assert_constraint, assert_corrupt, new_user};

async fn domains_are_found_by_their_unique_names(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);

    assert_eq!(db.store.domains().await.unwrap(), [acme.clone(), other]);
    assert_eq!(db.store.domain_by_name("acme").await.unwrap(), Some(acme));
    assert_eq!(db.store.domain_by_name("ACME").await.unwrap(), None);
    assert_constraint(db.store.create_domain("acme").await);
}

async fn guests_can_be_forbidden_in_one_domain(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    assert!(acme.guests_allowed);

    let refused = DomainChange { guests_allowed: Some(false), ..DomainChange::default() };
    let changed = db.store.change_domain(acme.id, refused.clone()).await.unwrap().unwrap();

    assert!(!changed.guests_allowed);
    assert_eq!(db.store.domains().await.unwrap(), [changed, other.clone()]);
    assert_eq!(db.store.change_domain(other.id + 1, refused).await.unwrap(), None);
}

async fn a_budget_is_set_for_a_domain_and_for_a_user_and_cleared(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let ada = db.user(&acme, "ada").await;
    assert_eq!((acme.budget, ada.budget), (Budget::default(), Budget::default()));
    let budget = Budget { kbit: Some(300), megabytes: Some(50) };

    let change = DomainChange { budget: Some(budget), ..DomainChange::default() };
    let changed = db.store.change_domain(acme.id, change).await.unwrap().unwrap();
    assert_eq!(changed, Domain { budget, ..acme.clone() });
    assert_eq!(db.store.domains().await.unwrap(), [changed, other]);
    let half = Budget { kbit: None, ..budget };
    let change = UserChange { budget: Some(half), ..UserChange::default() };
    db.store.change_user(ada.id, &change).await.unwrap();
    let name = UserChange { display_name: Some("Ada".to_owned()), ..UserChange::default() };
    db.store.change_user(ada.id, &name).await.unwrap();
    assert_eq!(db.store.user(ada.id).await.unwrap().unwrap().budget, half, "not touched by other changes");

    let none = DomainChange { budget: Some(Budget::default()), ..DomainChange::default() };
    assert_eq!(db.store.change_domain(acme.id, none).await.unwrap(), Some(acme));
}

async fn how_people_are_reached_is_set_for_a_domain_and_for_a_user_and_cleared(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let (ada, ben) = (db.user(&acme, "ada").await, db.user(&acme, "ben").await);
    assert_eq!((&acme.reach, &ada.reach), (&None, &None));
    let text = |text: &str| Some(Some(text.to_owned()));

    let change = DomainChange { reach: text("ours"), ..DomainChange::default() };
    let changed = db.store.change_domain(acme.id, change).await.unwrap().unwrap();
    assert_eq!(changed, Domain { reach: Some("ours".to_owned()), ..acme.clone() });
    let untouched = db.store.change_domain(acme.id, DomainChange::default()).await.unwrap();
    assert_eq!(untouched, Some(changed.clone()));
    assert_eq!(db.store.domains().await.unwrap(), [changed, other]);

    db.store.change_user(ada.id, &UserChange { reach: text("mine"), ..UserChange::default() }).await.unwrap();
    db.store.change_user(ada.id, &UserChange::default()).await.unwrap();
    assert_eq!(db.store.user(ada.id).await.unwrap().unwrap().reach.as_deref(), Some("mine"));
    assert_eq!(db.store.user(ben.id).await.unwrap().unwrap().reach, None);
    let cleared = UserChange { reach: Some(None), ..UserChange::default() };
    assert_eq!(db.store.change_user(ada.id, &cleared).await.unwrap().unwrap().reach, None);
    let cleared = DomainChange { reach: Some(None), ..DomainChange::default() };
    assert_eq!(db.store.change_domain(acme.id, cleared).await.unwrap(), Some(acme));
}

async fn a_user_reads_back_as_created(db: &Db) {
    let domain = db.domain("acme").await;
    let new = NewUser {
        display_name: "Ada 🛠".to_owned(),
        email: Some("ada@example.org".to_owned()),
        phone: Some("+49 1".to_owned()),
        password_hash: Some("$argon2id$".to_owned()),
        roles: vec!["rtc user".to_owned(), "admin,\"quoted\"".to_owned()],
        operator: true,
        ..new_user(&domain, "ada")
    };

    let user = db.store.create_user(&new).await.unwrap();

    assert_eq!((user.domain_id, user.domain.as_str(), user.login.as_str()), (domain.id, "acme", "ada"));
    assert_eq!((&user.display_name, &user.email, &user.phone), (&new.display_name, &new.email, &new.phone));
    assert_eq!((&user.password_hash, &user.roles), (&new.password_hash, &new.roles));
    assert!(user.operator && !user.disabled);
    assert!(db.store.user(user.id).await.unwrap() == Some(user.clone()));
    assert!(db.store.user_by_login("acme", "ada").await.unwrap() == Some(user.clone()));
    assert!(db.store.user(user.id + 1).await.unwrap().is_none());
}

async fn a_login_belongs_to_its_domain(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let (here, there) = (db.user(&acme, "ada").await, db.user(&other, "ada").await);
    let ben = db.user(&acme, "ben").await;

    assert_constraint(db.store.create_user(&new_user(&acme, "ada")).await);
    assert!(db.store.user_by_login("other", "ada").await.unwrap() == Some(there.clone()));
    assert!(db.store.user_by_login("other", "ben").await.unwrap().is_none());
    assert!(db.store.users(acme.id).await.unwrap() == [here, ben]);
    assert!(db.store.users(other.id).await.unwrap() == [there]);
}

async fn a_user_needs_a_domain(db: &Db) {
    let mut domain = db.domain("acme").await;
    domain.id += 1;
    assert_constraint(db.store.create_user(&new_user(&domain, "ada")).await);
}

async fn a_fixed_id_is_kept_and_later_users_get_others(db: &Db) {
    let domain = db.domain("acme").await;
    let with_id = |id, login| NewUser { id: Some(id), ..new_user(&domain, login) };

    assert_eq!(db.store.create_user(&with_id(7, "seven")).await.unwrap().id, 7);
    assert_eq!(db.store.create_user(&with_id(5, "five")).await.unwrap().id, 5);
    assert_eq!(db.user(&domain, "next").await.id, 8);
    assert_constraint(db.store.create_user(&with_id(7, "again")).await);
}

async fn a_change_touches_only_what_it_names(db: &Db) {
    let domain = db.domain("acme").await;
    let new = NewUser { email: Some("a@b".to_owned()), phone: Some("1".to_owned()), ..new_user(&domain, "ada") };
    let mut expected = db.store.create_user(&new).await.unwrap();
    let bystander = db.user(&domain, "ben").await;

    let nothing = db.store.change_user(expected.id, &UserChange::default()).await.unwrap();
    assert!(nothing == Some(expected.clone()));

    let change = UserChange { email: Some(None), disabled: Some(true), ..UserChange::default() };
    (expected.email, expected.disabled) = (None, true);
    assert!(db.store.change_user(expected.id, &change).await.unwrap() == Some(expected.clone()));

    let change = UserChange {
        display_name: Some("Ada".to_owned()),
        email: Some(Some("c@d".to_owned())),
        phone: Some(None),
        password_hash: Some("hash".to_owned()),
        roles: Some(vec!["admin".to_owned()]),
        operator: Some(true),
        disabled: Some(false),
        budget: None,
        renew_calendar: true,
        reach: Some(None),
    };
    "Ada".clone_into(&mut expected.display_name);
    (expected.email, expected.phone) = (Some("c@d".to_owned()), None);
    expected.password_hash = Some("hash".to_owned());
    expected.roles = vec!["admin".to_owned()];
    (expected.operator, expected.disabled) = (true, false);
    expected.calendar_generation = 1;
    assert!(db.store.change_user(expected.id, &change).await.unwrap() == Some(expected.clone()));

    assert!(db.store.users(domain.id).await.unwrap() == [expected.clone(), bystander.clone()]);
    assert!(db.store.change_user(bystander.id + 1, &change).await.unwrap().is_none());
}

async fn roles_that_cannot_be_read_are_corrupt(db: &Db) {
    let user = db.user(&db.domain("acme").await, "ada").await;
    db.raw().await.execute_unprepared("UPDATE users SET roles = 'admin'").await.unwrap();
    assert_corrupt(db.store.user(user.id).await);
}

fn named(name: &str, members: &[i64]) -> NewTeam {
    NewTeam { name: name.to_owned(), members: members.to_vec(), ..NewTeam::default() }
}

async fn a_team_keeps_the_order_of_its_members_and_how_it_is_rung(db: &Db) {
    let domain = db.domain("acme").await;
    let mut users = Vec::new();
    for login in ["ada", "ben", "cleo"] {
        users.push(db.user(&domain, login).await.id);
    }
    let [ada, ben, cleo] = users[..] else { panic!("three users") };
    let new = NewTeam { settings: Some("{}".to_owned()), ..named("day", &[cleo, ada, ben]) };
    let day = db.store.create_team(domain.id, &new).await.unwrap();
    assert_eq!((&day.members, &day.settings), (&new.members, &new.settings));
    assert_eq!(db.store.teams(domain.id).await.unwrap(), std::slice::from_ref(&day));
    let changed = NewTeam { settings: None, ..named("day", &[ben, cleo]) };
    let day = db.store.replace_team(day.id, &changed).await.unwrap().unwrap();
    assert_eq!((day.members.clone(), day.settings.clone()), (vec![ben, cleo], None));
    assert_eq!(db.store.teams(domain.id).await.unwrap(), [day]);
}

async fn teams_follow_each_other_within_a_domain_and_never_in_a_circle(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let then = |name: &str, next: i64| NewTeam { next: Some(next), ..named(name, &[]) };
    let last = db.store.create_team(acme.id, &named("last", &[])).await.unwrap().id;
    let middle = db.store.create_team(acme.id, &then("middle", last)).await.unwrap().id;
    let first = db.store.create_team(acme.id, &then("first", middle)).await.unwrap();
    assert_eq!(first.next, Some(middle));
    let foreign = db.store.create_team(other.id, &named("there", &[])).await.unwrap().id;
    for (name, id, next) in
        [("last", last, first.id), ("last", last, last), ("last", last, foreign), ("last", last, 999)]
    {
        assert_constraint(db.store.replace_team(id, &then(name, next)).await);
    }
    assert_constraint(db.store.create_team(acme.id, &then("new", foreign)).await);
    assert!(db.store.delete_team(middle).await.unwrap());
    let left = db.store.teams(acme.id).await.unwrap();
    assert_eq!(left.iter().map(|team| team.next).collect::<Vec<_>>(), [None, None]);
}

async fn teams_belong_to_a_domain_and_hold_its_users(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let (ada, ben) = (db.user(&acme, "ada").await.id, db.user(&acme, "ben").await.id);

    let day = db.store.create_team(acme.id, &named("day", &[ben, ada, ben])).await.unwrap();
    let night = db.store.create_team(acme.id, &named("night", &[])).await.unwrap();
    let there = db.store.create_team(other.id, &named("day", &[])).await.unwrap();

    let members = vec![ben, ada];
    let expected = Team { id: day.id, domain_id: acme.id, name: "day".to_owned(), members, settings: None, next: None };
    assert_eq!(day, expected);
    assert_eq!(db.store.teams(acme.id).await.unwrap(), [day, night]);
    assert_eq!(db.store.teams(other.id).await.unwrap(), [there]);
    assert_constraint(db.store.create_team(other.id + 1, &named("nowhere", &[])).await);
}

async fn nobody_from_another_domain_gets_into_a_team(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let (ada, stranger) = (db.user(&acme, "ada").await.id, db.user(&other, "eve").await.id);
    let team = db.store.create_team(acme.id, &named("day", &[ada])).await.unwrap();

    for members in [&[ada, stranger][..], &[stranger], &[ada, stranger + 1]] {
        assert_constraint(db.store.create_team(acme.id, &named("night", members)).await);
        assert_constraint(db.store.replace_team(team.id, &named("night", members)).await);
    }

    assert_eq!(db.store.teams(acme.id).await.unwrap(), [team]);
}

async fn a_name_is_one_team_in_a_domain(db: &Db) {
    let (acme, other) = (db.domain("acme").await, db.domain("other").await);
    let day = db.store.create_team(acme.id, &named("day", &[])).await.unwrap();
    let night = db.store.create_team(acme.id, &named("night", &[])).await.unwrap();
    assert_constraint(db.store.create_team(acme.id, &named("day", &[])).await);
    assert_constraint(db.store.replace_team(night.id, &named("day", &[])).await);
    assert_eq!(db.store.replace_team(day.id, &named("day", &[])).await.unwrap(), Some(day.clone()));
    db.store.create_team(other.id, &named("day", &[])).await.unwrap();
    assert_eq!(db.store.teams(acme.id).await.unwrap(), [day, night]);
}

async fn a_team_can_be_replaced_and_deleted(db: &Db) {
    let domain = db.domain("acme").await;
    let (ada, ben) = (db.user(&domain, "ada").await.id, db.user(&domain, "ben").await.id);
    let team = db.store.create_team(domain.id, &named("day", &[ada])).await.unwrap();
    let kept = db.store.create_team(domain.id, &named("night", &[ada])).await.unwrap();

    let replaced = db.store.replace_team(team.id, &named("early", &[ben])).await.unwrap().unwrap();

    assert_eq!(replaced, Team { name: "early".to_owned(), members: vec![ben], ..team });
    assert_eq!(db.store.teams(domain.id).await.unwrap(), [replaced.clone(), kept.clone()]);
    assert!(db.store.delete_team(replaced.id).await.unwrap());
    assert!(!db.store.delete_team(replaced.id).await.unwrap());
    assert_eq!(db.store.replace_team(replaced.id, &named("gone", &[])).await.unwrap(), None);
    assert_eq!(db.store.teams(domain.id).await.unwrap(), [kept]);
}

async fn every_write_to_the_directory_raises_its_version(db: &Db) {
    let mut seen = db.store.directory_version().await.unwrap();
    let mut raised = async |what: &str| {
        let version = db.store.directory_version().await.unwrap();
        assert!(version > seen, "{what}");
        seen = version;
    };
    let domain = db.domain("acme").await;
    raised("create_domain").await;
    let refused = DomainChange { guests_allowed: Some(false), ..DomainChange::default() };
    db.store.change_domain(domain.id, refused).await.unwrap();
    raised("change_domain").await;
    let user = db.user(&domain, "ada").await;
    raised("create_user").await;
    db.store.change_user(user.id, &UserChange { disabled: Some(true), ..UserChange::default() }).await.unwrap();
    raised("change_user").await;
    let team = db.store.create_team(domain.id, &named("day", &[user.id])).await.unwrap();
    raised("create_team").await;
    db.store.replace_team(team.id, &named("night", &[])).await.unwrap();
    raised("replace_team").await;
    db.store.delete_team(team.id).await.unwrap();
    raised("delete_team").await;
}

async fn reading_and_refused_writes_leave_the_version(db: &Db) {
    let domain = db.domain("acme").await;
    let user = db.user(&domain, "ada").await;
    let version = db.store.directory_version().await.unwrap();

    db.store.users(domain.id).await.unwrap();
    db.store.contacts_of_users(&[user.id]).await.unwrap();
    assert_constraint(db.store.create_domain("acme").await);
    assert_constraint(db.store.create_user(&new_user(&domain, "ada")).await);
    assert!(!db.store.delete_team(1).await.unwrap());

    assert_eq!(db.store.directory_version().await.unwrap(), version);
}

contract!(
    domains_are_found_by_their_unique_names,
    guests_can_be_forbidden_in_one_domain,
    a_budget_is_set_for_a_domain_and_for_a_user_and_cleared,
    how_people_are_reached_is_set_for_a_domain_and_for_a_user_and_cleared,
    a_user_reads_back_as_created,
    a_login_belongs_to_its_domain,
    a_user_needs_a_domain,
    a_fixed_id_is_kept_and_later_users_get_others,
    a_change_touches_only_what_it_names,
    roles_that_cannot_be_read_are_corrupt,
    teams_belong_to_a_domain_and_hold_its_users,
    a_team_keeps_the_order_of_its_members_and_how_it_is_rung,
    teams_follow_each_other_within_a_domain_and_never_in_a_circle,
    nobody_from_another_domain_gets_into_a_team,
    a_name_is_one_team_in_a_domain,
    a_team_can_be_replaced_and_deleted,
    every_write_to_the_directory_raises_its_version,
    reading_and_refused_writes_leave_the_version,
);
