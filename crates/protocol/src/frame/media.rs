//! How media flow: offers, slots, plans, and how much of a picture there is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call::IceServer;

/// An offer for a connection to the SFU.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaOffer {
    pub sdp: String,
    /// As in `mediaOffer`.
    pub tracks: Vec<MediaTrack>,
}

/// A line of a media offer and what it carries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaTrack {
    pub mid: String,
    pub source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    Microphone,
    Camera,
    /// The sound of a shared screen.
    ScreenAudio,
    Screen,
}

/// A picture and how high it is shown, in pixels; 0 if it is not to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaView {
    pub contact: i64,
    pub source: Source,
    pub height: u32,
}

/// What somebody's microphone and camera do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaState {
    pub microphone: bool,
    pub camera: bool,
    /// Shows a screen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub screen: bool,
    /// Why the others get less than the full picture; absent if they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends: Option<Shortage>,
}

/// How much of a picture there is, from all down to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Rung {
    /// Smaller than it could be.
    Smaller,
    /// With fewer frames.
    Slow,
    /// Still pictures instead of video.
    Stills,
    /// Sound only.
    Audio,
}

/// What keeps somebody from the full picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ShortageReason {
    /// The link carries no more.
    Link,
    /// A data budget allows no more.
    Budget,
}

/// Less than the full picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    pub rung: Rung,
    pub reason: ShortageReason,
}

/// What a client keeps to in what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendLimit {
    /// Sound and pictures together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kbit_per_second: Option<u32>,
    /// False: the budget is used up, and neither video nor still pictures may be sent.
    pub pictures: bool,
}

/// A line of the media offer that receives, and what comes on it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    pub mid: String,
    pub contact: i64,
    pub source: Source,
}

/// A layer of the own camera, and the most its encoder should make of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LayerRate {
    pub rid: String,
    pub kbit_per_second: u32,
}

/// How media flows now. A new `epoch` means: drop the old connection and make a new one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaPlan {
    pub mode: MediaMode,
    pub epoch: u64,
    /// Peer to peer: contact id of the other end; absent while alone.
    pub peer: Option<i64>,
    /// Exactly one of two ends makes the offer. To the SFU the client always does.
    pub offerer: bool,
    /// The connection this device prepared while the call rang is the one of this plan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prepared: bool,
    /// Relays (TURN) to use beside what `getIceServers` names, with credentials for this call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum MediaMode {
    /// Peer to peer.
    P2p,
    /// Through the server's SFU.
    Sfu,
}
