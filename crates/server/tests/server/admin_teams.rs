//! Teams of a domain.

use farhand_protocol::{ErrorCode, admin::TeamRecord};
use farhand_testkit::{Account, Answer, OTHER_DOMAIN, Server, json};
use reqwest::Method;
use serde_json::Value;

async fn replace(admin: &Account, id: i64, body: Value) -> Answer {
    admin.send(Method::PUT, &format!("/admin/teams/{id}"), body).await
}

#[tokio::test]
async fn a_team_is_created_listed_replaced_and_deleted() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let team: TeamRecord = admin.post("/admin/teams", json!({"name": "Pumps", "members": [12, 8]})).await.ok();
    assert_eq!(
        (team.name.as_str(), team.domain.as_str(), team.members.as_slice()),
        ("Pumps", "ubimax", [12, 8].as_slice())
    );
    assert_eq!(admin.get("/admin/teams").await.ok::<Vec<TeamRecord>>(), std::slice::from_ref(&team));
    let replaced: TeamRecord = replace(&admin, team.id, json!({"name": "Motors", "members": [8]})).await.ok();
    assert_eq!(replaced, TeamRecord { name: "Motors".to_owned(), members: vec![8], ..team.clone() });
    assert_eq!(admin.delete(&format!("/admin/teams/{}", team.id)).await.status, 204);
    assert_eq!(admin.get("/admin/teams").await.json(), json!([]));
    admin.delete(&format!("/admin/teams/{}", team.id)).await.refused(ErrorCode::NotFound);
    replace(&admin, team.id, json!({"name": "Motors"})).await.refused(ErrorCode::NotFound);
}

#[tokio::test]
async fn a_change_counts_for_the_next_call_at_once() {
    let server = Server::start().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let team: TeamRecord = admin.post("/admin/teams", json!({"name": "Pumps", "members": [8]})).await.ok();
    let call = json!({"invitedTeams": [{"id": team.id}]});
    assert_eq!(caller.create_call(call.clone()).await.invited_contacts[0].user_db_id, Some(8));
    replace(&admin, team.id, json!({"name": "Pumps", "members": [12]})).await.json();
    assert_eq!(caller.create_call(call.clone()).await.invited_contacts[0].user_db_id, Some(12));
    admin.delete(&format!("/admin/teams/{}", team.id)).await;
    caller.try_create_call(call).await.refused_at(ErrorCode::UnknownTeam, "/invitedTeams/0");
}

#[tokio::test]
async fn members_must_be_of_the_domain_and_names_must_be_free_and_sensible() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let foreign = server.login_at(OTHER_DOMAIN, "expert1").await.id();
    let team: TeamRecord = admin.post("/admin/teams", json!({"name": "Pumps"})).await.ok();
    for stranger in [foreign, 999_999] {
        let body = json!({"name": "Motors", "members": [8, stranger]});
        let created = admin.post("/admin/teams", body.clone()).await;
        created.refused_at(ErrorCode::UnknownContact, "/members/1");
        replace(&admin, team.id, body).await.refused_at(ErrorCode::UnknownContact, "/members/1");
    }
    let taken = admin.post("/admin/teams", json!({"name": "Pumps"})).await;
    assert_eq!(taken.status, 409);
    taken.refused_at(ErrorCode::AlreadyExists, "/name");
    let motors: TeamRecord = admin.post("/admin/teams", json!({"name": "Motors"})).await.ok();
    replace(&admin, motors.id, json!({"name": "Pumps"})).await.refused_at(ErrorCode::AlreadyExists, "/name");
    replace(&admin, motors.id, json!({"name": "Motors"})).await.json();
    admin.delete(&format!("/admin/teams/{}", motors.id)).await;
    for name in ["x".repeat(101), "a\nb".to_owned()] {
        admin.post("/admin/teams", json!({"name": name})).await.refused_at(ErrorCode::InvalidField, "/name");
    }
    admin.post("/admin/teams", json!({"name": ""})).await.refused(ErrorCode::InvalidField);
    let wrong = json!({"name": "Motors", "members": ["tester"]});
    admin.post("/admin/teams", wrong).await.refused_at(ErrorCode::InvalidField, "/members/0");
    assert_eq!(admin.get("/admin/teams").await.ok::<Vec<TeamRecord>>(), [team]);
}

#[tokio::test]
async fn of_many_who_want_a_name_at_the_same_time_one_gets_it() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let wanted = (0..16).map(|_| admin.post("/admin/teams", json!({"name": "Pumps"})));
    let answers = futures_util::future::join_all(wanted).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.refused_at(ErrorCode::AlreadyExists, "/name");
    }
    assert_eq!(admin.get("/admin/teams").await.ok::<Vec<TeamRecord>>().len(), 1);
}

