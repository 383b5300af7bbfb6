//! What clients see, letter for letter. A change here breaks integrations: the snapshots are the contract's spelling.

use farhand_testkit::{Answer, Server, json};
use insta::assert_json_snapshot;
use serde_json::Value;

/// Replaces what differs from run to run, and checks its form.
fn masked(mut value: Value) -> Value {
    mask(&mut value);
    value
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member.as_str()) {
                    ("callId" | "id", Some(id)) => {
                        id.parse::<uuid::Uuid>().unwrap();
                        *member = json!("[uuid]");
                    }
                    ("accessToken" | "refreshToken", Some(token)) => {
                        *member = json!(format!("{}[{} characters]", &token[..4], token.len() - 4));
                    }
                    (name, Some(time))
                        if name.to_lowercase().ends_with("datetime") || ["joined", "left"].contains(&name) =>
                    {
                        assert!(time.len() == 24 && time.ends_with('Z'), "{name}: UTC with milliseconds: {time}");
                        *member = json!("[time]");
                    }
                    _ => mask(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn a_call_log_reads_like_this_from_its_creation_to_its_end() {
    let server = Server::start().await;
    let (connector, expert) = (server.login("connector1").await, server.login("tester").await);
    let (mut desk, mut head) = (expert.device().await, server.login("glasses1").await.device().await);
    let call: Value = connector
        .try_create_call(json!({
            "callType": "MESH", "creatorUser": 12, "callTitle": "Pump 7",
            "invitedContacts": [
                {"userDbId": 8, "email": "tester@example.org"}, {"userId": "connector1", "domain": "ubimax"},
                {"displayName": "Guest", "phoneNumber": "+49 1"},
            ],
        }))
        .await
        .json();
    assert_json_snapshot!("call_log_created", masked(call.clone()));
    let call_id = call["callId"].as_str().unwrap().parse().unwrap();
    desk.join(call_id).await;
    head.ring(call_id).await;
    head.join(call_id).await;
    head.leave(call_id).await;
    let ended = connector.get(&format!("/rtc/getCallLogById?callId={call_id}")).await.json();
    assert_json_snapshot!("call_log_ended", masked(ended));
}

#[tokio::test]
async fn problems_read_like_this() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let as_json = |answer: Answer| serde_json::from_slice::<Value>(&answer.body).unwrap();
    let at_a_field = caller.try_create_call(json!({"invitedContacts": [{"userDbId": 8}, {"userDbId": 4711}]})).await;
    assert_json_snapshot!("problem_with_pointer", as_json(at_a_field));
    assert_json_snapshot!("problem_malformed_json", as_json(caller.post_raw("/rtc/createCall", "{").await));
    let unknown = "/rtc/getCallLogById?callId=00000000-0000-4000-8000-000000000000";
    assert_json_snapshot!("problem_call_not_found", as_json(caller.get(unknown).await));
    assert_json_snapshot!("problem_unauthenticated", as_json(server.get("/auth/me").await));
}

#[tokio::test]
async fn a_login_reads_like_this() {
    let server = Server::start().await;
    let body = json!({"domain": "ubimax", "userId": "tester", "password": "demo"}).to_string();
    let login = server.post("/auth/login", body).await.json();
    assert_json_snapshot!("login", masked(login));
}
