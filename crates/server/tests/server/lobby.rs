//! The link to a whole call, and the lobby where whoever comes by it waits.

use std::time::Duration;

use farhand_protocol::{
    ErrorCode,
    call::{CallLog, CallStatus},
    frame::{CallView, ClientFrame, PersonState},
    guest::GuestLink,
    lobby::{InLobby, KnockState, Knocked, OpenCall},
};
use farhand_testkit::{Account, Answer, Device, Guest, Server, json};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::guests::{about, gil, invited_to, noted};

/// Somebody with the link to a whole call.
#[derive(Clone)]
pub struct Visitor {
    by: Guest,
    knock: Uuid,
    name: &'static str,
    terms: Option<String>,
}

impl Visitor {
    pub fn with(server: &Server, link: &str) -> Self {
        let knock = Uuid::from_u128(u128::from_le_bytes(*b"sixteen bytes of") ^ link.len() as u128);
        Self { by: Guest::with(server, link), knock, name: "Vera", terms: None }
    }

    fn named(&self, name: &'static str, number: u128) -> Self {
        Self { name, knock: Uuid::from_u128(number), ..self.clone() }
    }

    async fn look(&self) -> Answer {
        self.by.post("/guest/openCall", json!({})).await
    }

    async fn try_knock(&self, wait: u32) -> Answer {
        self.knock_knowing(None, wait).await
    }

    /// `hosted`: what the last answer said.
    async fn knock_knowing(&self, hosted: Option<bool>, wait: u32) -> Answer {
        let body = json!({"knockId": self.knock, "displayName": self.name, "termsVersion": self.terms,
            "hosted": hosted, "waitSeconds": wait});
        self.by.post("/guest/knock", body).await
    }

    pub async fn knock(&self) -> Knocked {
        self.try_knock(0).await.ok()
    }

    async fn state(&self) -> KnockState {
        self.knock().await.state
    }

    /// With the personal link of whoever has been admitted.
    async fn admitted(&self, server: &Server) -> Guest {
        let knocked = self.knock().await;
        assert_eq!(knocked.state, KnockState::Admitted);
        Guest::with(server, &knocked.link.unwrap())
    }
}

/// A call that is open to whoever has its link.
async fn open_call(server: &Server, host: &Account) -> (Uuid, Visitor) {
    let call = json!({"callTitle": "Pump 7", "joinAnonymousAllowed": true});
    let call_id = host.create_call(call).await.call_id;
    (call_id, Visitor::with(server, &call_link(host, call_id).await))
}

pub async fn call_link(host: &Account, call_id: Uuid) -> String {
    host.post("/rtc/getCallLink", json!({"callId": call_id})).await.ok::<GuestLink>().link
}

/// Waits until the lobby is shown with these people in it.
async fn shown(device: &mut Device, call_id: Uuid, names: &[&str]) -> Vec<InLobby> {
    let like =
        |call: &CallView| call.lobby.iter().map(|waiting| waiting.display_name.as_str()).eq(names.iter().copied());
    device.call(call_id, &format!("a lobby with {names:?}"), like).await.lobby
}

async fn decide(host: &Account, operation: &str, call_id: Uuid, id: Uuid) -> Answer {
    host.post(&format!("/rtc/{operation}"), json!({"callId": call_id, "lobbyId": id})).await
}

#[tokio::test]
async fn the_link_says_who_invites_to_what_and_nothing_else_and_nobody_hears_of_it() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let (call_id, visitor) = open_call(&server, &host).await;
    let before = host.call_log(call_id).await;
    let expected = OpenCall {
        call_title: "Pump 7".to_owned(),
        call_status: CallStatus::Planned,
        from: "Caller Test 1".to_owned(),
        planned_date_time: None,
        planned_time_zone: None,
        terms: None,
    };
    assert_eq!(visitor.look().await.ok::<OpenCall>(), expected);
    assert_eq!(host.call_log(call_id).await, before);
    let again = call_link(&host, call_id).await;
    assert!(again.ends_with(&visitor.by.token), "the same as long as it is good");
    for path in ["/guest/look", "/rtc/joinCall"] {
        visitor.by.post(path, json!({"callId": call_id})).await.refused(ErrorCode::Unauthenticated);
    }
}

