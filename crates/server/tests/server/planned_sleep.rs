//! Planned calls before their time: they need no task, and everything goes on as if they had one.

use std::time::Duration;

use farhand_protocol::{call::CallStatus, frame::PersonState};
use farhand_testkit::{
    Account, Server, WAIT, json,
    smtp::{Options, Sink},
};
use uuid::Uuid;

const HOUR: i64 = 3_600;
const MANY: usize = 60;

async fn plan(server: &Server, caller: &Account, seconds: i64, invited: &[&Account]) -> Uuid {
    let invited: Vec<_> = invited.iter().map(|account| account.invited()).collect();
    let at = server.clock().in_seconds(seconds);
    caller.create_call(json!({"plannedDateTime": at, "invitedContacts": invited})).await.call_id
}

/// Until the server has no more than so many tasks.
async fn few_tasks(server: &Server, most: usize) {
    let deadline = tokio::time::Instant::now() + WAIT;
    while server.tasks() > most {
        assert!(tokio::time::Instant::now() < deadline, "{} tasks, not {most}", server.tasks());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn they_cost_no_task_though_people_are_there_neither_when_planned_nor_after_a_restart() {
    let mut server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let (_desk, _phone) = (caller.device().await, expert.device().await);
    let before = server.tasks();
    for _ in 0..MANY {
        plan(&server, &caller, HOUR, &[&expert]).await;
    }
    few_tasks(&server, before + MANY / 2).await;
    server.kill();
    server.start_again().await;
    let mut phone = expert.device().await;
    let last = plan(&server, &caller, 2 * HOUR, &[&expert]).await;
    phone.call(last, "the last", |_| true).await;
    few_tasks(&server, before + MANY / 2).await;
    // Shortly before its time each has one.
    server.clock().move_ahead(Duration::from_secs(3_600 - 30));
    let deadline = tokio::time::Instant::now() + WAIT;
    while server.tasks() <= before + MANY / 2 {
        assert!(tokio::time::Instant::now() < deadline, "{} tasks", server.tasks());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_that_sleeps_rings_at_its_time_be_it_after_a_restart_or_overdue() {
    let mut server = Server::start().await;
    let (caller, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let mut phone = expert.device().await;
    let (first, second, third) = (
        plan(&server, &caller, HOUR, &[&expert]).await,
        plan(&server, &caller, 2 * HOUR, &[&expert]).await,
        plan(&server, &caller, 3 * HOUR, &[&expert]).await,
    );
    server.clock().move_ahead(Duration::from_mins(61));
    phone.ring(first).await;
    assert!(!phone.has_rung(second).await);

    server.kill();
    server.start_again().await;
    let expert = server.login("expert1").await;
    let mut phone = expert.device().await;
    phone.call(second, "what sleeps, on a new page", |view| view.call_status == CallStatus::Planned).await;
    server.clock().move_ahead(Duration::from_hours(1));
    phone.ring(second).await;
    assert!(!phone.has_rung(third).await);

    server.stop().await;
    server.clock().move_ahead(Duration::from_mins(80));
    server.start_again().await;
    let mut phone = server.login("expert1").await.device().await;
    phone.ring(third).await;
    phone.join(third).await;
    let caller = server.login("callertest1").await;
    assert_eq!(caller.events(third).await, ["Created", "Join"]);
}

#[tokio::test]
async fn whoever_asks_something_of_one_that_sleeps_wakes_it_and_all_others_see_what_came_of_it() {
    let mut server = Server::start().await;
    let (caller, expert, other) =
        (server.login("callertest1").await, server.login("expert1").await, server.login("expert2").await);
    let (one, two, three) = (
        plan(&server, &caller, HOUR, &[&expert, &other]).await,
        plan(&server, &caller, HOUR, &[&expert]).await,
        plan(&server, &caller, HOUR, &[&expert]).await,
    );
    server.kill();
    server.start_again().await;
    let (mut desk, mut phone) = (caller.device().await, expert.device().await);
    let rename = async |title: &str| {
        caller.post("/rtc/updateCall", json!({"callId": one, "callTitle": title})).await.json();
    };
    // Many at once find one task.
    tokio::join!(rename("a"), rename("b"), rename("c"), phone.decline(one));
    let declined = |view: &farhand_protocol::frame::CallView| {
        view.people.iter().any(|person| person.state == PersonState::Declined)
    };
    desk.call(one, "who declined", declined).await;
    assert_eq!(caller.events(one).await, ["Created", "Declined"]);
    caller.call_operation("startCall", two).await.json();
    phone.ring(two).await;
    caller.call_operation("cancelCall", three).await.json();
    phone.ended(three).await;
    assert_eq!(caller.events(three).await, ["Created", "Ended"]);
    server.clock().move_ahead(Duration::from_mins(61));
    let mut others = server.login("expert2").await.device().await;
    others.ring(one).await;
    assert!(!phone.has_rung(three).await);
}

#[tokio::test]
async fn of_one_that_sleeps_the_planner_sees_what_becomes_of_its_letters() {
    let sink = Sink::start(Options::default()).await;
    let url = format!("smtp://{}?starttls=never", sink.address());
    let server = Server::with(|config| config.mail_url = Some(url)).await;
    let caller = server.login("callertest1").await;
    let mut desk = caller.device().await;
    let before = server.tasks();
    let contact = json!({"displayName": "Gil", "email": "grey451@example.org"});
    let at = server.clock().in_seconds(10 * HOUR);
    let call = caller.create_call(json!({"plannedDateTime": at, "invitedContacts": [contact]})).await;
    let told = |view: &farhand_protocol::frame::CallView, state: &str| {
        view.people.iter().flat_map(|person| &person.notifications).any(|told| told.state == state && told.tries == 1)
    };
    desk.call(call.call_id, "that it waits", |view| told(view, "queued")).await;
    few_tasks(&server, before).await;
    server.clock().move_ahead(Duration::from_mins(1));
    let sent = |view: &farhand_protocol::frame::CallView| {
        view.people.iter().flat_map(|person| &person.notifications).any(|told| told.state == "sent")
    };
    desk.call(call.call_id, "that it was sent", sent).await;
}
