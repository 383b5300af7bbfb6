//! How a `createCall` body is read: leniently where integrations differ, strictly where a value is wrong.

use std::time::Duration;

use farhand_protocol::{
    ErrorCode, WireTime,
    call::{CallReason, CallStatus, CallType},
};
use farhand_server::world::Clock;
use farhand_testkit::{Account, Answer, Server, json};
use reqwest::Method;
use serde_json::Value;

/// As the contract gives it, to the byte.
const CONTRACT: &str = r#"{"callType":"SFU","invitedContacts":[{"userId":"tester","userDbId":8,"email":"test@test.com",
"domain":"ubimax","displayName":"Tester","phoneNumber":null}],"invitedTeams":[],
"joinAnonymousAllowed":false,"callTitle":"New Call","plannedDateTime":null,"callReason":"STANDARD"}"#;

/// What every refused request must leave behind.
async fn assert_no_call(caller: &Account) {
    assert_eq!(caller.get("/rtc/getCallLogs").await.json(), json!({"calls": [], "next": null}));
}

#[tokio::test]
async fn the_contracts_very_bytes_make_a_call_whatever_the_content_type() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let types = [
        None,
        Some("text/plain;charset=UTF-8"),
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("application/x-www-form-urlencoded"),
        Some("image/png"),
        Some("nonsense"),
    ];
    for content_type in types {
        let request = caller.request(Method::POST, "/rtc/createCall").body(CONTRACT);
        let request = content_type.into_iter().fold(request, |r, value| r.header("content-type", value));
        let call = Answer::to(request).await.json();
        assert_eq!(call["callTitle"], "New Call", "{content_type:?}");
        assert_eq!(call["callStatus"], "Planned");
        assert_eq!(call["anonymousJoinAllow"], false);
        assert_eq!(call["creatorContact"]["userId"], "callertest1");
        let invited = &call["invitedContacts"][0];
        assert_eq!((&invited["userDbId"], &invited["email"]), (&json!(8), &json!("test@test.com")));
        assert_eq!(call["callEvents"][0]["type"], "Created");
    }
}

#[tokio::test]
async fn an_empty_object_makes_a_call_with_every_default() {
    let server = Server::start().await;
    let call = server.login("callertest1").await.create_call(json!({})).await;
    assert_eq!(call.call_title, "Call from Caller Test 1");
    assert_eq!((call.call_reason, call.call_type), (CallReason::Standard, CallType::Sfu));
    assert_eq!((call.join_anonymous_allowed, call.anonymous_join_allow), (false, false));
    assert!(call.inform_others_directly);
    assert!(call.invited_contacts.is_empty() && call.invited_teams.is_empty());
    assert_eq!((call.creator_user, call.planned_date_time), (None, None));
    assert_eq!(call.maker_contact, call.creator_contact);
}

#[tokio::test]
async fn null_empty_text_and_a_missing_member_all_mean_absent() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let fields = [
        "callTitle",
        "callReason",
        "callType",
        "invitedContacts",
        "invitedTeams",
        "joinAnonymousAllowed",
        "informOthersDirectly",
        "creatorUser",
        "plannedDateTime",
    ];
    let told = |mut call: Value| {
        for volatile in ["id", "callId", "createdDateTime", "callEvents", "callHistory"] {
            call[volatile] = Value::Null;
        }
        call
    };
    let plain = told(caller.try_create_call(json!({})).await.json());
    for absent in [Value::Null, json!("")] {
        let all: Value = fields.iter().map(|field| ((*field).to_owned(), absent.clone())).collect();
        assert_eq!(told(caller.try_create_call(all).await.json()), plain);
    }
    let contact =
        json!({"userDbId": 8, "userId": "", "domain": null, "email": "", "phoneNumber": "", "displayName": ""});
    let call = caller.create_call(json!({"invitedContacts": [contact]})).await;
    let invited = &call.invited_contacts[0];
    assert_eq!(
        (invited.display_name.as_deref(), &invited.email, &invited.phone_number),
        (Some("Tester"), &None, &None)
    );
}

