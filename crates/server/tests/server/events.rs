//! What happens in calls, over REST: each event once, in order, to whoever may read the call.

use farhand_protocol::{
    ErrorCode,
    events::{CallEvent, CallEventPage, CallEvents},
};
use farhand_testkit::{Account, OTHER_DOMAIN, Server, json};
use uuid::Uuid;

async fn of_call(who: &Account, call_id: Uuid, after: i64) -> Vec<CallEvent> {
    let path = format!("/rtc/getCallEvents?callId={call_id}&after={after}");
    who.get(&path).await.ok::<CallEvents>().events
}

async fn page(who: &Account, query: &str) -> CallEventPage {
    who.get(&format!("/rtc/getEvents{query}")).await.ok()
}

fn types(events: &[CallEvent]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

#[tokio::test]
async fn a_call_is_told_from_its_creation_to_its_end_with_numbers_that_have_no_gap() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut desk = expert.device().await;
    let call = caller.create_call(json!({"callTitle": "Pump 7", "invitedContacts": [expert.invited()]})).await;
    let call_id = call.call_id;
    desk.ring(call_id).await;
    desk.join(call_id).await;
    desk.leave(call_id).await;

    let events = of_call(&caller, call_id, 0).await;
    let sequences: Vec<_> = events.iter().map(|event| event.data.sequence).collect();
    assert_eq!(sequences, (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
    let mut story = types(&events);
    story.retain(|kind| !["call.ringDelivered", "call.ringSeen"].contains(kind));
    let expected = [
        "call.created",
        "call.ringStarted",
        "call.joined",
        "call.ringEnded",
        // Of the creator, who is waited for now.
        "call.ringStarted",
        "call.left",
        "call.ringEnded",
        "call.ended",
    ];
    assert_eq!(story, expected);
    let (first, last) = (&events[0], events.last().unwrap());
    assert_eq!(first.data.contact.as_ref().and_then(|contact| contact.user_db_id), Some(caller.id()));
    assert_eq!(first.data.call.call_title, "Pump 7");
    assert_eq!(last.data.reason.as_deref(), Some("hungUp"));
    assert_eq!(of_call(&caller, call_id, 4).await, events[4..]);
    assert_eq!(page(&caller, "").await.events, events, "the same among all");
}

#[tokio::test]
async fn a_planned_call_that_is_moved_and_called_off_and_its_messages_are_told() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let contact = json!({"displayName": "Kim", "email": "kim@example.org"});
    let planned = json!({"plannedDateTime": server.clock().in_seconds(3600), "invitedContacts": [contact]});
    let call_id = caller.create_call(planned).await.call_id;
    let moved = json!({"callId": call_id, "plannedDateTime": server.clock().in_seconds(7200)});
    caller.post("/rtc/updateCall", moved).await.json();
    caller.call_operation("cancelCall", call_id).await.json();
    let events = of_call(&caller, call_id, 0).await;
    assert_eq!(types(&events), ["call.created", "call.notification", "call.updated", "call.ended"]);
    let [_, message, moved, over] = &events[..] else { panic!() };
    let data = &message.data;
    assert_eq!((data.channel.as_deref(), data.state.as_deref()), (Some("email"), Some("notConfigured")));
    assert_eq!(data.notification_kind.as_deref(), Some("planned"));
    let log = caller.call_log(call_id).await;
    assert_eq!(data.notification_id, Some(log.invited_contacts[0].notifications[0].id));
    assert_eq!(
        (moved.data.reason.as_deref(), over.data.reason.as_deref()),
        (Some("plannedDateTime"), Some("cancelled"))
    );
}

#[tokio::test]
async fn whoever_may_not_read_a_call_learns_nothing_of_its_events() {
    let server = Server::start().await;
    let (connector, expert) = (server.login("connector1").await, server.login("expert1").await);
    let (stranger, admin) = (server.login("expert2").await, server.login("admin").await);
    let (foreign, foreign_admin) =
        (server.login_at(OTHER_DOMAIN, "connector1").await, server.login_at(OTHER_DOMAIN, "admin").await);
    let guest = json!({"displayName": "Gil", "email": "gil@example.org"});
    let call = json!({"creatorUser": 12, "invitedContacts": [expert.invited(), guest]});
    let call = connector.create_call(call).await;
    let path = format!("/rtc/getCallEvents?callId={}", call.call_id);
    for who in [&connector, &expert, &admin, &server.login("glasses1").await] {
        assert!(!of_call(who, call.call_id, 0).await.is_empty());
        assert!(!page(who, "").await.events.is_empty());
    }
    for who in [&stranger, &foreign, &foreign_admin] {
        who.get(&path).await.refused(ErrorCode::CallNotFound);
        let seen = page(who, "").await;
        assert_eq!((seen.events, seen.more), (Vec::new(), false));
    }
    let guests = call.invited_contacts.iter().find(|contact| contact.user_db_id.is_none()).unwrap();
    let link = connector.guest_link(call.call_id, guests.id.unwrap()).await;
    let token = link.split_once('#').unwrap().1;
    for path in [&path, "/rtc/getEvents", "/rtc/events"] {
        let asked = server.request(reqwest::Method::GET, path).bearer_auth(token);
        farhand_testkit::Answer::to(asked).await.refused(ErrorCode::GuestForbidden);
    }
}

#[tokio::test]
async fn pages_of_events_join_and_go_on_where_the_last_one_ended() {
    let server = Server::start().await;
    let (caller, admin) = (server.login("callertest1").await, server.login("admin").await);
    for number in 0..5 {
        let call = json!({"callTitle": format!("Call {number}"), "invitedContacts": [{"userDbId": 8}]});
        let call = caller.create_call(call).await;
        caller.call_operation("endCall", call.call_id).await.json();
    }
    let whole = page(&admin, "?limit=500").await;
    assert!(!whole.more && whole.events.len() >= 15, "{}", whole.events.len());
    let (mut events, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let part = page(&admin, &format!("?limit=4&after={after}")).await;
        assert!(part.events.len() <= 4);
        events.extend(part.events);
        after = part.next;
        if !part.more {
            break;
        }
    }
    assert_eq!(events, whole.events);
    assert_eq!(page(&admin, "?after=end").await.next, after);
    assert!(page(&admin, &format!("?after={after}")).await.events.is_empty());
    caller.create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await;
    assert_eq!(page(&admin, &format!("?after={after}")).await.events[0].kind, "call.created");
}

#[tokio::test]
async fn wrong_questions_are_told_so() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    for query in ["?after=x", "?after=-1", "?limit=0", "?limit=501", "?limit=x"] {
        caller.get(&format!("/rtc/getEvents{query}")).await.refused(ErrorCode::InvalidField);
    }
    caller.get("/rtc/getCallEvents").await.refused(ErrorCode::InvalidField);
    caller.get("/rtc/events?after=yesterday").await.refused(ErrorCode::InvalidField);
}
