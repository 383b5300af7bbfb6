//! What the tests about guests have in common.

use farhand_protocol::call::CallLog;
use farhand_testkit::{Account, Guest, Server, json};
use serde_json::{Value, json as value};
use uuid::Uuid;

/// A contact without an account.
pub fn gil() -> Value {
    value!({"displayName": "Gil", "email": "gil@example.org"})
}

/// A call that invites Gil, and Gil with the link.
pub async fn invited(server: &Server, caller: &Account) -> (CallLog, Guest) {
    invited_to(server, caller, json!({"callTitle": "Pump 7", "invitedContacts": [gil()]})).await
}

pub async fn invited_to(server: &Server, caller: &Account, call: Value) -> (CallLog, Guest) {
    let call = caller.create_call(call).await;
    let guest = guest_of(server, caller, &call).await;
    (call, guest)
}

pub async fn guest_of(server: &Server, caller: &Account, call: &CallLog) -> Guest {
    Guest::with(server, &caller.guest_link(call.call_id, contact(call)).await)
}

/// The contact of the only guest.
pub fn contact(call: &CallLog) -> i64 {
    let guest = call.invited_contacts.iter().find(|contact| contact.user_db_id.is_none()).unwrap();
    guest.id.unwrap()
}

pub fn about(call_id: Uuid, contact: i64) -> Value {
    value!({"callId": call_id, "contactId": contact})
}

/// How often each kind of item stands in the history.
pub fn noted(call: &CallLog, kind: &str) -> usize {
    call.call_history.iter().filter(|item| item.kind == kind).count()
}
