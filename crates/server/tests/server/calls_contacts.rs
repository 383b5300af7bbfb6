//! Who is invited: users by id or name, teams, guests; each named wrongly in every way.

use farhand_protocol::{ErrorCode, call::CallLog};
use farhand_testkit::{Account, OTHER_DOMAIN, Server, json};
use reqwest::Method;
use serde_json::Value;

async fn invite(caller: &Account, contacts: Value) -> CallLog {
    caller.create_call(json!({"invitedContacts": contacts})).await
}

fn invited_users(call: &CallLog) -> Vec<i64> {
    call.invited_contacts.iter().filter_map(|contact| contact.user_db_id).collect()
}

async fn nothing_was_made(caller: &Account) {
    assert_eq!(caller.get("/rtc/getCallLogs").await.json()["calls"], json!([]));
}

/// A team of the tester and the glasses.
async fn team(server: &Server, name: &str) -> Value {
    server.login("admin").await.post("/admin/teams", json!({"name": name, "members": [8, 12]})).await.json()
}

#[tokio::test]
async fn a_user_is_found_by_database_id_by_login_name_and_by_both() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let ways = [
        json!({"userDbId": 8}),
        json!({"userId": "tester", "domain": "ubimax"}),
        json!({"userId": "tester"}),
        json!({"userDbId": 8, "userId": "tester", "domain": "ubimax"}),
        json!({"userDbId": 8, "domain": "ubimax"}),
    ];
    let mut contact_ids = Vec::new();
    for way in ways {
        let call = invite(&caller, json!([way])).await;
        let contact = &call.invited_contacts[0];
        assert_eq!((contact.user_db_id, contact.user_id.as_deref()), (Some(8), Some("tester")), "{way}");
        assert_eq!((contact.domain.as_deref(), contact.display_name.as_deref()), (Some("ubimax"), Some("Tester")));
        contact_ids.push(contact.id.unwrap());
    }
    contact_ids.dedup();
    assert_eq!(contact_ids.len(), 1, "one contact per user, reused by later calls");
    assert_ne!(contact_ids[0], 8, "a contact has an id of its own");
}

#[tokio::test]
async fn a_contact_that_names_nobody_of_the_domain_is_refused_at_its_place_and_nothing_is_made() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let foreign = server.login_at(OTHER_DOMAIN, "connector1").await.id();
    let unknown = [
        json!({"userDbId": 999_999}),
        json!({"userDbId": -1}),
        json!({"userDbId": foreign}),
        json!({"userDbId": foreign, "domain": "other", "userId": "connector1"}),
        json!({"userId": "nobody", "domain": "ubimax"}),
        json!({"userId": "expert1", "domain": "other"}),
        json!({"userId": "expert1", "domain": "nowhere"}),
        json!({"userDbId": 8, "domain": "other"}),
        json!({"userDbId": 8, "userId": "nobody"}),
        json!({"userId": "' OR 1=1 --"}),
    ];
    let mut bodies = Vec::new();
    for contact in unknown {
        let refused = caller.try_create_call(json!({"invitedContacts": [{"userDbId": 12}, contact]})).await;
        refused.refused_at(ErrorCode::UnknownContact, "/invitedContacts/1");
        bodies.push(refused.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "another domain's user is answered exactly like nobody");
    nothing_was_made(&caller).await;
}

#[tokio::test]
async fn an_id_and_a_name_of_different_users_disagree() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let contact = json!({"userDbId": 8, "userId": "glasses1", "domain": "ubimax"});
    let refused = caller.try_create_call(json!({"invitedContacts": [contact]})).await;
    refused.refused_at(ErrorCode::ContactMismatch, "/invitedContacts/0");
    nothing_was_made(&caller).await;
}

#[tokio::test]
async fn a_disabled_user_can_not_be_invited() {
    let server = Server::start().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    admin.send(Method::PATCH, "/admin/users/8", json!({"disabled": true})).await.json();
    let refused = caller.try_create_call(json!({"invitedContacts": [{"userDbId": 8}]})).await;
    refused.refused_at(ErrorCode::UnknownContact, "/invitedContacts/0");
}