#[tokio::test]
async fn whoever_is_admitted_is_a_guest_of_the_call_and_whoever_waits_is_nobody() {
    let server = Server::start().await;
    let (host, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let (call_id, visitor) = open_call(&server, &host).await;
    host.post("/rtc/inviteToCall", json!({"callId": call_id, "invitedContacts": [expert.invited()]})).await.json();
    let (mut own, mut other) = (host.device().await, expert.device().await);
    let view = own.join(call_id).await;
    assert!(view.host && view.anonymous_join_allow);
    let before = host.call_log(call_id).await;
    let knocked = visitor.knock().await;
    assert_eq!((knocked.state, knocked.hosted, knocked.link), (KnockState::Waiting, true, None));
    let waiting = shown(&mut own, call_id, &["Vera"]).await;
    assert_eq!(host.call_log(call_id).await, before, "nobody yet");
    let is_shown = |call: &CallView| call.host || !call.lobby.is_empty();
    other.catch_up().await;
    assert!(
        !is_shown(&other.call(call_id, "the call", |_| true).await),
        "an expert who is not in the call opens to nobody"
    );

    own.socket().request(|id| ClientFrame::AdmitToCall { id, call_id, lobby_id: waiting[0].id }).await.unwrap();
    shown(&mut own, call_id, &[]).await;
    let guest = visitor.admitted(&server).await;
    let mut device = guest.device().await;
    device.ring(call_id).await;
    let view = device.join(call_id).await;
    assert!(!view.host && view.lobby.is_empty());
    let vera = own.person(call_id, view.you.unwrap(), PersonState::Joined).await;
    let vera = vera.people.into_iter().find(|person| person.contact.id == view.you).unwrap();
    assert_eq!((vera.guest, vera.contact.display_name.as_deref()), (true, Some("Vera")));
    assert_eq!(noted(&host.call_log(call_id).await, "Admitted"), 1);
    let own_log: CallLog = guest.get(&format!("/rtc/getCallLogById?callId={call_id}")).await.ok();
    assert_eq!(noted(&own_log, "Admitted"), 0);
    other.join(call_id).await;
    visitor.named("Vic", 2).knock().await;
    shown(&mut other, call_id, &["Vic"]).await;
    assert!(!device.has(|frame| format!("{frame:?}").contains("Vic")).await, "not for guests to see");
}

#[tokio::test]
async fn a_knock_is_answered_as_soon_as_somebody_opens_takes_the_link_back_or_ends_the_call() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let (call_id, visitor) = open_call(&server, &host).await;
    let mut own = host.device().await;
    let waits = |visitor: &Visitor| {
        let visitor = visitor.clone();
        tokio::spawn(async move { visitor.knock_knowing(Some(true), 10).await })
    };
    let answer = waits(&visitor);
    let waiting = shown(&mut own, call_id, &["Vera"]).await;
    decide(&host, "admitToCall", call_id, waiting[0].id).await.ok::<CallLog>();
    assert_eq!(answer.await.unwrap().ok::<Knocked>().state, KnockState::Admitted);

    let answer = waits(&visitor.named("Vic", 2));
    shown(&mut own, call_id, &["Vic"]).await;
    let log: CallLog = host.post("/rtc/revokeCallLink", json!({"callId": call_id})).await.ok();
    answer.await.unwrap().refused(ErrorCode::GuestLinkRevoked);
    assert_eq!(noted(&log, "CallLinkRevoked"), 1);
    visitor.look().await.refused(ErrorCode::GuestLinkRevoked);

    let visitor = Visitor::with(&server, &call_link(&host, call_id).await).named("Val", 3);
    let answer = waits(&visitor);
    shown(&mut own, call_id, &["Val"]).await;
    host.call_operation("endCall", call_id).await.ok::<CallLog>();
    answer.await.unwrap().refused(ErrorCode::CallEnded);
    visitor.look().await.refused(ErrorCode::CallEnded);
    host.post("/rtc/getCallLink", json!({"callId": call_id})).await.refused(ErrorCode::CallEnded);
}

#[tokio::test]
async fn whoever_waits_hears_at_once_that_somebody_has_come_who_could_open() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let (call_id, visitor) = open_call(&server, &host).await;
    assert!(!visitor.knock().await.hosted);
    let waiting = visitor.clone();
    let answer = tokio::spawn(async move { waiting.knock_knowing(Some(false), 10).await });
    let mut own = host.device().await;
    shown(&mut own, call_id, &["Vera"]).await;
    let knocked: Knocked = answer.await.unwrap().ok();
    assert_eq!((knocked.state, knocked.hosted), (KnockState::Waiting, true));
    let knows_less: Knocked = visitor.knock_knowing(Some(false), 10).await.ok();
    assert!(knows_less.hosted, "also what changed between two questions");
}

