//! What happens by itself: presence is announced, changes from the command line are noticed, old rows are forgotten.

use std::{collections::HashSet, sync::Arc, time::Duration};

use farhand_store::StoreResult;

use crate::{app::App, auth::Credential, calls::KEY_LIFE, requests, ws::GATHER_PRESENCE};

/// How often the directory's version is looked at: how long a change from the command line takes to be seen.
const LOOK_FOR_CHANGES: Duration = Duration::from_secs(1);
/// How often the logins of open connections are asked about again.
const CHECK_LOGINS: Duration = Duration::from_secs(3);
/// How late a service request that sleeps may escalate or expire; planned calls are woken ahead of their time.
const WAKE_CALLS: Duration = Duration::from_millis(250);
/// How often what SQLite has committed is copied out of its log. More seldom, and commits that have to do it wait for more; more often, and
/// pages that many calls share are copied again and again.
const COPY_LOG: Duration = Duration::from_secs(1);
const PURGE: Duration = Duration::from_hours(1);

pub async fn run(app: Arc<App>) {
    let queues = requests::run(app.clone());
    tokio::join!(
        announce_presence(&app),
        look_for_changes(&app),
        check_logins(&app),
        purge(&app),
        queues,
        wake_calls(&app),
        copy_log(&app)
    );
}

async fn wake_calls(app: &App) {
    loop {
        tokio::time::sleep(WAKE_CALLS).await;
        app.calls.wake_due().await;
    }
}

async fn announce_presence(app: &App) {
    loop {
        tokio::time::sleep(GATHER_PRESENCE).await;
        app.hub.announce_presence();
    }
}

async fn look_for_changes(app: &App) {
    loop {
        tokio::time::sleep(LOOK_FOR_CHANGES).await;
        if let Err(error) = app.directory.refresh().await {
            tracing::warn!(%error, "changes cannot be looked for");
        }
    }
}

/// Closes connections whose login was ended, or whose user was disabled, by another process.
async fn check_logins(app: &App) {
    loop {
        tokio::time::sleep(CHECK_LOGINS).await;
        if let Err(error) = close_ended(app).await {
            tracing::warn!(%error, "logins cannot be checked");
        }
    }
}

async fn close_ended(app: &App) -> StoreResult<()> {
    let logins = app.hub.credentials();
    let users: HashSet<i64> = logins.iter().map(|(user, _)| *user).collect();
    for user in users {
        if app.directory.user(user).await?.is_none_or(|user| user.disabled) {
            app.hub.close_user(user);
        }
    }
    let (mut families, mut keys) = (Vec::new(), Vec::new());
    for (_, credential) in logins {
        match credential {
            Credential::Session { family } => families.push(family),
            Credential::ApiKey { id } => keys.push(id),
        }
    }
    for family in app.store.revoked_families(&families).await? {
        app.hub.close_credential(Credential::Session { family });
    }
    for id in app.store.revoked_api_keys(&keys).await? {
        app.hub.close_credential(Credential::ApiKey { id });
    }
    Ok(())
}

async fn copy_log(app: &App) {
    loop {
        tokio::time::sleep(COPY_LOG).await;
        if let Err(error) = app.store.copy_log().await {
            tracing::warn!(%error, "the database's log cannot be copied");
        }
    }
}

async fn purge(app: &App) {
    loop {
        tokio::time::sleep(PURGE).await;
        match app.store.purge(app.clock.now(), KEY_LIFE).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "forgot old idempotency keys and logins"),
            Err(error) => tracing::warn!(%error, "old rows cannot be forgotten"),
        }
    }
}
