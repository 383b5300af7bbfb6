//! What gateways report, and browsers.

use std::sync::Arc;

use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
};
use farhand_domain::delivery::Fact;
use farhand_protocol::ErrorCode;
use farhand_store::model::{Heard, Whose};
use uuid::Uuid;

use super::{Fail, Outcome};
use crate::{
    app::App,
    notify::{Report, Said},
};

/// What the addresses for reports begin with. The rest proves that it was given out.
pub const REPORTS: &str = "/notify/sms/";

/// What the addresses begin with at which browsers say that they show a message.
pub const RECEIPTS: &str = "/notify/push/";

/// Of a text message. Whoever does not prove to be the gateway finds nothing here.
pub async fn sms(
    State(app): State<Arc<App>>,
    Path((id, proof)): Path<(Uuid, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    form: String,
) -> Outcome<StatusCode> {
    let signature = headers.get("x-twilio-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = Said { query: query.as_deref().unwrap_or_default(), form: &form, signature };
    let (fact, reason) = match app.notify.reported(id, &proof, &said).ok_or_else(nothing)? {
        Report::Delivered => (Fact::ReportedDelivered, None),
        Report::Failed { words } => (Fact::ReportedFailed, Some(words)),
        Report::OnItsWay => return Ok(StatusCode::NO_CONTENT),
    };
    hear(&app, id, fact, reason).await
}

/// A browser shows a message.
pub async fn push(State(app): State<Arc<App>>, Path((id, proof)): Path<(Uuid, String)>) -> Outcome<StatusCode> {
    if !app.notify.is_receipt(id, &proof) {
        return Err(nothing());
    }
    hear(&app, id, Fact::ReportedDelivered, None).await
}

async fn hear(app: &App, id: Uuid, fact: Fact, reason: Option<String>) -> Outcome<StatusCode> {
    let at = app.clock.now();
    let heard = Heard { whose: Whose::Id(id), fact, reason, gateway_id: None, again_at: None, at };
    let changed = app.store.hear_of_deliveries(&[heard]).await?;
    app.calls.heard_of(changed);
    Ok(StatusCode::NO_CONTENT)
}

fn nothing() -> Fail {
    Fail::new(ErrorCode::NotFound, "There is nothing here.")
}
