//! What the server sends.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{CallView, LayerRate, Signal, Slot};
use crate::{
    ErrorCode, WireTime,
    auth::User,
    call::{CallLogContact, CallReason, CallType, IceServer, Presence},
    guest::Guest,
    request::{QueuePlace, TeamRequests},
};

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
        /// Who is logged in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<User>,
        /// In place of `user`: who came by a guest's link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        guest: Option<Guest>,
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
    /// Where a service request stands by now, for the technician.
    #[serde(rename_all = "camelCase")]
    RequestPlace {
        call_id: Uuid,
        place: QueuePlace,
    },
    /// What waits for one of the receiver's teams, whole at every change.
    #[serde(rename_all = "camelCase")]
    Requests {
        queue: TeamRequests,
    },
    /// A promise to call back is to be kept now: for whoever may claim the request, and whoever made the promise.
    #[serde(rename_all = "camelCase")]
    CallBackDue {
        call_id: Uuid,
        call_title: String,
        /// Who waits for it.
        from: CallLogContact,
        call_back_date_time: WireTime,
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
