//! What clients send.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MediaOffer, MediaState, MediaTrack, MediaView};
use crate::{call::CreateCallRequest, statistics::MediaReport};

/// What a client sends. A frame with an `id` is answered by `ok` or `error` with the same `id`.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientFrame {
    /// The first frame, within five seconds.
    #[serde(rename_all = "camelCase")]
    Hello {
        protocol: u32,
        /// Of a login, an API key or a guest's link. Left out where a session cookie came with the upgrade.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access_token: Option<String>,
        /// Made by the client, kept for the life of a browser tab or an installation; tells a reload from a second device.
        device_id: Uuid,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
    },
    /// Creates a call and joins it, in one step.
    #[serde(rename_all = "camelCase")]
    CreateCall { id: u32, call: CreateCallRequest },
    /// Accepts a ring, or joins a call one may join.
    #[serde(rename_all = "camelCase")]
    Join {
        id: u32,
        call_id: Uuid,
        /// Set when this very page was in the call before: the epoch of the media plan whose connection it still has, or 0.
        /// Refused with `seat_moved` if another device has the seat now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejoin: Option<u64>,
        /// This page has a connection to the SFU that it made while the call rang; the media plan says whether it is taken up.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        prepared: bool,
        /// The offer for a new connection to the SFU: saves the round trip of a `mediaOffer`. `ok` has the answer beside the `call`; where it has none,
        /// the offer was not wanted, and a media plan that needs one asks for it as always.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<Box<MediaOffer>>,
    },
    #[serde(rename_all = "camelCase")]
    Decline { id: u32, call_id: Uuid },
    /// A ring has come to this device. `seen`: it stands before somebody's eyes. There is no answer.
    #[serde(rename_all = "camelCase")]
    RingShown { call_id: Uuid, seen: bool },
    /// Somebody has opened this call by the link of a message. There is no answer.
    #[serde(rename_all = "camelCase")]
    LinkOpened { call_id: Uuid },
    /// Hangs up.
    #[serde(rename_all = "camelCase")]
    Leave { id: u32, call_id: Uuid },
    /// Ends the call for all.
    #[serde(rename_all = "camelCase")]
    End { id: u32, call_id: Uuid },
    /// Takes a service request. Whoever claims it is rung on all devices, and joins as with any ring.
    #[serde(rename_all = "camelCase")]
    ClaimServiceRequest { id: u32, call_id: Uuid },
    /// Rings somebody again who declined or missed the call.
    #[serde(rename_all = "camelCase")]
    RingAgain { id: u32, call_id: Uuid, contact_id: i64 },
    /// Lets somebody in from the lobby.
    #[serde(rename_all = "camelCase")]
    AdmitToCall { id: u32, call_id: Uuid, lobby_id: Uuid },
    /// Does not let somebody in, and is not asked again by the same person for some minutes.
    #[serde(rename_all = "camelCase")]
    RefuseFromCall { id: u32, call_id: Uuid, lobby_id: Uuid },
    /// Something for the other end of the media plan. Answered only when it is refused.
    #[serde(rename_all = "camelCase")]
    Signal { call_id: Uuid, epoch: u64, to: i64, signal: Signal },
    /// The offer for a connection to the SFU, answered by `ok` with an `sdp`: the first, one with more lines, or an ICE restart. With epoch 0, while
    /// the call rings here: a connection for later, on which nothing passes before the call has been accepted.
    #[serde(rename_all = "camelCase")]
    MediaOffer {
        id: u32,
        call_id: Uuid,
        epoch: u64,
        sdp: String,
        /// What each line that sends carries. All other lines receive: they are slots.
        tracks: Vec<MediaTrack>,
    },
    /// What the client shows of others, and how large: the SFU sends no more than that takes. What is not named is taken for a tile.
    #[serde(rename_all = "camelCase")]
    MediaViews { call_id: Uuid, views: Vec<MediaView> },
    /// What the sender's microphone and camera do, to show it to the others.
    #[serde(rename_all = "camelCase")]
    MediaState { call_id: Uuid, state: MediaState },
    /// How the sender's media have been since its last report. Not answered.
    #[serde(rename_all = "camelCase")]
    MediaReport { call_id: Uuid, report: Box<MediaReport> },
    /// No direct path was found on the media plan of this epoch: the call goes through the server from now on.
    #[serde(rename_all = "camelCase")]
    PathFailed { id: u32, call_id: Uuid, epoch: u64 },
    /// Says the client lives and what it has received; answered by `pong`.
    #[serde(rename_all = "camelCase")]
    Ping { last_seq: u64 },
}

/// Takes up a session after a short disconnection.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resume {
    pub session_id: Uuid,
    /// The last `seq` the client has seen.
    pub last_seq: u64,
}

/// What two ends of a peer-to-peer call say to each other; the server only passes it on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Signal {
    #[serde(rename_all = "camelCase")]
    Offer { sdp: String },
    #[serde(rename_all = "camelCase")]
    Answer { sdp: String },
    /// As `RTCIceCandidate.toJSON()` gives it; an empty `candidate` ends them.
    #[serde(rename_all = "camelCase")]
    Candidate {
        #[serde(default)]
        candidate: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sdp_mid: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sdp_m_line_index: Option<u16>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username_fragment: Option<String>,
    },
    /// Asks the offerer for an ICE restart.
    Restart {},
}
