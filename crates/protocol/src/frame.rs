//! WebSocket frames, JSON text, one object each with a `type`. See `docs/protocol.md` for the order they come in. Variants say
//! `rename_all` one by one: the schemas that TypeScript is made from do not know serde's `rename_all_fields`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    ErrorCode, WireTime,
    auth::User,
    call::{CallLogContact, CallReason, CallStatus, CallType, CreateCallRequest, IceServer, Presence},
    statistics::MediaReport,
};

/// What a client sends. A frame with an `id` is answered by `ok` or `error` with the same `id`.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientFrame {
    /// The first frame, within five seconds.
    #[serde(rename_all = "camelCase")]
    Hello {
        protocol: u32,
        /// Left out where a session cookie came with the upgrade.
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
    /// Hangs up.
    #[serde(rename_all = "camelCase")]
    Leave { id: u32, call_id: Uuid },
    /// Ends the call for all.
    #[serde(rename_all = "camelCase")]
    End { id: u32, call_id: Uuid },
    /// Rings somebody again who declined or missed the call.
    #[serde(rename_all = "camelCase")]
    RingAgain { id: u32, call_id: Uuid, contact_id: i64 },
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

/// A frame from the server. Frames with a `seq` are replayed on resume; `welcome` and `pong` have none.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ServerMessage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[serde(flatten)]
    pub frame: ServerFrame,
}

#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ServerFrame {
    /// Answers `hello`.
    #[serde(rename_all = "camelCase")]
    Welcome {
        protocol: u32,
        session_id: Uuid,
        /// True: what was missed follows. False: a new session; `ring` and `call` frames follow for all that is going on.
        resumed: bool,
        user: User,
        server_time: WireTime,
        /// How often to send `ping`; after three times as long without any frame the server drops the connection.
        ping_seconds: u32,
        /// How long a session can be resumed.
        grace_seconds: u32,
    },
    /// The frame with this `id` was carried out. `call` is there after `createCall` and `join`.
    #[serde(rename_all = "camelCase")]
    Ok {
        id: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<Box<CallView>>,
        /// The SFU's answer to `mediaOffer`, or to the offer of a `join`: for the connection of the call's media plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sdp: Option<String>,
    },
    /// The frame with this `id` was refused, or, without an `id`, the connection is about to be closed.
    #[serde(rename_all = "camelCase")]
    Error {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u32>,
        code: ErrorCode,
        detail: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pointer: Option<String>,
    },
    /// Somebody calls. Sent again after a new `welcome` while it lasts.
    #[serde(rename_all = "camelCase")]
    Ring {
        ring: Ring,
    },
    #[serde(rename_all = "camelCase")]
    RingEnd {
        call_id: Uuid,
        reason: RingEndReason,
    },
    /// A call as it stands now, sent to everybody in it or invited, at every change.
    #[serde(rename_all = "camelCase")]
    Call {
        call: Box<CallView>,
    },
    /// In place of a `call` that was not needed any more when it was to be sent: a later one shows the same call. Only its number counts.
    Overtaken {},
    /// The seat in this call was taken over by another device of the same person.
    #[serde(rename_all = "camelCase")]
    Moved {
        call_id: Uuid,
    },
    #[serde(rename_all = "camelCase")]
    Signal {
        call_id: Uuid,
        epoch: u64,
        from: i64,
        signal: Signal,
    },
    /// Who is shown in which slot of the connection with this epoch. Sent whole at every change.
    #[serde(rename_all = "camelCase")]
    Slots {
        call_id: Uuid,
        epoch: u64,
        slots: Vec<Slot>,
        /// So many more could be shown: an offer with more lines that receive makes room for them.
        missing: u32,
        /// What layers of the own camera should take, so that the viewers' links are used; those that are not named, what the client likes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rates: Vec<LayerRate>,
    },
    /// Who speaks now; nobody if absent.
    #[serde(rename_all = "camelCase")]
    Speaker {
        call_id: Uuid,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contact: Option<i64>,
    },
    /// Nothing comes from this device to the SFU any more, on the connection with this epoch: an ICE restart finds another way.
    #[serde(rename_all = "camelCase")]
    PathLost {
        call_id: Uuid,
        epoch: u64,
    },
    /// Somebody's newest still picture is here, to be fetched with `GET /rtc/stills/{callId}/of/{contact}`.
    #[serde(rename_all = "camelCase")]
    Still {
        call_id: Uuid,
        contact: i64,
        still_id: Uuid,
        bytes: u32,
    },
    /// Whoever changed; with `complete` everybody in the domain who is not offline.
    #[serde(rename_all = "camelCase")]
    Presence {
        users: Vec<UserPresence>,
        complete: bool,
    },
    Pong {},
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPresence {
    pub user_db_id: i64,
    pub presence: Presence,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ring {
    pub call_id: Uuid,
    pub call_title: String,
    pub call_reason: CallReason,
    pub call_type: CallType,
    /// Who waits at the other end: the creator; for the creator, whoever joined first.
    pub from: CallLogContact,
    /// False: list the call, do not pop up.
    pub popup: bool,
    /// When the ring ends by itself.
    pub until: WireTime,
    /// Relays (TURN) for a connection that is prepared while it rings, as in the media plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RingEndReason {
    /// Joined, on this device or another one of the same person.
    Joined,
    Declined,
    TimedOut,
    /// Somebody else took the call.
    TakenByOther,
    /// The call ended, or the caller gave up.
    CallEnded,
}

/// A call as one session sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    pub call_id: Uuid,
    pub id: i64,
    pub call_title: String,
    pub call_reason: CallReason,
    pub call_type: CallType,
    pub call_status: CallStatus,
    pub planned_date_time: Option<WireTime>,
    pub started_date_time: Option<WireTime>,
    /// The receiver's own contact id in this call, where it has one.
    pub you: Option<i64>,
    pub seat: Seat,
    pub creator: i64,
    pub people: Vec<Person>,
    /// There while this session has the seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_plan: Option<MediaPlan>,
    /// There while this session has the seat and a data budget limits what it may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_limit: Option<SendLimit>,
    /// There once the call has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// Rises with every change; drop a frame with a smaller one.
    pub version: u64,
}

/// Where the receiver's seat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Seat {
    None,
    /// With this session.
    Here,
    /// With another device of the same person.
    Elsewhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum EndReason {
    HungUp,
    /// Ended for all by the creator, an expert or an administrator.
    EndedForAll,
    Missed,
    Declined,
    /// Everybody's connection was lost for good.
    ConnectionLost,
    /// Somebody sat alone in the call for too long.
    Alone,
    /// A planned call nobody came to.
    NobodyCame,
}

/// Somebody in the call or invited to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub contact: CallLogContact,
    pub state: PersonState,
    /// Whether a device of this person is connected.
    pub online: bool,
    /// What the microphone and camera do, once the person has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaState>,
    /// Why this person sees less than the others send; absent if that is not so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receives: Option<Shortage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PersonState {
    /// Not rung yet.
    Waiting,
    Ringing,
    Joined,
    /// Connection lost, seat held; or nothing comes to the SFU.
    Reconnecting,
    Declined,
    Missed,
    /// Somebody else took the call; may still join.
    Silenced,
    Left,
    /// The broker: sees the call, has no seat.
    Broker,
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
