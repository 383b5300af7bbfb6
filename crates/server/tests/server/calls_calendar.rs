//! The calendar of somebody's planned calls.

use std::time::Duration;

use farhand_protocol::ErrorCode;
use farhand_store::model::UserChange;
use farhand_testkit::{Account, Server, json};

use crate::judge;

/// Reads a calendar and tells what it understood.
const READER: &str = r#"
import icalendar, json, sys
calendar = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
def told(event):
    times = {name: event.decoded(name).isoformat() for name in ["dtstamp", "dtstart", "dtend"]}
    texts = {name: str(event[name]) for name in ["uid", "summary", "description", "status", "sequence"]}
    return {**times, **texts, "errors": event.errors}
events = calendar.walk("VEVENT")
print(json.dumps({"version": calendar["version"], "errors": calendar.errors, "events": [told(event) for event in events]}))
"#;

/// What the link of somebody's calendar is.
async fn link(account: &Account) -> String {
    account.get("/rtc/getCalendarLink").await.json()["path"].as_str().unwrap().to_owned()
}

/// The values of a property, in the order of the calendar.
fn all<'a>(calendar: &'a str, name: &str) -> Vec<&'a str> {
    calendar.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')).collect()
}

#[tokio::test]
async fn it_holds_the_planned_calls_of_one_person_and_needs_no_login() {
    let server = Server::start().await;
    let (caller, expert, other) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let plan = json!({"callTitle": "Pump 7, line\r\nBEGIN:VALARM", "plannedLocalTime": "2027-03-29T09:30",
        "plannedTimeZone": "Europe/Berlin", "invitedContacts": [expert.invited()]});
    let call = caller.create_call(plan).await;
    caller.create_call(json!({"callTitle": "Not planned", "invitedContacts": [expert.invited()]})).await;
    other.create_call(json!({"callTitle": "Not theirs", "plannedDateTime": server.clock().in_seconds(60)})).await;

    let feed = server.get(&link(&expert).await).await;
    assert_eq!(feed.status, 200);
    assert_eq!(feed.header("content-type"), "text/calendar; charset=utf-8");
    assert_eq!(feed.header("cache-control"), "private, no-cache");
    assert_eq!(all(feed.text(), "UID"), [format!("{}@localhost", call.call_id)]);
    assert_eq!(all(feed.text(), "SUMMARY"), [r"Pump 7\, line  BEGIN:VALARM"]);
    assert_eq!(all(feed.text(), "DTSTART"), ["20270329T073000Z"]);
    assert_eq!(all(feed.text(), "SEQUENCE"), ["0"]);
}

#[tokio::test]
async fn it_follows_what_becomes_of_a_call() {
    let server = Server::with(|config| config.public_url = Some("https://calls.example.org".to_owned())).await;
    let caller = server.login("callertest1").await;
    let call = caller.create_call(json!({"plannedDateTime": server.clock().in_seconds(3600)})).await;
    let link = link(&caller).await;
    let moved = json!({"callId": call.call_id, "plannedDateTime": "2027-03-29T07:30:00Z"});
    caller.post("/rtc/updateCall", moved).await.json();
    caller.post("/rtc/updateCall", json!({"callId": call.call_id, "callTitle": "Pump 8"})).await.json();
    caller.post("/rtc/updateCall", json!({"callId": call.call_id, "callTitle": "Pump 8"})).await.json();
    let feed = server.get(&link).await;
    let seen = ["UID", "SEQUENCE", "DTSTART", "SUMMARY", "STATUS"].map(|name| all(feed.text(), name).concat());
    let uid = format!("{}@calls.example.org", call.call_id);
    assert_eq!(seen, [uid.as_str(), "2", "20270329T073000Z", "Pump 8", "CONFIRMED"]);
    caller.call_operation("cancelCall", call.call_id).await.json();
    let feed = server.get(&link).await;
    assert_eq!((all(feed.text(), "SEQUENCE"), all(feed.text(), "STATUS")), (vec!["3"], vec!["CANCELLED"]));
}

