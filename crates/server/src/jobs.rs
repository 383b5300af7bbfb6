//! What happens by itself: presence is announced, changes from the command line are noticed, old rows are forgotten.

use std::{sync::Arc, time::Duration};

use farhand_store::StoreResult;

use crate::{app::App, calls::KEY_LIFE, ws::GATHER_PRESENCE};

/// How often the directory's version is looked at: how long a change from the command line takes to be seen.
const LOOK_FOR_CHANGES: Duration = Duration::from_secs(1);
/// How often the logins of open connections are asked about again.
const CHECK_LOGINS: Duration = Duration::from_secs(4);
const PURGE: Duration = Duration::from_hours(1);

pub async fn run(app: Arc<App>) {
    tokio::join!(announce_presence(&app), look_for_changes(&app), check_logins(&app), purge(&app));
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
        let users: std::collections::HashSet<_> = app.hub.credentials().into_iter().map(|(user, _)| user).collect();
        for user in users {
            match disabled(app, user).await {
                Ok(true) => app.hub.close_user(user),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "logins cannot be checked");
                    break;
                }
            }
        }
    }
}

async fn disabled(app: &App, user: i64) -> StoreResult<bool> {
    Ok(app.directory.user(user).await?.is_none_or(|user| user.disabled))
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