#[tokio::test]
async fn whoever_was_refused_is_not_asked_about_again_for_a_while() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let (call_id, visitor) = open_call(&server, &host).await;
    let mut own = host.device().await;
    visitor.knock().await;
    let waiting = shown(&mut own, call_id, &["Vera"]).await;
    let log: CallLog = decide(&host, "refuseFromCall", call_id, waiting[0].id).await.ok();
    assert_eq!(noted(&log, "RefusedFromLobby"), 1);
    own.forget().await;
    for somebody in [visitor.clone(), visitor.named("Vera", 2)] {
        assert_eq!(somebody.state().await, KnockState::Refused);
    }
    assert!(!own.has(|frame| format!("{frame:?}").contains("Vera")).await);
    assert_eq!(visitor.named("Vic", 3).state().await, KnockState::Waiting, "somebody else behind the same address");
    server.clock().move_ahead(Duration::from_mins(5));
    assert_eq!(visitor.state().await, KnockState::Waiting);
    decide(&host, "admitToCall", call_id, waiting[0].id).await.refused(ErrorCode::NotWaiting);
}

#[tokio::test]
async fn whoever_waits_is_back_after_a_kill_and_whoever_was_let_in_did_not_have_to_hear_of_it() {
    let mut server = Server::start().await;
    let host = server.login("callertest1").await;
    let (call_id, visitor) = open_call(&server, &host).await;
    let mut own = host.device().await;
    visitor.knock().await;
    let second = visitor.named("Vic", 2);
    second.knock().await;
    let waiting = shown(&mut own, call_id, &["Vera", "Vic"]).await;
    decide(&host, "admitToCall", call_id, waiting[0].id).await.ok::<CallLog>();
    server.kill();
    server.start_again().await;
    let mut own = host.device().await;
    assert_eq!(second.state().await, KnockState::Waiting);
    shown(&mut own, call_id, &["Vic"]).await;
    let guest = visitor.admitted(&server).await;
    assert_eq!(visitor.admitted(&server).await.token, guest.token, "the same guest, however often it asks");
    guest.device().await.join(call_id).await;
    assert_eq!(host.call_log(call_id).await.invited_contacts.len(), 1);
    let contact = host.call_log(call_id).await.invited_contacts[0].id.unwrap();
    host.post("/rtc/revokeGuestLink", about(call_id, contact)).await.ok::<CallLog>();
    if host.call_log(call_id).await.call_status != CallStatus::Ended {
        assert_eq!(visitor.state().await, KnockState::Refused, "the knock does not bring back what was taken back");
    }
}

#[tokio::test]
async fn a_link_taken_back_from_a_guest_is_not_given_out_again_by_the_knock() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let (call_id, visitor) = open_call(&server, &host).await;
    let mut own = host.device().await;
    visitor.knock().await;
    let waiting = shown(&mut own, call_id, &["Vera"]).await;
    let log: CallLog = decide(&host, "admitToCall", call_id, waiting[0].id).await.ok();
    let guest = visitor.admitted(&server).await;
    host.post("/rtc/revokeGuestLink", about(call_id, log.invited_contacts[0].id.unwrap())).await.ok::<CallLog>();
    guest.look().await.refused(ErrorCode::GuestLinkRevoked);
    let knocked = visitor.knock().await;
    assert_eq!((knocked.state, knocked.link), (KnockState::Refused, None));
}