#[tokio::test]
async fn enums_are_read_in_any_case_and_written_as_the_contract_spells_them() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    for (written, read) in [("mesh", "MESH"), ("Mesh", "MESH"), ("MESH", "MESH"), ("sFu", "SFU")] {
        assert_eq!(caller.try_create_call(json!({"callType": written})).await.json()["callType"], read);
    }
    for (written, read) in [("standard", "STANDARD"), ("service_Request", "SERVICE_REQUEST")] {
        assert_eq!(caller.try_create_call(json!({"callReason": written})).await.json()["callReason"], read);
    }
}

#[tokio::test]
async fn unknown_members_are_ignored_and_never_bound() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let forged = "00000000-0000-4000-8000-000000000001";
    let call = caller
        .create_call(json!({
            "id": 4711, "callId": forged, "callStatus": "Ended", "anonymousJoinAllow": true, "startedDateTime": "2020-01-01T00:00:00Z",
            "creatorContact": {"userDbId": 8}, "makerContact": {"userDbId": 8}, "maker": 8, "domain": "other", "domainId": 2,
            "callEvents": [{"id": 1, "type": "Ended"}], "callHistory": [{"type": "Forged"}], "__proto__": {"admin": true},
            "invitedContacts": [{"id": 4712, "userDbId": 8, "roles": ["admin"], "operator": true}],
        }))
        .await;
    assert_ne!((call.id, call.call_id.to_string().as_str()), (4711, forged));
    assert_eq!(call.call_id.get_version_num(), 4, "122 random bits");
    assert_eq!(
        (call.call_status, call.anonymous_join_allow, call.started_date_time),
        (CallStatus::Planned, false, None)
    );
    assert_eq!(call.creator_contact.user_db_id, Some(caller.id()));
    assert_eq!(call.maker_contact.user_db_id, Some(caller.id()));
    assert_eq!(call.call_events.len(), 1);
    assert_ne!(call.invited_contacts[0].id, Some(4712));
    assert_eq!(server.login("tester").await.user.roles.len(), 1);
}

#[tokio::test]
async fn a_value_of_a_wrong_type_is_refused_with_its_pointer_and_makes_no_call() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let wrong = [
        (json!({"callTitle": 7}), "/callTitle"),
        (json!({"callTitle": ["New Call"]}), "/callTitle"),
        (json!({"callTitle": {}}), "/callTitle"),
        (json!({"callReason": "HOLIDAY"}), "/callReason"),
        (json!({"callReason": 1}), "/callReason"),
        (json!({"callType": "PIGEON"}), "/callType"),
        (json!({"callType": " SFU"}), "/callType"),
        (json!({"callType": true}), "/callType"),
        (json!({"invitedContacts": {}}), "/invitedContacts"),
        (json!({"invitedContacts": "tester"}), "/invitedContacts"),
        (json!({"invitedContacts": [8]}), "/invitedContacts/0"),
        (json!({"invitedContacts": [null]}), "/invitedContacts/0"),
        (json!({"invitedContacts": [{"userDbId": 8}, {"userDbId": "eight"}]}), "/invitedContacts/1/userDbId"),
        (json!({"invitedContacts": [{"userDbId": 8.5}]}), "/invitedContacts/0/userDbId"),
        (json!({"invitedContacts": [{"userDbId": 1e30}]}), "/invitedContacts/0/userDbId"),
        (json!({"invitedContacts": [{"userDbId": 8, "email": 5}]}), "/invitedContacts/0/email"),
        (json!({"invitedTeams": [7]}), "/invitedTeams/0"),
        (json!({"invitedTeams": [{"id": "seven"}]}), "/invitedTeams/0/id"),
        (json!({"joinAnonymousAllowed": "yes"}), "/joinAnonymousAllowed"),
        (json!({"joinAnonymousAllowed": 1}), "/joinAnonymousAllowed"),
        (json!({"informOthersDirectly": "false"}), "/informOthersDirectly"),
        (json!({"creatorUser": "12"}), "/creatorUser"),
        (json!({"creatorUser": {"userDbId": 12}}), "/creatorUser"),
        (json!({"plannedDateTime": 1_800_000_000}), "/plannedDateTime"),
        (json!({"plannedDateTime": "tomorrow"}), "/plannedDateTime"),
        (json!({"plannedDateTime": "2030-02-30T12:00:00Z"}), "/plannedDateTime"),
        (json!({"plannedDateTime": "2030-02-20T12:00:00"}), "/plannedDateTime"),
    ];
    for (body, pointer) in wrong {
        let refused = caller.try_create_call(body.clone()).await;
        assert_eq!(refused.status, 400, "{body}");
        refused.refused_at(ErrorCode::InvalidField, pointer);
    }
    assert_no_call(&caller).await;
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let deep = "[".repeat(100_000);
    let deep_in_place = format!(r#"{{"callTitle":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    let malformed = [
        "",
        "{",
        "{\"callTitle\":}",
        "callType=SFU",
        "{} {}",
        "{\"a\":1,}",
        "\u{feff}{}",
        "NaN",
        &deep,
        &deep_in_place,
    ];
    for body in malformed {
        let start: String = body.chars().take(20).collect();
        let refused = caller.post_raw("/rtc/createCall", body.to_owned()).await;
        assert_eq!(refused.status, 400, "{start}");
        refused.refused(ErrorCode::MalformedJson);
    }
    caller
        .post_raw("/rtc/createCall", b"{\"callTitle\":\"\xff\xfe\"}".to_vec())
        .await
        .refused(ErrorCode::MalformedJson);
    for body in ["[]", "7", "\"text\"", "true", "null"] {
        caller.post_raw("/rtc/createCall", body).await.refused(ErrorCode::InvalidField);
    }
    assert_no_call(&caller).await;
}