#[tokio::test]
async fn a_person_invited_twice_is_invited_once_as_first_named() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let team = team(&server, "Pumps").await;
    let call = caller
        .create_call(json!({
            "invitedContacts": [
                {"userDbId": 8, "displayName": "First"}, {"userId": "tester", "displayName": "Second"},
                {"email": "a@example.org"}, {"email": "a@example.org"}, {"email": "b@example.org"},
            ],
            "invitedTeams": [{"id": team["id"]}, {"name": "Pumps"}],
        }))
        .await;
    assert_eq!(invited_users(&call), [8, 12]);
    assert_eq!(call.invited_contacts[0].display_name.as_deref(), Some("First"));
    assert_eq!(call.invited_contacts.len(), 4, "and two guests");
    let rings = call.call_history.iter().filter(|item| item.kind == "RingStarted");
    assert_eq!(rings.count(), 4);
}

#[tokio::test]
async fn addresses_belong_to_the_invitation_and_are_never_replaced_by_stored_ones() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let given = json!([{"userDbId": 8, "email": "here@example.org", "phoneNumber": "+49 123"}]);
    let call = invite(&caller, given).await;
    let contact = &call.invited_contacts[0];
    assert_eq!(
        (contact.email.as_deref(), contact.phone_number.as_deref()),
        (Some("here@example.org"), Some("+49 123"))
    );
    let next = invite(&caller, json!([{"userDbId": 8}])).await;
    assert_eq!((&next.invited_contacts[0].email, &next.invited_contacts[0].phone_number), (&None, &None));
    assert!(next.creator_contact.email.is_none());
    let text = caller.get(&format!("/rtc/getCallLogById?callId={}", next.call_id)).await;
    assert!(!text.text().contains("tester@ubimax.example"), "the stored address is nobody's business");
    assert_eq!(caller.call_log(call.call_id).await.invited_contacts[0], *contact, "and stays with its own call");
}

#[tokio::test]
async fn a_guest_needs_an_address_and_has_a_contact_per_invitation() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    for contact in [json!({}), json!({"displayName": "Nobody"}), json!({"displayName": "Nobody", "domain": "ubimax"})] {
        let refused = caller.try_create_call(json!({"invitedContacts": [{"userDbId": 8}, contact]})).await;
        refused.refused_at(ErrorCode::ContactUnreachable, "/invitedContacts/1");
    }
    nothing_was_made(&caller).await;
    let guest = json!([{"displayName": "Guest", "email": "guest@example.org"}]);
    let (a, b) = (invite(&caller, guest.clone()).await, invite(&caller, guest).await);
    let (a, b) = (&a.invited_contacts[0], &b.invited_contacts[0]);
    assert_eq!((a.user_db_id, &a.user_id), (None, &None));
    assert_ne!(a.id, b.id);
    let nameless = invite(&caller, json!([{"phoneNumber": "+49 1"}])).await;
    assert_eq!(nameless.invited_contacts[0].display_name.as_deref(), Some("+49 1"));
}

#[tokio::test]
async fn mail_and_sms_that_nobody_can_send_yet_stand_in_the_history_as_not_configured() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let contacts = json!([
        {"displayName": "Guest", "email": "guest@example.org", "phoneNumber": "+49 1"},
        {"userDbId": 8, "email": "tester@example.org"}, {"userDbId": 12},
    ]);
    let call = invite(&caller, contacts).await;
    let notes: Vec<_> = call.call_history.iter().filter(|item| item.kind == "Notification").collect();
    let told: Vec<_> = notes.iter().map(|n| (n.contact_id, n.channel.as_deref(), n.state.as_deref())).collect();
    let (guest, tester) = (call.invited_contacts[0].id, call.invited_contacts[1].id);
    let not_configured = Some("notConfigured");
    assert_eq!(
        told,
        [
            (guest, Some("email"), not_configured),
            (guest, Some("sms"), not_configured),
            (tester, Some("email"), not_configured)
        ]
    );
    let more = json!({"callId": call.call_id, "invitedContacts": [{"email": "late@example.org"}]});
    let call: CallLog = caller.post("/rtc/inviteToCall", more).await.ok();
    assert_eq!(call.call_history.iter().filter(|item| item.kind == "Notification").count(), 4);
    assert_eq!(call.call_events.len(), 1, "callEvents stay free of it");
}

