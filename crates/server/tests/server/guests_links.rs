//! Guests' personal links: which are good, how each ends, and what they leave behind.

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallStatus},
    frame::PersonState,
    guest::GuestInvitation,
};
use farhand_testkit::{Guest, Server, json, smtp};

use crate::{
    guests::{about, contact, gil, guest_of, invited, invited_to, noted},
    notify::until,
};

#[tokio::test]
async fn a_link_says_who_invites_to_what_and_looking_changes_nothing() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    let before = caller.call_log(call.call_id).await;
    for _ in 0..3 {
        let expected = GuestInvitation {
            call_id: call.call_id,
            call_title: "Pump 7".to_owned(),
            call_status: CallStatus::Planned,
            from: "Caller Test 1".to_owned(),
            display_name: "Gil".to_owned(),
            planned_date_time: None,
            planned_time_zone: None,
            requested: false,
            terms: None,
        };
        assert_eq!(guest.invitation().await, expected);
    }
    for path in ["/join", "/join#", "/join?utm=1"] {
        let page = server.get(path).await;
        assert!(page.status == 200 && !page.text().contains("Pump 7"), "only the page");
    }
    assert_eq!(caller.call_log(call.call_id).await, before);
}

#[tokio::test]
async fn a_link_is_in_the_letter_and_leads_in() {
    let sink = smtp::Sink::start(smtp::Options::default()).await;
    let url = format!("smtp://{}?starttls=never", sink.address());
    let server = Server::with(|config| config.mail_url = Some(url)).await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    let letter = sink.wait_for(1).await.remove(0);
    let plain = letter.text().replace("=\r\n", "");
    assert!(plain.contains(&format!("/join#{}", guest.token)), "{plain}");
    assert!(!plain.contains("/call/"), "that one needs a login");
    guest.device().await.join(call.call_id).await;
}

#[tokio::test]
async fn forged_links_are_refused_whichever_part_is_changed_and_then_one_has_to_wait() {
    let server = Server::with(|config| config.login.max_failures = 15).await;
    let caller = server.login("callertest1").await;
    let (_, guest) = invited(&server, &caller).await;
    let (_, other) = invited(&server, &caller).await;
    let parts: Vec<_> = guest.token.split('.').collect();
    let others: Vec<_> = other.token.split('.').collect();
    let mut forged: Vec<String> = (0..4)
        .map(|at| {
            let mut parts = parts.clone();
            parts[at] = ["fhg_999", "2", "7fffffff", "AAAAAAAAAAAAAAAAAAAAAA"][at];
            parts.join(".")
        })
        .collect();
    forged.push([parts[0], parts[1], parts[2], others[3]].join("."));
    forged.push([others[0], parts[1], parts[2], parts[3]].join("."));
    for token in &forged {
        let forged = Guest::with_token(&server, token);
        forged.look().await.refused(ErrorCode::GuestLinkUnknown);
        forged.get("/rtc/getIceServers").await.refused(ErrorCode::GuestLinkUnknown);
        assert_eq!(forged.refused_device().await, (Some(4401), ErrorCode::GuestLinkUnknown));
    }
    let again = Guest::with_token(&server, &forged[3]);
    let mut code = ErrorCode::GuestLinkUnknown;
    for _ in 0..20 {
        code = again.look().await.problem().code;
    }
    assert_eq!(code, ErrorCode::TooManyAttempts, "guessing is limited");
    other.invitation().await;
    // Nor may whoever guesses lock out those who have the link.
    guest.invitation().await;
}

#[tokio::test]
async fn a_link_expires_but_not_for_whoever_is_in_the_call() {
    let server = Server::with(|config| {
        config.calls.guest_link_hours = 2;
        config.calls.open_seconds = 86_400;
    })
    .await;
    let caller = server.login("callertest1").await;
    let later = server.clock().in_seconds(86_400);
    let planned = json!({"plannedDateTime": later, "invitedContacts": [gil()]});
    let (_, waiting) = invited_to(&server, &caller, planned).await;
    let (call, guest) = invited(&server, &caller).await;
    let mut device = guest.device().await;
    let mut own = caller.device().await;
    own.join(call.call_id).await;
    device.join(call.call_id).await;
    server.clock().move_ahead(Duration::from_hours(3));
    assert_eq!(guest.invitation().await.call_status, CallStatus::Started, "is in the call");
    assert!(waiting.invitation().await.planned_date_time.is_some(), "good until the planned call is over");
    let third = json!({"displayName": "Late", "email": "late@example.org"});
    let caller = server.login("callertest1").await;
    let invite = json!({"callId": call.call_id, "invitedContacts": [third]});
    let log: CallLog = caller.post("/rtc/inviteToCall", invite).await.ok();
    let late = log.invited_contacts.last().unwrap().id.unwrap();
    let late = Guest::with(&server, &caller.guest_link(call.call_id, late).await);
    late.invitation().await;
    server.clock().move_ahead(Duration::from_hours(3));
    late.look().await.refused(ErrorCode::GuestLinkExpired);
    assert_eq!(late.refused_device().await, (Some(4401), ErrorCode::GuestLinkExpired));
}

