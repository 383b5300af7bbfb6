//! WebSocket frames, JSON text, one object each with a `type`. See `docs/protocol.md` for the order they come in. Variants say
//! `rename_all` one by one: the schemas that TypeScript is made from do not know serde's `rename_all_fields`.

mod call;
mod client;
mod media;
mod server;

pub use call::{CallView, EndReason, Person, PersonState, Seat};
pub use client::{ClientFrame, Resume, Signal};
pub use media::{
    LayerRate, MediaMode, MediaOffer, MediaPlan, MediaState, MediaTrack, MediaView, Rung, SendLimit, Shortage,
    ShortageReason, Slot, Source,
};
pub use server::{Ring, RingEndReason, ServerFrame, ServerMessage, UserPresence};
