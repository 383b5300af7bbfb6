//! `getCallLogs`: one's own calls, filtered and in pages.

use farhand_protocol::{
    ErrorCode,
    call::{CallLogPage, CallLogQuery},
};
use farhand_testkit::{Account, OTHER_DOMAIN, Server, json};

async fn ids(who: &Account, query: &str) -> Vec<i64> {
    let page: CallLogPage = who.get(&format!("/rtc/getCallLogs{query}")).await.ok();
    page.calls.iter().map(|call| call.id).collect()
}

#[tokio::test]
async fn everybody_lists_the_calls_they_have_to_do_with_and_administrators_the_domains() {
    let server = Server::start().await;
    let (caller, connector) = (server.login("callertest1").await, server.login("connector1").await);
    let (tester, glasses) = (server.login("tester").await, server.login("glasses1").await);
    let direct = caller.create_call(json!({"invitedContacts": [tester.invited()]})).await.id;
    let brokered =
        connector.create_call(json!({"creatorUser": glasses.id(), "invitedContacts": [tester.invited()]})).await.id;
    let alone = caller.create_call(json!({})).await;
    let invite = json!({"callId": alone.call_id, "invitedContacts": [glasses.invited()]});
    caller.post("/rtc/inviteToCall", invite).await.json();
    let theirs = server.login_at(OTHER_DOMAIN, "expert1").await;
    let foreign = theirs.create_call(json!({})).await.id;
    let alone = alone.id;
    assert_eq!(ids(&caller, "").await, [alone, direct], "newest first");
    assert_eq!(ids(&connector, "").await, [brokered], "made");
    assert_eq!(ids(&tester, "").await, [brokered, direct], "invited");
    assert_eq!(ids(&glasses, "").await, [alone, brokered], "created, and invited later");
    assert_eq!(ids(&server.login("expert2").await, "").await, Vec::<i64>::new());
    assert_eq!(ids(&server.login("admin").await, "").await, [alone, brokered, direct]);
    assert_eq!(ids(&server.login_at(OTHER_DOMAIN, "admin").await, "").await, [foreign]);
}

#[tokio::test]
async fn calls_are_filtered_by_status_and_by_being_planned() {
    let server = Server::start().await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let mut desk = tester.device().await;
    let invited = json!([tester.invited()]);
    let planned_at = server.clock().in_seconds(3600);
    let planned = caller.create_call(json!({"invitedContacts": invited, "plannedDateTime": planned_at})).await.id;
    let ringing = caller.create_call(json!({"invitedContacts": invited})).await.id;
    let started = caller.create_call(json!({"invitedContacts": invited})).await;
    desk.join(started.call_id).await;
    let ended = caller.create_call(json!({"invitedContacts": invited})).await;
    caller.rest.end_call(ended.call_id).await.unwrap();
    assert_eq!(ids(&caller, "?status=Planned").await, [ringing, planned]);
    assert_eq!(ids(&caller, "?status=started").await, [started.id]);
    assert_eq!(ids(&caller, "?status=ENDED").await, [ended.id]);
    assert_eq!(ids(&caller, "?planned=true").await, [planned]);
    assert_eq!(ids(&caller, "?planned=true&status=Ended").await, Vec::<i64>::new());
    let query = CallLogQuery { planned: Some(true), ..CallLogQuery::default() };
    assert_eq!(tester.rest.call_logs(&query).await.unwrap().calls.len(), 1);
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended_without_loss_or_repetition() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let mut made = Vec::new();
    for _ in 0..25 {
        made.insert(0, caller.create_call(json!({})).await.id);
    }
    let first: CallLogPage = caller.get("/rtc/getCallLogs").await.ok();
    assert_eq!(first.calls.len(), 20, "by default");
    let (mut seen, mut next) = (Vec::new(), None);
    loop {
        let query = CallLogQuery { before: next, limit: Some(10), ..CallLogQuery::default() };
        let page = caller.rest.call_logs(&query).await.unwrap();
        seen.extend(page.calls.iter().map(|call| call.id));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let whole: CallLogPage = caller.get("/rtc/getCallLogs?limit=25").await.ok();
    assert_eq!((whole.calls.len(), whole.next), (25, None), "a page that is exactly full is the last");
}

#[tokio::test]
async fn a_wrong_parameter_is_refused() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let wrong = ["limit=0", "limit=101", "limit=-1", "limit=many", "before=x", "status=Lost", "planned=perhaps"];
    for query in wrong {
        let refused = caller.get(&format!("/rtc/getCallLogs?{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        refused.refused(ErrorCode::InvalidField);
    }
    assert_eq!(caller.get("/rtc/getCallLogs?limit=100&unknown=1").await.status, 200);
}

#[tokio::test]
async fn a_listed_call_reads_exactly_as_by_its_id() {
    let server = Server::start().await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let mut desk = tester.device().await;
    let contacts = json!([tester.invited(), {"email": "guest@example.org", "displayName": "Guest"}]);
    let call = caller.create_call(json!({"callType": "MESH", "invitedContacts": contacts})).await;
    desk.join(call.call_id).await;
    let page: CallLogPage = caller.get("/rtc/getCallLogs").await.ok();
    assert_eq!(page.calls, [caller.call_log(call.call_id).await]);
}
