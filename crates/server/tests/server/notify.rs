//! What callers are told of the messages to people they invite.

use farhand_protocol::{
    call::{CallLog, CallLogContact},
    frame::CallView,
    notify::Notification,
};
use farhand_testkit::Account;
use uuid::Uuid;

/// A ring on somebody's pages, which is told like a message.
pub const RING: &str = "webSocket";

/// The messages to the only person invited.
pub fn notifications(call: &CallLog) -> Vec<Notification> {
    let [CallLogContact { notifications, .. }] = &call.invited_contacts[..] else { panic!("{call:?}") };
    notifications.iter().filter(|told| told.channel != RING).cloned().collect()
}

/// The only message to the only person invited.
pub fn notification(call: &CallLog) -> Notification {
    let notifications = notifications(call);
    let [notification] = &notifications[..] else { panic!("{notifications:?}") };
    notification.clone()
}

/// What the call's history tells of messages, in its order.
pub fn story(call: &CallLog) -> Vec<&str> {
    let items = call.call_history.iter().filter(|item| item.kind == "Notification");
    items.map(|item| item.state.as_deref().unwrap()).collect()
}

/// Once the caller is told that the message is in this state, tried so many times.
pub async fn until(caller: &Account, call_id: Uuid, state: &str, tries: u32) -> Notification {
    let told = |view: &CallView| {
        let all = view.people.iter().flat_map(|person| person.notifications.clone());
        all.into_iter().find(|told| told.channel != RING && told.state == state && told.tries == tries)
    };
    let view = caller.device().await.call(call_id, state, |view| told(view).is_some()).await;
    told(&view).unwrap()
}