#[tokio::test]
async fn forged_expired_and_closed_links_let_nobody_to_the_door() {
    let server = Server::with(|config| {
        config.login.max_failures = 20;
        config.calls.guest_link_hours = 1;
        config.calls.open_seconds = 86_400;
    })
    .await;
    let (host, admin) = (server.login("callertest1").await, server.login("admin").await);
    let (call_id, visitor) = open_call(&server, &host).await;
    let (other, _) = open_call(&server, &host).await;
    let token = visitor.by.token.clone();
    let [call, domain, generation, end, proof] = <[&str; 5]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap();
    let foreign = call_link(&host, other).await;
    let foreign = foreign.split_once('#').unwrap().1.split('.').next().unwrap();
    let forged = [
        format!("{foreign}.{domain}.{generation}.{end}.{proof}"),
        format!("{call}.9.{generation}.{end}.{proof}"),
        format!("{call}.{domain}.2.{end}.{proof}"),
        format!("{call}.{domain}.{generation}.ffffffff.{proof}"),
        format!("{call}.{domain}.{generation}.{end}."),
        "fhc_".to_owned(),
    ];
    for token in forged {
        let visitor = Visitor { by: Guest::with_token(&server, &token), ..visitor.clone() };
        visitor.look().await.refused(ErrorCode::GuestLinkUnknown);
        visitor.try_knock(0).await.refused(ErrorCode::GuestLinkUnknown);
    }
    host.post("/guest/openCall", json!({})).await.refused(ErrorCode::Forbidden);

    let update = |open: bool| json!({"callId": call_id, "joinAnonymousAllowed": open});
    visitor.knock().await;
    host.post("/rtc/updateCall", update(false)).await.ok::<CallLog>();
    for refused in [visitor.look().await, visitor.try_knock(0).await] {
        refused.refused(ErrorCode::AnonymousNotAllowed);
    }
    host.post("/rtc/getCallLink", json!({"callId": call_id})).await.refused(ErrorCode::AnonymousNotAllowed);
    let log: CallLog = host.post("/rtc/updateCall", update(true)).await.ok();
    assert!(log.anonymous_join_allow && noted(&log, "OpenedToAnonymous") == 1 && noted(&log, "ClosedToAnonymous") == 1);
    assert_eq!(visitor.state().await, KnockState::Waiting);

    let path = format!("/admin/domains/{}", admin.get("/admin/domains").await.json()[0]["id"]);
    admin.send(Method::PATCH, &path, json!({"guestsAllowed": false})).await.json();
    visitor.look().await.refused(ErrorCode::GuestsNotAllowed);
    host.post("/rtc/getCallLink", json!({"callId": call_id})).await.refused(ErrorCode::GuestsNotAllowed);
    admin.send(Method::PATCH, &path, json!({"guestsAllowed": true})).await.json();
    server.clock().move_ahead(Duration::from_hours(2));
    visitor.look().await.refused(ErrorCode::GuestLinkExpired);
    visitor.try_knock(0).await.refused(ErrorCode::GuestLinkExpired);
}

#[tokio::test]
async fn only_hosts_decide_and_only_once() {
    let server = Server::start().await;
    let [host, technician, stranger] =
        [server.login("callertest1").await, server.login("glasses1").await, server.login("expert2").await];
    let (call_id, visitor) = open_call(&server, &host).await;
    let invite = json!({"callId": call_id, "invitedContacts": [technician.invited(), gil()]});
    let log: CallLog = host.post("/rtc/inviteToCall", invite).await.ok();
    let gil = log.invited_contacts.iter().find(|contact| contact.user_db_id.is_none()).unwrap().id.unwrap();
    let guest = Guest::with(&server, &host.guest_link(call_id, gil).await);
    let (mut own, mut other, mut device) = (host.device().await, technician.device().await, guest.device().await);
    for someone in [&mut own, &mut other, &mut device] {
        someone.join(call_id).await;
    }
    visitor.knock().await;
    let id = shown(&mut own, call_id, &["Vera"]).await[0].id;
    for operation in ["admitToCall", "refuseFromCall"] {
        decide(&technician, operation, call_id, id).await.refused(ErrorCode::Forbidden);
        decide(&stranger, operation, call_id, id).await.refused(ErrorCode::CallNotFound);
        decide(&host, operation, call_id, Uuid::nil()).await.refused(ErrorCode::NotWaiting);
    }
    let admit = |id_of_frame| ClientFrame::AdmitToCall { id: id_of_frame, call_id, lobby_id: id };
    assert_eq!(device.refused(admit).await, ErrorCode::GuestForbidden);
    assert_eq!(other.refused(admit).await, ErrorCode::Forbidden);
    technician.post("/rtc/revokeCallLink", json!({"callId": call_id})).await.refused(ErrorCode::Forbidden);
    call_link(&technician, call_id).await;
    decide(&host, "admitToCall", call_id, id).await.ok::<CallLog>();
    decide(&host, "admitToCall", call_id, id).await.refused(ErrorCode::NotWaiting);
    assert_eq!(host.call_log(call_id).await.invited_contacts.len(), 3);
}