#[tokio::test]
async fn a_month_after_its_time_a_call_is_left_to_the_calendars_memory() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    caller.create_call(json!({"plannedDateTime": server.clock().in_seconds(60)})).await;
    let link = link(&caller).await;
    server.clock().move_ahead(Duration::from_hours(24 * 30));
    assert_eq!(all(server.get(&link).await.text(), "UID").len(), 1);
    server.clock().move_ahead(Duration::from_mins(2));
    assert_eq!(all(server.get(&link).await.text(), "UID").len(), 0);
}

#[tokio::test]
async fn a_link_outlives_a_restart_and_ends_when_it_is_renewed_or_its_owner_shut_out() {
    let mut server = Server::start().await;
    let first = link(&server.login("expert1").await).await;
    server.restart().await;
    let expert = server.login("expert1").await;
    assert_eq!(link(&expert).await, first);
    assert_eq!(server.get(&first).await.status, 200);

    let renewed = expert.post("/rtc/renewCalendarLink", json!({})).await.json()["path"].as_str().unwrap().to_owned();
    assert_eq!(link(&expert).await, renewed);
    assert_eq!(server.get(&renewed).await.status, 200);
    let other = link(&server.login("expert2").await).await;
    let swapped = format!("/calendar/{}.0.{}", expert.id(), other.rsplit_once(".0.").unwrap().1);
    for dead in [&first, &swapped, "/calendar/8.ics", "/calendar/x", "/calendar/8/9"] {
        let answer = server.get(dead).await;
        assert_eq!(answer.status, 404, "{dead}");
        answer.refused(ErrorCode::NotFound);
    }

    let admin = server.login("admin").await;
    admin
        .send(reqwest::Method::PATCH, &format!("/admin/users/{}", expert.id()), json!({"disabled": true}))
        .await
        .json();
    server.get(&renewed).await.refused(ErrorCode::NotFound);
    // Whoever is let in again has the link again: shutting out is not renewing.
    let change = UserChange { disabled: Some(false), ..UserChange::default() };
    let user = server.store().await.change_user(expert.id(), &change).await.unwrap().unwrap();
    assert_eq!(user.calendar_generation, 1);
}

#[tokio::test]
async fn a_program_that_is_not_ours_reads_in_it_what_was_planned() {
    let server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let title = format!("Pümpe 7; \\, \"x\"\r\nSUMMARY:no {}", "🔧 ".repeat(80));
    let plan = json!({"callTitle": title, "plannedLocalTime": "2027-03-28T09:30", "plannedTimeZone": "Europe/Berlin",
        "invitedContacts": [expert.invited()]});
    let call = caller.create_call(plan).await;
    let gone =
        json!({"callTitle": "Gone", "plannedDateTime": "2027-10-31T01:30:00Z", "invitedContacts": [expert.invited()]});
    let gone = caller.create_call(gone).await;
    caller.call_operation("cancelCall", gone.call_id).await.json();

    let read = judge::ask(READER, server.get(&link(&expert).await).await.text()).await;
    assert_eq!((&read["version"], &read["errors"]), (&json!("2.0"), &json!([])));
    let told: Vec<_> = read["events"].as_array().unwrap().iter().collect();
    let [cancelled, planned] = told[..] else { panic!("{read}") };
    assert_eq!(planned["summary"], title.replace(['\r', '\n'], " "));
    assert_eq!(planned["uid"], format!("{}@localhost", call.call_id));
    assert_eq!(planned["description"], caller.user.display_name);
    let times = (&planned["dtstart"], &planned["dtend"]);
    assert_eq!(times, (&json!("2027-03-28T07:30:00+00:00"), &json!("2027-03-28T08:30:00+00:00")));
    assert_eq!((&planned["sequence"], &planned["status"]), (&json!("0"), &json!("CONFIRMED")));
    assert_eq!((&cancelled["sequence"], &cancelled["status"]), (&json!("1"), &json!("CANCELLED")));
    assert_eq!((&planned["errors"], &cancelled["errors"]), (&json!([]), &json!([])));
}
