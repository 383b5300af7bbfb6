//! Everything the handlers share.

use std::{net::IpAddr, sync::Arc};

use farhand_domain::delivery::Channel;
use farhand_store::{Store, model::Delivery};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::{
    auth::{Attempts, Auth, Codes, GUEST_PREFIX, Guests, Principal},
    calls::{Calls, Ground},
    config::Config,
    directory::Directory,
    events::Streams,
    http::Outcome,
    keys::Keys,
    media::{Checks, IceServers, Tests, Workers},
    notify::{Notify, Outbox},
    requests::Queues,
    turn::Turn,
    webhooks::Webhooks,
    world::SharedClock,
    ws::{Hub, Sessions},
};

/// What media go through.
pub struct Media {
    pub ice: IceServers,
    pub workers: Arc<Workers>,
    pub turn: Arc<Turn>,
    pub tests: Tests,
}

/// What proves links, and what is sent to people and to other servers.
pub struct Links {
    pub keys: Arc<Keys>,
    pub notify: Arc<Notify>,
    pub webhooks: Arc<Webhooks>,
}

pub struct App {
    pub config: Config,
    pub clock: SharedClock,
    pub store: Arc<dyn Store>,
    pub directory: Arc<Directory>,
    pub auth: Auth,
    pub guests: Guests,
    pub attempts: Arc<Attempts>,
    pub codes: Codes,
    pub hub: Arc<Hub>,
    pub calls: Calls,
    pub notify: Arc<Notify>,
    pub webhooks: Arc<Webhooks>,
    pub streams: Streams,
    pub ice: IceServers,
    pub checks: Checks,
    pub keys: Arc<Keys>,
    pub queues: Arc<Queues>,
    /// Held while a request that came by a public link is counted and made.
    pub asking: tokio::sync::Mutex<()>,
    pub connections: Connections,
    stopping: CancellationToken,
}

impl App {
    pub async fn new(
        config: Config,
        clock: SharedClock,
        store: Arc<dyn Store>,
        hub: Arc<Hub>,
        media: Media,
        links: Links,
    ) -> Outcome<Arc<Self>> {
        let Media { ice, workers, turn, tests } = media;
        let Links { keys, notify, webhooks } = links;
        let directory = Arc::new(Directory::new(store.clone()));
        directory.refresh().await?;
        let queues = Arc::new(Queues::default());
        let calls = Calls::start(Ground {
            store: store.clone(),
            directory: directory.clone(),
            hub: hub.clone(),
            clock: clock.clone(),
            policy: config.calls.policy(),
            guest_link_life: config.calls.guest_link_life(),
            reminder: config.calls.reminder(),
            workers: workers.clone(),
            turn: turn.clone(),
            notify: notify.clone(),
            queues: queues.clone(),
            node: "farhand".to_owned(),
        });
        let lockout = std::time::Duration::from_secs(config.login.lockout_seconds);
        let attempts = Arc::new(Attempts::new(config.login.max_failures, lockout));
        Ok(Arc::new(Self {
            auth: Auth::new(store.clone(), directory.clone(), clock.clone(), config.login.clone()),
            guests: Guests {
                store: store.clone(),
                directory: directory.clone(),
                hub: hub.clone(),
                clock: clock.clone(),
                keys: keys.clone(),
                attempts: attempts.clone(),
                open: config.calls.policy().open,
            },
            attempts,
            codes: Codes::default(),
            calls: calls.await?,
            checks: Checks::new(workers, turn, tests),
            keys,
            queues,
            asking: tokio::sync::Mutex::default(),
            connections: Connections::default(),
            stopping: CancellationToken::new(),
            config,
            clock,
            store,
            directory,
            hub,
            ice,
            notify,
            webhooks,
            streams: Streams::default(),
        }))
    }

    /// Who somebody with this token is.
    pub async fn principal(&self, token: &str, from: IpAddr) -> Outcome<Principal> {
        if token.starts_with(GUEST_PREFIX) {
            return Ok(Principal::Guest(self.guests.check(token, from).await?));
        }
        Ok(Principal::User(self.auth.check(token).await?))
    }

    pub fn sessions(self: &Arc<Self>) -> Sessions<'_> {
        Sessions { app: self }
    }

    /// Until the server stops.
    pub async fn send_messages(self: Arc<Self>) {
        let send = |channel| self.outbox(channel).run(self.stopping.clone());
        let webhooks = self.webhooks.run(self.stopping.clone());
        tokio::join!(send(Channel::Email), send(Channel::Sms), send(Channel::Push), webhooks);
    }

    fn outbox(&self, channel: Channel) -> Outbox<impl Fn(Vec<Delivery>) + Send + Sync> {
        let (node, epoch) = self.calls.owner();
        Outbox {
            channel,
            notify: self.notify.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            node,
            epoch,
            tell: |changed| self.calls.heard_of(changed),
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    pub async fn stopped(&self) {
        self.stopping.cancelled().await;
    }

    pub fn stop(&self) {
        self.stopping.cancel();
    }
}

/// Open `WebSockets`, so that a stop can wait for their good-byes.
#[derive(Default)]
pub struct Connections(TaskTracker);

impl Connections {
    pub fn token(&self) -> TaskTrackerToken {
        self.0.token()
    }

    pub async fn all_closed(&self) {
        self.0.close();
        self.0.wait().await;
    }
}
