//! `farhand demo --self-test`: a connector, an expert and a pair of smart glasses go through a whole brokered MESH call on
//! a running server, with real ICE, DTLS and SRTP between two UDP sockets; then three people talk through the SFU,
//! each sending simulcast and getting the sizes it shows. They use what any integration can use: the
//! public REST operations and the WebSocket. Any deviation from the contract ends it with a sentence that names it.
//!
//! Absent on purpose: looking into the server. What the API does not show is not checked here.

mod log;
mod people;
mod scenario;
mod simulcast;
mod story;
mod together;

use std::time::{Duration, Instant};

use farhand_client::{media::MediaError, rest::RestError, socket::SocketError};
use farhand_protocol::call::CallLog;

use story::Story;

/// For everything together. Undisturbed it takes about 25 seconds, most of them for 50 frames at 10 per second, three times.
const LIMIT: Duration = Duration::from_secs(90);

/// Whom to act as, and how.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) domain: String,
    pub(crate) password: String,
    /// Login names.
    pub(crate) connector: String,
    pub(crate) expert: String,
    pub(crate) glasses: String,
    /// Who talk through the SFU.
    pub(crate) three: [String; 3],
    /// Frames of each kind that must arrive unchanged in both directions.
    pub(crate) frames: u64,
    /// The glasses lie about their certificate's fingerprint. Then the self-test must fail.
    pub(crate) tamper_fingerprint: bool,
}

impl Default for Options {
    /// The demo's people.
    fn default() -> Self {
        let [domain, password, connector, expert, glasses] =
            ["ubimax", "demo", "connector1", "tester", "glasses1"].map(str::to_owned);
        let three = ["callertest1", "callertest2", "expert1"].map(str::to_owned);
        Self { domain, password, connector, expert, glasses, three, frames: 50, tamper_fingerprint: false }
    }
}

impl Options {
    /// How long media may take, from the moment both have joined. Short where it cannot come.
    fn media_limit(&self) -> Duration {
        Duration::from_secs(if self.tamper_fingerprint { 8 } else { 20 })
    }
}

/// What a passed self-test leaves behind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    /// The calls' final logs.
    pub(crate) calls: Vec<CallLog>,
    pub(crate) took: Duration,
}

/// Why the self-test did not pass.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is not as the contract says.
    Deviation(String),
    /// An operation was refused or failed.
    Rest { what: String, error: RestError },
    /// A WebSocket session broke, or a request on it was refused.
    Socket { who: String, error: SocketError },
    /// The clip that is sent cannot be read.
    Clip(farhand_client::clip::ClipError),
    /// A media connection broke.
    Media { who: String, error: MediaError },
    /// This step took too long.
    Hung { step: String, limit: Duration },
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Deviation(sentence) => f.write_str(sentence),
            Self::Rest { what, error } => write!(f, "{what} failed: {error}"),
            Self::Socket { who, error } => write!(f, "The WebSocket session of {who} failed: {error}"),
            Self::Clip(error) => write!(f, "The embedded clip cannot be read: {error}"),
            Self::Media { who, error } => write!(f, "Media never flowed: at {who}'s end {error}"),
            Self::Hung { step, limit } => write!(f, "Nothing came of this within {limit:?}: {step}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rest { error, .. } => Some(error),
            Self::Socket { error, .. } => Some(error),
            Self::Clip(error) => Some(error),
            Self::Media { error, .. } => Some(error),
            Self::Deviation(_) | Self::Hung { .. } => None,
        }
    }
}

/// Runs the scenario against the server at `base_url` (`http://host:port`) and prints each step as it happens.
pub(crate) async fn run(base_url: &str, options: &Options) -> Result<Report, Failure> {
    let story = Story::new(Instant::now(), |line| println!("{line}"));
    let playing = async {
        let mut calls = vec![scenario::play(base_url, options, &story).await?];
        calls.extend(together::play(base_url, options, &story).await?);
        Ok(calls)
    };
    let calls = story.within(LIMIT, Box::pin(playing)).await?;
    story.tell("all as it should be; the calls' logs:");
    for call in &calls {
        let log = serde_json::to_string_pretty(call).map_err(|error| Failure::Deviation(error.to_string()))?;
        story.print(&log);
    }
    Ok(Report { calls, took: story.elapsed() })
}