#[tokio::test]
async fn a_member_named_twice_is_a_member_once() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let team: TeamRecord = admin.post("/admin/teams", json!({"name": "Pumps", "members": [8, 8]})).await.ok();
    assert_eq!(team.members, [8]);
}

#[tokio::test]
async fn teams_of_another_domain_are_unknown_and_other_roles_are_refused() {
    let server = Server::start().await;
    let (admin, other) = (server.login("admin").await, server.login_at(OTHER_DOMAIN, "admin").await);
    let team: TeamRecord = admin.post("/admin/teams", json!({"name": "Pumps", "members": [8]})).await.ok();
    let path = format!("/admin/teams/{}", team.id);
    let unknown = other.delete("/admin/teams/999999").await;
    unknown.refused(ErrorCode::NotFound);
    assert_eq!(other.delete(&path).await.body, unknown.body);
    replace(&other, team.id, json!({"name": "Mine"})).await.refused(ErrorCode::NotFound);
    assert_eq!(other.get("/admin/teams").await.json(), json!([]));
    other.post("/admin/teams", json!({"name": "Pumps"})).await.json();
    for role in ["tester", "connector1", "glasses1"] {
        let user = server.login(role).await;
        user.get("/admin/teams").await.refused(ErrorCode::Forbidden);
        user.post("/admin/teams", json!({"name": "Mine"})).await.refused(ErrorCode::Forbidden);
        user.delete(&path).await.refused(ErrorCode::Forbidden);
        replace(&user, team.id, json!({"name": "Mine"})).await.refused(ErrorCode::Forbidden);
    }
    admin.delete("/admin/teams/one").await.refused(ErrorCode::InvalidField);
    assert_eq!(admin.get("/admin/teams").await.ok::<Vec<TeamRecord>>(), [team]);
}

#[tokio::test]
async fn how_a_team_is_rung_is_kept_shown_and_replaced_as_a_whole() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let night: TeamRecord = admin.post("/admin/teams", json!({"name": "Night"})).await.ok();
    let hours = json!({"timeZone": "europe/berlin", "spans": [{"days": ["monday"], "from": "08:00", "to": "17:00"}]});
    let body = json!({
        "name": "Pumps", "members": [12, 8], "nextTeam": night.id,
        "ringing": {"strategy": "longestIdle", "seconds": 30, "onlyOnShift": true, "hours": hours, "daysOff": ["2026-12-25"]},
        "profiles": [{"userDbId": 8, "tags": ["Hydraulics", "de"]}],
    });
    let made = admin.post("/admin/teams", body).await.json();
    assert_eq!(made["ringing"]["hours"]["timeZone"], "Europe/Berlin");
    assert_eq!((&made["ringing"]["strategy"], &made["nextTeam"]), (&json!("longestIdle"), &json!(night.id)));
    assert_eq!(made["profiles"], json!([{"userDbId": 8, "tags": ["de", "hydraulics"]}]));
    assert_eq!(admin.get("/admin/teams").await.json()[1], made);
    let id = made["id"].as_i64().unwrap();
    let replaced = replace(&admin, id, json!({"name": "Pumps"})).await.json();
    assert_eq!((&replaced["ringing"]["strategy"], replaced.get("nextTeam")), (&json!("all"), None));
}

#[tokio::test]
async fn what_a_team_cannot_be_is_refused_at_its_place() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let there = server.login_at(OTHER_DOMAIN, "admin").await;
    let foreign: TeamRecord = there.post("/admin/teams", json!({"name": "There"})).await.ok();
    let last: TeamRecord = admin.post("/admin/teams", json!({"name": "Last"})).await.ok();
    let first: TeamRecord = admin.post("/admin/teams", json!({"name": "First", "nextTeam": last.id})).await.ok();
    for (next, code) in [
        (first.id, ErrorCode::TeamLoop),
        (last.id, ErrorCode::TeamLoop),
        (foreign.id, ErrorCode::UnknownTeam),
        (999_999, ErrorCode::UnknownTeam),
    ] {
        let refused = replace(&admin, last.id, json!({"name": "Last", "nextTeam": next})).await;
        refused.refused_at(code, "/nextTeam");
    }
    for (body, pointer) in [
        (json!({"name": "A", "ringing": {"seconds": 2}}), "/ringing/seconds"),
        (json!({"name": "A", "ringing": {"strategy": "byMoon"}}), "/ringing/strategy"),
        (json!({"name": "A", "members": [8], "profiles": [{"userDbId": 12}]}), "/profiles/0/userDbId"),
    ] {
        admin.post("/admin/teams", body).await.refused_at(ErrorCode::InvalidField, pointer);
    }
}
