//! Messages that were not sent: administrators see them, and send them again.

use farhand_protocol::{ErrorCode, admin::DeadLetter, call::CallLog, frame::CallView};
use farhand_testkit::{
    Server, json,
    smtp::{Options, Sink},
};

use crate::notify::{notifications, until};

#[tokio::test]
async fn what_was_refused_is_listed_for_administrators_and_sent_again_by_hand() {
    let sink = Sink::start(Options::default()).await;
    let url = format!("smtp://{}?starttls=never", sink.address());
    let server = Server::with(|config| config.mail_url = Some(url)).await;
    let (caller, admin, other) =
        (server.login("callertest1").await, server.login("admin").await, server.login_at("other", "admin").await);
    assert!(admin.get("/admin/dead-letters").await.ok::<Vec<DeadLetter>>().is_empty());
    let contact = json!({"displayName": "Kim", "email": "reject550@example.org"});
    let call_id = caller.create_call(json!({"invitedContacts": [contact]})).await.call_id;
    let failed = until(&caller, call_id, "failed", 1).await;

    let [dead] = &admin.get("/admin/dead-letters?limit=5").await.ok::<Vec<DeadLetter>>()[..] else { panic!() };
    assert_eq!((dead.call_id, dead.address.as_str(), &dead.message), (call_id, "reject550@example.org", &failed));
    assert_eq!((dead.call_title.as_str(), dead.display_name.as_str()), ("Call from Caller Test 1", "Kim"));
    assert_eq!((dead.call_ended, dead.sent_again), (false, false));
    assert!(other.get("/admin/dead-letters").await.ok::<Vec<DeadLetter>>().is_empty(), "another domain's");
    caller.get("/admin/dead-letters").await.refused(ErrorCode::Forbidden);

    let resend = |id| format!("/admin/dead-letters/{call_id}/{id}/resend");
    caller.post(&resend(failed.id), json!({})).await.refused(ErrorCode::Forbidden);
    other.post(&resend(failed.id), json!({})).await.refused(ErrorCode::CallNotFound);
    admin.post(&resend(call_id), json!({})).await.refused(ErrorCode::NotFound);
    let log: CallLog = admin.post(&resend(failed.id), json!({})).await.ok();
    let [first, again] = &notifications(&log)[..] else { panic!("{log:?}") };
    assert_eq!((&first.id, first.state.as_str(), again.kind.as_str()), (&failed.id, "failed", "again"));
    assert_ne!(again.id, failed.id, "a copy that is known as another message");
    let both = sink.asked_for("reject550@example.org", 2);
    both.await;
    let both_failed = |view: &CallView| {
        let notifications = view.people.iter().flat_map(|person| &person.notifications);
        notifications.filter(|told| told.state == "failed").count() == 2
    };
    caller.device().await.call(call_id, "both failed", both_failed).await;
    let dead = admin.get("/admin/dead-letters").await.ok::<Vec<DeadLetter>>();
    assert_eq!(
        dead.iter().map(|dead| (dead.message.id, dead.sent_again)).collect::<Vec<_>>(),
        [(again.id, false), (failed.id, true)]
    );
    caller.call_operation("endCall", call_id).await.ok::<CallLog>();
    assert!(admin.get("/admin/dead-letters").await.ok::<Vec<DeadLetter>>().iter().all(|dead| dead.call_ended));
    admin.post(&resend(failed.id), json!({})).await.refused(ErrorCode::CallEnded);
}
