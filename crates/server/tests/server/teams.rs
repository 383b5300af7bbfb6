//! Teams in calls: what the tests of their turns and of those behind them share, and who of a team is there.

use std::time::Duration;

use farhand_protocol::{
    admin::TeamRecord,
    call::{CallLog, Presence},
    frame::CallView,
    team::TeamEntry,
};
use farhand_testkit::{Account, Device, Server, json};
use serde_json::Value;
use uuid::Uuid;

/// A team of these people, and what else is said of it.
pub async fn team(server: &Server, name: &str, members: &[&Account], more: Value) -> i64 {
    let members: Vec<_> = members.iter().map(|member| member.id()).collect();
    let mut body = json!({"name": name, "members": members});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.login("admin").await.post("/admin/teams", body).await.ok::<TeamRecord>().id
}

pub fn in_turn() -> Value {
    json!({"ringing": {"strategy": "oneAfterAnother"}})
}

/// Time passes, and the call notices.
pub async fn wait(server: &Server, caller: &Account, call_id: Uuid, seconds: u64) {
    server.clock().move_ahead(Duration::from_secs(seconds));
    caller.call_log(call_id).await;
}

pub async fn call_team(caller: &mut Device, team: i64) -> CallView {
    caller.create_call(json!({"callType": "MESH", "invitedTeams": [{"id": team}]})).await
}

/// Why somebody's ring ended, or what became of a team: the history's reasons of a kind.
pub fn told(log: &CallLog, kind: &str) -> Vec<(Option<i64>, String)> {
    let of_kind = log.call_history.iter().filter(|item| item.kind == kind);
    of_kind.map(|item| (item.contact_id, item.reason.clone().unwrap_or_default())).collect()
}

#[tokio::test]
async fn callers_see_who_of_a_team_is_there() {
    let server = Server::start().await;
    let (one, other, third) =
        (server.login("expert1").await, server.login("expert2").await, server.login("tester").await);
    let hours = json!({"timeZone": "UTC", "spans": []});
    let more = json!({
        "ringing": {"strategy": "longestIdle", "onlyOnShift": true},
        "profiles": [{"userDbId": third.id(), "hours": hours, "tags": ["pumps"]}],
    });
    let id = team(&server, "Pumps", &[&one, &other, &third], more).await;
    let (_first, _second, _third) = (one.device().await, other.device().await, third.device().await);
    other.post("/rtc/updateReachSettings", json!({"doNotDisturbUntil": server.clock().in_seconds(60)})).await.json();
    let caller = server.login("glasses1").await;
    let teams: Vec<TeamEntry> = caller.get("/rtc/getTeams").await.ok();
    let [pumps] = &teams[..] else { panic!("{teams:?}") };
    assert_eq!((pumps.id, pumps.there, pumps.members.len()), (id, 1, 3));
    let seen: Vec<_> = pumps.members.iter().map(|m| (m.presence, m.quiet.is_some(), m.on_shift)).collect();
    assert_eq!(
        seen,
        [(Presence::Online, false, true), (Presence::Online, true, true), (Presence::Online, false, false)]
    );
    assert_eq!(pumps.members[2].tags, ["pumps"]);
}

#[tokio::test]
async fn somebody_of_several_teams_is_rung_for_each_and_once_for_both() {
    let server = Server::start().await;
    let (one, other) = (server.login("expert1").await, server.login("expert2").await);
    let day = team(&server, "Day", &[&one, &other], json!({})).await;
    let night = team(&server, "Night", &[&one], json!({})).await;
    let mut phone = one.device().await;
    let caller = server.login("callertest1").await;
    for teams in [json!([{"id": day}]), json!([{"id": night}]), json!([{"id": day}, {"id": night}])] {
        let call = caller.create_call(json!({"invitedTeams": teams})).await;
        phone.ring(call.call_id).await;
        let rung = call.invited_contacts.iter().filter(|contact| contact.user_db_id == Some(one.id())).count();
        assert_eq!(rung, 1);
    }
}