#[tokio::test]
async fn a_title_of_200_characters_fits_and_one_more_does_not() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    for title in ["t".repeat(200), "💡".repeat(200)] {
        assert_eq!(caller.create_call(json!({"callTitle": title})).await.call_title, title);
        let refused = caller.try_create_call(json!({"callTitle": format!("{title}t")})).await;
        refused.refused_at(ErrorCode::InvalidField, "/callTitle");
    }
}

#[tokio::test]
async fn five_hundred_invitees_fit_and_one_more_does_not() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let guests = |number: usize| -> Vec<_> {
        (0..number)
            .map(|i| json!({"displayName": format!("Guest {i}"), "email": format!("g{i}@example.org")}))
            .collect()
    };
    let refused = caller.try_create_call(json!({"invitedContacts": guests(501)})).await;
    refused.refused_at(ErrorCode::TooManyInvited, "/invitedContacts");
    assert_no_call(&caller).await;
    let call = caller.create_call(json!({"invitedContacts": guests(500)})).await;
    assert_eq!(call.invited_contacts.len(), 500);
}

#[tokio::test]
async fn the_log_echoes_what_the_request_said() {
    let server = Server::start().await;
    let caller = server.login("callertest1").await;
    let at = server.clock().now() + Duration::from_hours(1);
    let two_hours_east = json!(WireTime(at + Duration::from_hours(2))).as_str().unwrap().replace('Z', "+02:00");
    let request = json!({
        "callTitle": "Pumpe 7 \u{1f527}", "callReason": "SERVICE_REQUEST", "callType": "MESH", "joinAnonymousAllowed": true,
        "informOthersDirectly": false, "creatorUser": caller.id(), "plannedDateTime": two_hours_east,
        "invitedContacts": [{"userId": "tester", "domain": "ubimax", "displayName": "Der Tester", "phoneNumber": "+49 1"}],
    });
    let call = caller.try_create_call(request).await.json();
    assert_eq!(call["callTitle"], "Pumpe 7 \u{1f527}");
    assert_eq!((&call["callReason"], &call["callType"]), (&json!("SERVICE_REQUEST"), &json!("MESH")));
    assert_eq!((&call["anonymousJoinAllow"], &call["joinAnonymousAllowed"]), (&json!(true), &json!(true)));
    assert_eq!((&call["informOthersDirectly"], &call["creatorUser"]), (&json!(false), &json!(caller.id())));
    assert_eq!(call["plannedDateTime"], json!(WireTime(at)), "in UTC");
    let invited = &call["invitedContacts"][0];
    assert_eq!((&invited["displayName"], &invited["phoneNumber"]), (&json!("Der Tester"), &json!("+49 1")));
}
