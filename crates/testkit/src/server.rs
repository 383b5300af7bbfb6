//! The server under test.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use farhand_client::rest::Rest;
use farhand_server::{RunError, Sockets, config::Config};
use farhand_store::{Store, open};
use reqwest::{Method, RequestBuilder};
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    sync::{OnceCell, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{Account, Answer, PASSWORD, TestClock, UBIMAX, database, ports};

/// A stop that takes longer hangs: the server gives its own good-byes twice five seconds.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// How long to try for a port that was ours a moment ago.
const PORT_LIMIT: Duration = Duration::from_secs(5);

/// A running server. It has threads of its own, so that a test that is busy does not hold it up, and ends when it is dropped.
pub struct Server {
    running: Option<Running>,
    config: Box<Config>,
    address: SocketAddr,
    clock: Arc<TestClock>,
    rest: Rest,
    store: OnceCell<Arc<dyn Store>>,
    dir: TempDir,
}

struct Running {
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), RunError>>,
}

/// What to change before it starts.
pub struct ServerBuilder {
    /// Boxed: it is large, and stands in the future of every test that starts a server.
    config: Box<Config>,
    postgres: bool,
}

impl ServerBuilder {
    /// Changes the configuration, such as `|config| config.calls.popup_ring_seconds = 1`.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// On PostgreSQL instead of SQLite.
    #[must_use]
    pub fn on_postgres(mut self) -> Self {
        self.postgres = true;
        self
    }

    pub async fn start(self) -> Server {
        let Self { mut config, postgres } = self;
        let dir = TempDir::with_prefix("farhand-test-").unwrap();
        dir.path().clone_into(&mut config.data_dir);
        if postgres {
            config.database_url = Some(database::on_postgres().await);
        } else if config.database_url.is_none() {
            database::into_directory(dir.path()).await;
        }
        let clock = Arc::new(TestClock::default());
        let (running, address) = run(&config, &clock).await;
        // The next start is to be at the same address.
        config.listen = address;
        let rest = Rest::new(&format!("http://{address}")).unwrap();
        Server { running: Some(running), config, address, clock, rest, store: OnceCell::new(), dir }
    }
}

impl Server {
    /// A server with the default configuration on SQLite.
    pub async fn start() -> Self {
        Self::build().start().await
    }

    /// A server with a changed configuration on SQLite.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::build().config(change).start().await
    }

    pub fn build() -> ServerBuilder {
        // A test may start it again there.
        let mut config = Box::new(Config { listen: ports::free(), ..Config::default() });
        config.media.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        ServerBuilder { config, postgres: false }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Without a path, as `http://127.0.0.1:1234`.
    pub fn url(&self) -> &str {
        self.rest.base_url()
    }

    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The typed client, logged in as nobody.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Logs in somebody of `ubimax`.
    pub async fn login(&self, user_id: &str) -> Account {
        self.login_at(UBIMAX, user_id).await
    }

    pub async fn login_at(&self, domain: &str, user_id: &str) -> Account {
        let login = self.rest.login(domain, user_id, PASSWORD).await;
        Account::new(&self.rest, login.unwrap_or_else(|error| panic!("{user_id} cannot log in: {error}")))
    }

    /// A request by nobody.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.rest.request(method, path)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        Answer::to(self.request(Method::POST, path).body(body)).await
    }

    /// Changes the database in a way no server does, or looks into it. Answers how many rows it was about.
    pub async fn execute(&self, sql: &str) -> u64 {
        database::execute(&self.config.store_url(), sql).await
    }

    /// Takes a lock in the database and keeps it until what is answered is closed.
    pub async fn hold(&self, sql: &str) -> sea_orm::DatabaseConnection {
        database::hold(&self.config.store_url(), sql).await
    }

    /// The database past the server, as another process sees it. Users, teams and domains that the server has looked at
    /// already are noticed by it within a second.
    pub async fn store(&self) -> &dyn Store {
        self.store.get_or_init(async || open(&self.config.store_url()).await.unwrap()).await.as_ref()
    }

    /// How many tasks it has.
    pub fn tasks(&self) -> usize {
        self.running.as_ref().map_or(0, |running| running.runtime.metrics().num_alive_tasks())
    }

    /// Stops as on SIGTERM, and waits until it has.
    pub async fn stop(&mut self) {
        let Some(Running { runtime, stop, served }) = self.running.take() else { return };
        // It may have stopped by itself; then the result says why.
        let _ = stop.send(());
        let served = timeout(STOP_LIMIT, served).await.unwrap_or_else(|_| panic!("the server does not stop")).unwrap();
        runtime.shutdown_background();
        served.unwrap_or_else(|error| panic!("the server failed: {error}"));
    }

    /// Ends without a word to anybody, like a process that was killed.
    pub fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.runtime.shutdown_background();
        }
    }

    /// Starts again after [`Self::stop`] or [`Self::kill`], on the same data at the same address.
    pub async fn start_again(&mut self) {
        assert!(self.running.is_none(), "the server runs already");
        let (running, _) = run(&self.config, &self.clock).await;
        self.running = Some(running);
    }

    /// Stops and starts again.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn run(config: &Config, clock: &Arc<TestClock>) -> (Running, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (config, clock) = (config.clone(), clock.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let (ready, is_ready) = oneshot::channel();
    let served = runtime.spawn(async move {
        let sockets = bind(&config).await?;
        let address = sockets.address()?;
        let store = open(&config.store_url()).await?;
        // Connections wait in the socket's queue until they are served.
        let _ = ready.send(address);
        let shutdown = async move {
            let _ = stopped.await;
        };
        farhand_server::run(config, sockets, store, clock, shutdown).await
    });
    let Ok(address) = is_ready.await else {
        panic!("the server did not start: {:?}", served.await.unwrap().err());
    };
    (Running { runtime, stop, served }, address)
}

async fn bind(config: &Config) -> Result<Sockets, RunError> {
    let deadline = Instant::now() + PORT_LIMIT;
    loop {
        match Sockets::bind(config) {
            Err(RunError::Listen(..)) if Instant::now() < deadline => tokio::task::yield_now().await,
            result => return result,
        }
    }
}