#[tokio::test]
async fn so_many_wait_behind_one_address_and_whoever_goes_makes_room() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let (call_id, visitor) = open_call(&server, &host).await;
    let mut own = host.device().await;
    for number in 1..=10 {
        assert_eq!(visitor.named("Vera", number).state().await, KnockState::Waiting);
    }
    visitor.named("Vera", 11).try_knock(0).await.refused(ErrorCode::LobbyFull);
    let first = visitor.named("Vera", 1);
    first.by.post("/guest/leaveLobby", json!({"knockId": first.knock})).await.ok::<OpenCall>();
    shown(&mut own, call_id, &["Vera"; 9]).await;
    assert_eq!(visitor.named("Vera", 11).state().await, KnockState::Waiting);
}

#[tokio::test]
async fn terms_are_accepted_with_the_knock_and_recorded_when_somebody_is_let_in() {
    let server = Server::start().await;
    let (host, admin) = (server.login("callertest1").await, server.login("admin").await);
    let (call_id, visitor) = open_call(&server, &host).await;
    let path = format!("/admin/domains/{}", admin.get("/admin/domains").await.json()[0]["id"]);
    admin.send(Method::PATCH, &path, json!({"guestTerms": "Be kind."})).await.json();
    let terms = visitor.look().await.ok::<OpenCall>().terms.unwrap();
    assert_eq!(terms.text, "Be kind.");
    visitor.try_knock(0).await.refused(ErrorCode::TermsRequired);
    let wrong = Visitor { terms: Some("0".repeat(64)), ..visitor.clone() };
    wrong.try_knock(0).await.refused(ErrorCode::TermsRequired);
    let visitor = Visitor { terms: Some(terms.version), ..visitor };
    let mut own = host.device().await;
    visitor.knock().await;
    let id = shown(&mut own, call_id, &["Vera"]).await[0].id;
    decide(&host, "admitToCall", call_id, id).await.ok::<CallLog>();
    let guest = visitor.admitted(&server).await;
    assert_eq!(guest.invitation().await.terms, None, "accepted already");
    guest.device().await.join(call_id).await;
}

#[tokio::test]
async fn a_name_that_cannot_be_shown_is_no_name() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let (_, visitor) = open_call(&server, &host).await;
    let long: &'static str = Box::leak("x".repeat(61).into_boxed_str());
    for name in [" ", "…", "Vera\u{202e}", long] {
        visitor.named(name, 1).try_knock(0).await.refused_at(ErrorCode::InvalidField, "/displayName");
    }
    let body: Value = json!({"displayName": "Vera"});
    visitor.by.post("/guest/knock", body).await.refused(ErrorCode::InvalidField);
}

#[tokio::test]
async fn nothing_that_lets_anybody_in_stands_in_the_database() {
    let server = Server::start().await;
    let host = server.login("callertest1").await;
    let (call_id, visitor) = open_call(&server, &host).await;
    let mut own = host.device().await;
    visitor.knock().await;
    let id = shown(&mut own, call_id, &["Vera"]).await[0].id;
    decide(&host, "admitToCall", call_id, id).await.ok::<CallLog>();
    let guest = visitor.admitted(&server).await;
    let secrets = [visitor.knock.to_string(), proof(&visitor.by.token), proof(&guest.token)];
    let mut files = 0;
    for file in std::fs::read_dir(server.data_dir()).unwrap() {
        let path = file.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", path.display());
        }
        assert!(!bytes.windows(16).any(|part| part == visitor.knock.as_bytes()), "{}", path.display());
        files += 1;
    }
    assert!(files > 0);
}

fn proof(token: &str) -> String {
    token.rsplit('.').next().unwrap().to_owned()
}

#[tokio::test]
async fn guests_of_a_planned_call_wait_in_front_of_it_until_it_begins() {
    let server = Server::start().await;
    let (host, expert) = (server.login("callertest1").await, server.login("expert1").await);
    let later = server.clock().in_seconds(3_600);
    let planned = json!({"plannedDateTime": later, "invitedContacts": [gil(), expert.invited()]});
    let (call, guest) = invited_to(&server, &host, planned.clone()).await;
    let call_id = call.call_id;
    let mut device = guest.device().await;
    let join = |id| ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer: None };
    assert_eq!(device.refused(join).await, ErrorCode::CallNotBegun);
    host.device().await.join(call_id).await;
    device.call(call_id, "the beginning", |call| call.call_status == CallStatus::Started).await;
    device.join(call_id).await;

    let (call, guest) = invited_to(&server, &host, planned).await;
    let mut device = guest.device().await;
    host.call_operation("startCall", call.call_id).await.ok::<CallLog>();
    device.ring(call.call_id).await;
    device.join(call.call_id).await;
}
