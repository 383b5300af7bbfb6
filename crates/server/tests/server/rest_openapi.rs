//! The OpenAPI document, and what follows from it for every operation.

use std::collections::BTreeMap;

use farhand_protocol::ErrorCode;
use farhand_testkit::{Account, Answer, OTHER_DOMAIN, Server, json};
use reqwest::Method;
use serde_json::Value;

async fn document(server: &Server) -> Value {
    server.get("/v3/api-docs").await.json()
}

struct Operation {
    method: Method,
    path: String,
    id: String,
    spec: Value,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, spec) in methods.as_object().unwrap() {
            let id = spec["operationId"].as_str().unwrap().to_owned();
            let method = method.to_uppercase().parse().unwrap();
            all.push(Operation { method, path: path.clone(), id, spec: spec.clone() });
        }
    }
    assert!(all.len() > 25, "the document lost its operations");
    all
}

/// A path with 8, the tester's id, for each of its parameters.
fn concrete(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "8".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn ask(who: Option<&Account>, server: &Server, operation: &Operation) -> Answer {
    let path = concrete(&operation.path);
    let request = match who {
        Some(account) => account.request(operation.method.clone(), &path),
        None => server.request(operation.method.clone(), &path),
    };
    Answer::to(if operation.method == Method::GET { request } else { request.body("{}") }).await
}

#[tokio::test]
async fn it_is_openapi_3_1_and_names_what_existing_generators_make_a_class_of() {
    let server = Server::start().await;
    let document = document(&server).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let create = &document["paths"]["/rtc/createCall"]["post"];
    assert_eq!(
        (&create["operationId"], &create["tags"]),
        (&json!("createCallForContacts"), &json!(["rtc-controller"]))
    );
    assert!(create.get("parameters").is_none(), "a parameter would be an argument more in generated clients");
    let read = &document["paths"]["/rtc/getCallLogById"]["get"];
    assert_eq!((&read["operationId"], &read["tags"]), (&json!("getCallLogById"), &json!(["rtc-controller"])));
    assert_eq!((&read["parameters"][0]["name"], &read["parameters"][0]["required"]), (&json!("callId"), &json!(true)));
}

#[tokio::test]
async fn its_operations_and_their_tags_are_these() {
    let server = Server::start().await;
    let listed: BTreeMap<_, _> = operations(&document(&server).await)
        .into_iter()
        .map(|o| (format!("{} {}", o.method, o.path), format!("{} ({})", o.id, o.spec["tags"][0].as_str().unwrap())))
        .collect();
    insta::assert_json_snapshot!("openapi_operations", listed);
}

#[tokio::test]
async fn every_reference_leads_somewhere_every_response_is_described_and_every_id_is_unique() {
    let server = Server::start().await;
    let document = document(&server).await;
    let mut ids = Vec::new();
    for operation in operations(&document) {
        let responses = operation.spec["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{}", operation.id);
        for (status, response) in responses {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{} {status}", operation.id);
            let refused = status.starts_with(['4', '5']);
            let schema = response["content"].as_object().and_then(|content| content.values().next());
            let schema = schema.map(|content| content["schema"]["$ref"].clone());
            assert!(!refused || schema == Some(json!("#/components/schemas/Problem")), "{} {status}", operation.id);
        }
        assert!(operation.spec["summary"].as_str().is_some_and(|text| !text.is_empty()), "{}", operation.id);
        ids.push(operation.id);
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    check_references(&document, &document);
}

fn check_references(value: &Value, document: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let target = document.pointer(reference.strip_prefix('#').unwrap());
                assert!(target.is_some(), "{reference} leads nowhere");
            }
            members.values().for_each(|member| check_references(member, document));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(item, document)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn the_types_of_events_are_open_strings_and_nothing_of_a_request_is_required() {
    let server = Server::start().await;
    let schemas = document(&server).await["components"]["schemas"].clone();
    for schema in ["CallLogEvent", "CallHistoryItem"] {
        let kind = &schemas[schema]["properties"]["type"];
        assert_eq!(kind["type"], "string", "{schema}");
        assert!(kind.get("enum").is_none() && kind.get("$ref").is_none(), "{schema}");
    }
    assert_eq!(schemas["CreateCallRequest"].get("required"), None);
    assert_eq!(schemas["CallLogContact"].get("required"), None);
    assert_eq!(schemas["CallLog"]["properties"]["callId"]["format"], "uuid");
    assert_eq!(schemas["CallLog"]["properties"]["createdDateTime"]["$ref"], "#/components/schemas/WireTime");
    assert_eq!(schemas["WireTime"], json!({"type": "string", "format": "date-time"}));
}

#[tokio::test]
async fn a_change_has_no_defaults_for_a_generated_client_to_send() {
    let server = Server::start().await;
    let change = document(&server).await["components"]["schemas"]["UserChange"].clone();
    assert_eq!(change.get("required"), None);
    let members = change["properties"].as_object().unwrap();
    assert!(members.len() > 5 && members.values().all(|member| member.get("default").is_none()), "{change}");
}

#[tokio::test]
async fn there_is_a_page_to_try_it_at() {
    let server = Server::start().await;
    let page = server.get("/swagger-ui/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("swagger-ui"));
    assert!(server.get("/swagger-ui/swagger-initializer.js").await.text().contains("/v3/api-docs"));
}

#[tokio::test]
async fn the_served_document_is_the_one_the_command_line_prints() {
    let server = Server::start().await;
    let printed = serde_json::to_value(farhand_server::openapi_document()).unwrap();
    assert_eq!(document(&server).await, printed);
}

#[tokio::test]
async fn without_a_token_or_with_a_bad_one_every_operation_but_login_is_401() {
    let server = Server::start().await;
    let revoked = server.login("tester").await;
    revoked.rest.logout().await.unwrap();
    let mut forged = revoked.clone();
    forged.rest = server.rest().with_token(farhand_client::Token::new("fha_forged"));
    for operation in operations(&document(&server).await) {
        let open = ["login", "refresh", "useJoinCode"].contains(&operation.id.as_str());
        assert_eq!(operation.spec["security"] == json!([{}]), open, "{}: documented as it is", operation.id);
        for who in [None, Some(&revoked), Some(&forged)] {
            let answer = ask(who, &server, &operation).await;
            let problem = answer.problem();
            if open {
                assert!([400, 401].contains(&answer.status), "{}", operation.id);
            } else {
                assert_eq!((answer.status, problem.code), (401, ErrorCode::Unauthenticated), "{}", operation.id);
                assert_eq!(answer.header("www-authenticate"), "Bearer", "{}", operation.id);
            }
        }
    }
}

#[tokio::test]
async fn every_operation_of_administration_is_closed_to_other_roles_and_names_nothing_of_another_domain() {
    let server = Server::start().await;
    let admin = server.login("admin").await;
    let other = server.login_at(OTHER_DOMAIN, "admin").await;
    let before = admin.get("/admin/users").await.json();
    for operation in operations(&document(&server).await) {
        if !operation.path.starts_with("/admin/") {
            continue;
        }
        for role in ["tester", "glasses1", "connector1"] {
            let refused = ask(Some(&server.login(role).await), &server, &operation).await;
            // A body is read before the role is looked at; its refusal tells nothing.
            assert!([400, 403].contains(&refused.status), "{} by {role}: {}", operation.id, refused.status);
            refused.problem();
        }
        if operation.path.contains('{') {
            let refused = ask(Some(&other), &server, &operation).await;
            assert!([400, 404].contains(&refused.status), "{} of ubimax by other: {}", operation.id, refused.status);
        }
    }
    assert_eq!(admin.get("/admin/users").await.json(), before);
}