#[tokio::test]
async fn a_domain_that_allows_no_guests_refuses_them_and_nobody_else() {
    let server = Server::start().await;
    let (admin, caller) = (server.login("admin").await, server.login("callertest1").await);
    let domains = admin.get("/admin/domains").await.json();
    let id = domains.as_array().unwrap().iter().find(|domain| domain["name"] == "ubimax").unwrap()["id"].clone();
    admin.send(Method::PATCH, &format!("/admin/domains/{id}"), json!({"guestsAllowed": false})).await.json();
    let guest = json!({"email": "guest@example.org"});
    let refused = caller.try_create_call(json!({"invitedContacts": [{"userDbId": 8}, guest]})).await;
    refused.refused_at(ErrorCode::GuestsNotAllowed, "/invitedContacts/1");
    nothing_was_made(&caller).await;
    let call = invite(&caller, json!([{"userDbId": 8, "email": "tester@example.org"}])).await;
    let more = json!({"callId": call.call_id, "invitedContacts": [guest]});
    caller.post("/rtc/inviteToCall", more).await.refused_at(ErrorCode::GuestsNotAllowed, "/invitedContacts/0");
    let theirs = server.login_at(OTHER_DOMAIN, "expert1").await;
    invite(&theirs, json!([guest])).await;
}

#[tokio::test]
async fn over_long_names_and_addresses_are_refused_at_their_place() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let guest = json!({"email": "g@example.org"});
    for field in ["displayName", "email", "phoneNumber", "userId", "domain"] {
        let mut contact = guest.clone();
        contact[field] = json!("x".repeat(201));
        let refused = caller.try_create_call(json!({"invitedContacts": [contact]})).await;
        refused.refused_at(ErrorCode::InvalidField, &format!("/invitedContacts/0/{field}"));
    }
    invite(&caller, json!([{"email": "g@example.org", "displayName": "x".repeat(200)}])).await;
}

#[tokio::test]
async fn a_team_is_found_by_id_or_name_and_invites_its_members() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let team = team(&server, "Pumps").await;
    let id = &team["id"];
    let ways = [
        json!({"id": id}),
        json!({"name": "Pumps"}),
        json!({"id": id, "name": "Pumps", "domain": "ubimax"}),
        json!({"name": "Pumps", "domain": "ubimax"}),
    ];
    for way in ways {
        let call = caller.create_call(json!({"invitedTeams": [way]})).await;
        assert_eq!(invited_users(&call), [8, 12], "{way}");
        assert_eq!(json!(call.invited_teams), json!([{"id": id, "name": "Pumps", "domain": "ubimax"}]));
    }
}

#[tokio::test]
async fn a_team_that_is_unknown_or_another_domains_is_refused_at_its_place() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let (pumps, motors) = (team(&server, "Pumps").await, team(&server, "Motors").await);
    let other_admin = server.login_at(OTHER_DOMAIN, "admin").await;
    let foreign = other_admin.post("/admin/teams", json!({"name": "Theirs"})).await.json();
    let refused = [
        (json!({}), ErrorCode::UnknownTeam),
        (json!({"id": 999_999}), ErrorCode::UnknownTeam),
        (json!({"name": "pumps"}), ErrorCode::UnknownTeam),
        (json!({"id": foreign["id"]}), ErrorCode::UnknownTeam),
        (json!({"name": "Theirs", "domain": "other"}), ErrorCode::UnknownTeam),
        (json!({"id": pumps["id"], "domain": "other"}), ErrorCode::UnknownTeam),
        (json!({"id": pumps["id"], "name": "Motors"}), ErrorCode::TeamMismatch),
        (json!({"id": motors["id"], "name": "Nothing"}), ErrorCode::TeamMismatch),
    ];
    for (team, code) in refused {
        let call = json!({"invitedTeams": [{"name": "Pumps"}, team]});
        caller.try_create_call(call).await.refused_at(code, "/invitedTeams/1");
    }
    nothing_was_made(&caller).await;
}

#[tokio::test]
async fn all_members_of_a_team_ring_at_once_and_a_call_keeps_the_name_of_a_team_that_is_gone() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let team = team(&server, "Pumps").await;
    let (mut tester, mut glasses) =
        (server.login("tester").await.device().await, server.login("glasses1").await.device().await);
    let call = caller.create_call(json!({"invitedTeams": [{"id": team["id"]}]})).await;
    tester.ring(call.call_id).await;
    glasses.ring(call.call_id).await;
    server.login("admin").await.delete(&format!("/admin/teams/{}", team["id"])).await;
    let kept = caller.call_log(call.call_id).await.invited_teams;
    assert_eq!(kept[0].name.as_deref(), Some("Pumps"));
}
