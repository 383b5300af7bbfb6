//! What the commands share: the chosen configuration, the opened store, the log, the signal to stop.

use std::sync::Arc;

use farhand_server::{RunError, config::Config};
use farhand_store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{
    cli::{Listen, Place},
    lock::DataLock,
};

/// Why a command failed, in words for whoever typed it.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! failure_from {
    ($($error:ty),+) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )+};
}
failure_from!(
    RunError,
    std::io::Error,
    serde_json::Error,
    farhand_server::config::ConfigError,
    farhand_store::StoreError
);

impl From<farhand_server::Fail> for Failure {
    fn from(fail: farhand_server::Fail) -> Self {
        Self(fail.0.detail)
    }
}

/// File, environment, then flags.
pub fn config(place: &Place, listen: Option<&Listen>) -> Result<Config, Failure> {
    let mut config = Config::load(place.config.as_deref())?;
    if let Some(data) = &place.data {
        config.data_dir.clone_from(data);
    }
    if let Some(Listen { listen, acme }) = listen {
        config.listen = listen.unwrap_or(config.listen);
        if !acme.is_empty() {
            config.tls.acme.domains.clone_from(acme);
        }
    }
    Ok(config)
}

/// Opens the database, beside a server that may be running.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    make_data_dir(config)?;
    Ok(farhand_store::open(&config.store_url()).await?)
}

/// Makes the data directory this process's own, and opens the database.
pub async fn own_store(config: &Config) -> Result<(DataLock, Arc<dyn Store>), Failure> {
    make_data_dir(config)?;
    let lock = DataLock::take(&config.data_dir)?;
    Ok((lock, farhand_store::open(&config.store_url()).await?))
}

/// Only its owner may look into it.
fn make_data_dir(config: &Config) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let dir = &config.data_dir;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| Failure::new(format!("cannot make the data directory {}: {e}", dir.display())))
}

/// What the media engine warns of is said of every offer of a browser, and tells nobody anything.
const QUIET: &str = "str0m=error,is=error,dimpl=error,stun_types=error,turn_types=error";

/// Logs to standard error. `FARHAND_LOG` filters as `RUST_LOG` does elsewhere.
pub fn start_log(default: &str) {
    let filter =
        EnvFilter::try_from_env("FARHAND_LOG").unwrap_or_else(|_| EnvFilter::new(format!("{default},{QUIET}")));
    // A second call, as in tests, keeps the first log.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// Done at SIGTERM or SIGINT.
pub fn shutdown() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