#[tokio::test]
async fn a_link_that_has_expired_is_given_out_anew() {
    let server = Server::with(|config| {
        config.calls.guest_link_hours = 1;
        config.calls.alone_seconds = 86_400;
        config.calls.open_seconds = 86_400;
    })
    .await;
    let caller = server.login("callertest1").await;
    let tester = server.login("tester").await;
    let (call, guest) = invited_to(&server, &caller, json!({"invitedContacts": [gil(), tester.invited()]})).await;
    let (mut own, mut other) = (caller.device().await, tester.device().await);
    own.join(call.call_id).await;
    other.join(call.call_id).await;
    assert_eq!(guest_of(&server, &caller, &call).await.token, guest.token, "the same as long as it is good");
    server.clock().move_ahead(Duration::from_hours(2));
    guest.look().await.refused(ErrorCode::GuestLinkExpired);
    let caller = server.login("callertest1").await;
    let fresh = guest_of(&server, &caller, &call).await;
    fresh.invitation().await;
    guest.look().await.refused(ErrorCode::GuestLinkExpired);
}

#[tokio::test]
async fn a_link_that_is_taken_back_ends_at_once_and_another_is_good_then() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    let (mut own, mut device) = (caller.device().await, guest.device().await);
    own.join(call.call_id).await;
    device.join(call.call_id).await;
    let log: CallLog = caller.post("/rtc/revokeGuestLink", about(call.call_id, contact(&call))).await.ok();
    assert_eq!(device.closed().await, Some(4401));
    assert_eq!(noted(&log, "LinkRevoked"), 1);
    assert_eq!(caller.events(call.call_id).await, ["Created", "Join", "Join", "Leave", "Leave", "Ended"]);
    guest.look().await.refused(ErrorCode::GuestLinkRevoked);
    assert_eq!(guest.refused_device().await, (Some(4401), ErrorCode::GuestLinkRevoked));

    let (call, guest) = invited(&server, &caller).await;
    caller.post("/rtc/revokeGuestLink", about(call.call_id, contact(&call))).await.ok::<CallLog>();
    let fresh = guest_of(&server, &caller, &call).await;
    assert_ne!(fresh.token, guest.token);
    fresh.device().await.join(call.call_id).await;
    guest.look().await.refused(ErrorCode::GuestLinkRevoked);
}

#[tokio::test]
async fn whoever_is_shown_out_leaves_the_others_in_their_call() {
    let server = Server::start().await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let (call, guest) = invited_to(&server, &caller, json!({"invitedContacts": [gil(), tester.invited()]})).await;
    let (mut own, mut other, mut device) = (caller.device().await, tester.device().await, guest.device().await);
    for someone in [&mut own, &mut other, &mut device] {
        someone.join(call.call_id).await;
    }
    tester.post("/rtc/revokeGuestLink", about(call.call_id, contact(&call))).await.ok::<CallLog>();
    assert_eq!(device.closed().await, Some(4401));
    own.person(call.call_id, contact(&call), PersonState::Left).await;
    assert_eq!(caller.call_log(call.call_id).await.call_status, CallStatus::Started);
}

#[tokio::test]
async fn a_message_that_waits_to_be_sent_is_not_sent_once_its_link_is_taken_back() {
    let sink = smtp::Sink::start(smtp::Options::default()).await;
    let url = format!("smtp://{}?starttls=never", sink.address());
    let server = Server::with(|config| config.mail_url = Some(url)).await;
    let caller = server.login("callertest1").await;
    let later = json!({"displayName": "Gil", "email": "grey451@example.org"});
    let (call, _) = invited_to(&server, &caller, json!({"invitedContacts": [later]})).await;
    sink.asked_for("grey451@example.org", 1).await;
    until(&caller, call.call_id, "queued", 1).await;
    caller.post("/rtc/revokeGuestLink", about(call.call_id, contact(&call))).await.ok::<CallLog>();
    until(&caller, call.call_id, "cancelled", 1).await;
}

