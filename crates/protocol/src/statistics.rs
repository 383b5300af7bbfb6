//! How media go: what clients measure and report, and what the call's log says of it afterwards.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{WireTime, call::CallLogContact, frame::MediaMode};

/// The way media take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum MediaPath {
    /// UDP, straight to the other end or to the server.
    Direct,
    /// Through a TURN server over UDP, or over what is not known.
    Relayed,
    /// Over TCP, straight to the server or through a TURN server.
    Tcp,
    /// Through a TURN server over TLS.
    Tls,
}

/// What keeps a client from sending a better picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum MediaLimit {
    /// The machine has no more to give.
    Cpu,
    /// The link has no more to give.
    Bandwidth,
}

/// How one client's media have been since its last report, or are now. A client names what it knows; what is absent is not known, and what
/// cannot be is cut to what can.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<MediaPath>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
    /// Of what comes in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// Of the packets that should have come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_in_percent: Option<f64>,
    /// Of the packets that were sent, as the other end says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_out_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kbit_per_second_in: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kbit_per_second_out: Option<f64>,
    /// Of the sound that was played, what had to be made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concealed_percent: Option<f64>,
    /// The largest picture that comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_in: Option<f64>,
    /// The largest picture that is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_out: Option<f64>,
    /// Of the slowest picture that comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_per_second_in: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_per_second_out: Option<f64>,
    /// How often a picture stood still since the last report.
    pub freezes: u32,
    /// For how long altogether.
    pub freeze_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<MediaLimit>,
}

/// A measured value over a seat's whole time: its mean, each report counting as long as it tells of, and its largest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Spread {
    pub mean: f64,
    pub max: f64,
}

/// For how long media took a way, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct PathUse {
    pub path: MediaPath,
    pub mode: MediaMode,
    pub seconds: u32,
}

/// What a seat's client has reported, taken together.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SeatFigures {
    /// For so long there are measurements: fewer than the seat was held for where the client did not report, or the server was restarted.
    pub measured_seconds: u32,
    /// In order. A path that is used again stands there again.
    pub paths: Vec<PathUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_in_percent: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_out_percent: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kbit_per_second_in: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kbit_per_second_out: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concealed_percent: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_in: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_out: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_per_second_in: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_per_second_out: Option<Spread>,
    pub freezes: u32,
    pub freeze_ms: u32,
    /// For how long the machine kept the picture from being better.
    pub limited_by_cpu_seconds: u32,
    /// For how long the link did.
    pub limited_by_bandwidth_seconds: u32,
    /// So long the pictures this person sent or saw were smaller than they could be, by the worse of both.
    pub smaller_seconds: u32,
    /// So long they came with fewer frames.
    pub slow_seconds: u32,
    /// So long there were still pictures instead.
    pub stills_seconds: u32,
    /// So long there was sound only, because a link or a budget had no room for more.
    pub audio_seconds: u32,
}

/// How somebody's media were on one seat, from joining to leaving it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallStatistics {
    pub contact: CallLogContact,
    pub joined: WireTime,
    pub left: WireTime,
    pub duration_seconds: u32,
    /// Why the seat ended: `hungUp`, `moved` (to another device), `connectionLost`, `callEnded`; expect more.
    pub why: String,
    /// How often the connection was lost and came back, or the page was loaded again.
    pub reconnects: u32,
    #[serde(flatten)]
    pub figures: SeatFigures,
}