#[tokio::test]
async fn with_its_call_a_link_is_dead_and_the_last_word_is_how_it_ended() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    let mut device = guest.device().await;
    device.ring(call.call_id).await;
    caller.call_operation("endCall", call.call_id).await.ok::<CallLog>();
    device.ended(call.call_id).await;
    assert_eq!(device.closed().await, Some(4401));
    guest.look().await.refused(ErrorCode::CallEnded);
    assert_eq!(guest.refused_device().await, (Some(4401), ErrorCode::CallEnded));
    guest.get(&format!("/rtc/getCallLogById?callId={}", call.call_id)).await.refused(ErrorCode::CallEnded);
    for operation in ["getGuestLink", "revokeGuestLink", "resendInvitation"] {
        let answer = caller.post(&format!("/rtc/{operation}"), about(call.call_id, contact(&call))).await;
        answer.refused(ErrorCode::CallEnded);
    }
}

#[tokio::test]
async fn a_domain_that_allows_no_guests_any_more_lets_none_in() {
    let server = Server::start().await;
    let (caller, admin) = (server.login("callertest1").await, server.login("admin").await);
    let (_, guest) = invited(&server, &caller).await;
    let domain = admin.get("/admin/domains").await.json()[0]["id"].clone();
    let path = format!("/admin/domains/{domain}");
    admin.send(reqwest::Method::PATCH, &path, json!({"guestsAllowed": false})).await.json();
    guest.look().await.refused(ErrorCode::GuestsNotAllowed);
    assert_eq!(guest.refused_device().await, (Some(4401), ErrorCode::GuestsNotAllowed));
}

#[tokio::test]
async fn a_message_is_sent_again_with_the_link_that_is_good_but_not_too_often() {
    let sink = smtp::Sink::start(smtp::Options::default()).await;
    let url = format!("smtp://{}?starttls=never", sink.address());
    let server = Server::with(|config| {
        config.mail_url = Some(url);
        config.calls.message_ring_seconds = 86_400;
    })
    .await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    sink.wait_for(1).await;
    let again = about(call.call_id, contact(&call));
    let soon = caller.post("/rtc/resendInvitation", again.clone()).await.refused(ErrorCode::TooManyAttempts);
    assert!(soon.retry_after.is_some_and(|seconds| (1..=60).contains(&seconds)), "{soon:?}");
    caller.post("/rtc/revokeGuestLink", again.clone()).await.ok::<CallLog>();
    for number in 2..=11 {
        server.clock().move_ahead(Duration::from_secs(61));
        caller.post("/rtc/resendInvitation", again.clone()).await.ok::<CallLog>();
        sink.wait_for(number).await;
    }
    server.clock().move_ahead(Duration::from_secs(61));
    caller.post("/rtc/resendInvitation", again).await.refused(ErrorCode::TooManyAttempts);
    let fresh = guest_of(&server, &caller, &call).await;
    let last = sink.messages().await.pop().unwrap().text().replace("=\r\n", "");
    assert!(last.contains(&fresh.token) && !last.contains(&guest.token), "{last}");
    assert_eq!(noted(&caller.call_log(call.call_id).await, "InvitationResent"), 10);
}

#[tokio::test]
async fn only_whoever_may_invite_gives_links_out_and_only_of_guests() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (tester, stranger) = (server.login("tester").await, server.login("expert2").await);
    let (call, _) = invited_to(&server, &caller, json!({"invitedContacts": [gil(), tester.invited()]})).await;
    let (guest, user) = (contact(&call), call.creator_contact.id.unwrap());
    for operation in ["getGuestLink", "revokeGuestLink", "resendInvitation"] {
        let path = format!("/rtc/{operation}");
        tester.post(&path, about(call.call_id, guest)).await.refused(ErrorCode::Forbidden);
        stranger.post(&path, about(call.call_id, guest)).await.refused(ErrorCode::CallNotFound);
        caller.post(&path, about(call.call_id, user)).await.refused(ErrorCode::UnknownContact);
        caller.post(&path, about(call.call_id, 999_999)).await.refused(ErrorCode::UnknownContact);
    }
    tester.device().await.join(call.call_id).await;
    tester.guest_link(call.call_id, guest).await;
}

#[tokio::test]
async fn a_link_outlives_a_restart_and_nothing_of_it_is_on_disk() {
    let mut server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (call, guest) = invited(&server, &caller).await;
    server.restart().await;
    guest.invitation().await;
    guest.device().await.join(call.call_id).await;
    server.stop().await;
    let proof = guest.token.rsplit_once('.').unwrap().1.as_bytes();
    let mut files = 0;
    for file in std::fs::read_dir(server.data_dir()).unwrap() {
        let path = file.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        assert!(!bytes.windows(proof.len()).any(|window| window == proof), "{}", path.display());
        files += 1;
    }
    assert!(files >= 2, "the database and the key");
    server.start_again().await;
    guest.invitation().await;
}
