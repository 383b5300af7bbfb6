//! The numbered frames a session keeps until they are acknowledged.

use std::collections::VecDeque;

use farhand_protocol::frame::{ServerFrame, ServerMessage};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

use super::Close;

/// Frames kept for a resume, and waiting to be sent. A call's set-up is some tens of frames.
pub const MAX_KEPT: usize = 512;
/// Their bytes: one SDP is up to 64 KiB.
const MAX_KEPT_BYTES: usize = 1024 * 1024;

struct Kept {
    /// `None`: overtaken by a later view of the same call.
    text: Option<Utf8Bytes>,
    /// The call it is a view of.
    shows: Option<Uuid>,
}

#[derive(Default)]
pub struct Queue {
    pub last_seq: u64,
    /// Frames not yet acknowledged, oldest first, with consecutive numbers up to `last_seq`.
    kept: VecDeque<Kept>,
    pub kept_bytes: usize,
    pub sent_up_to: u64,
    /// Which connection has the session; 0: none.
    pub connection: u64,
    pub connections: u64,
    pub close: Option<Close>,
    /// To be closed with that once everything is sent.
    pub finish: Option<Close>,
}

impl Queue {
    pub fn first_kept(&self) -> u64 {
        self.last_seq + 1 - self.kept.len() as u64
    }

    pub fn push(&mut self, text: Utf8Bytes, shows: Option<Uuid>) {
        if let Some(call) = shows {
            self.overtake(call);
        }
        self.kept_bytes += text.len();
        self.kept.push_back(Kept { text: Some(text), shows });
        self.last_seq += 1;
    }

    /// Drops the call's last view if only views came after it. (A signal in between may need the media plan it brought.) In a large
    /// call views make up most of what would be kept.
    fn overtake(&mut self, call: Uuid) {
        let mut views = self.kept.iter_mut().rev().take_while(|kept| kept.shows.is_some());
        if let Some(text) = views.find(|kept| kept.shows == Some(call)).and_then(|kept| kept.text.take()) {
            self.kept_bytes -= text.len();
        }
    }

    pub fn drop_oldest(&mut self) {
        if let Some(text) = self.kept.pop_front().and_then(|kept| kept.text) {
            self.kept_bytes -= text.len();
        }
    }

    pub fn clear(&mut self) {
        self.kept.clear();
        self.kept_bytes = 0;
    }

    pub fn acknowledge(&mut self, seq: u64) {
        let seen = seq.min(self.sent_up_to);
        while !self.kept.is_empty() && self.first_kept() <= seen {
            self.drop_oldest();
        }
        if self.kept.is_empty() {
            self.kept.shrink_to_fit();
        }
    }

    pub fn end_if(&mut self, due: impl FnOnce(&Self) -> bool) -> bool {
        let due = due(self);
        if due {
            self.close.get_or_insert(Close::Replaced);
        }
        due
    }

    /// Numbers have no gaps: in place of what was overtaken goes a frame that says so.
    pub fn next_unsent(&mut self) -> Option<Utf8Bytes> {
        let seq = self.sent_up_to + 1;
        let index = usize::try_from(seq - self.first_kept()).ok()?;
        let text = self.kept.get(index)?.text.clone();
        self.sent_up_to = seq;
        text.or_else(|| {
            let message = ServerMessage { seq: Some(seq), frame: ServerFrame::Overtaken {} };
            serde_json::to_string(&message).ok().map(Utf8Bytes::from)
        })
    }

    pub fn is_over(&self) -> bool {
        self.kept.len() > MAX_KEPT || self.kept_bytes > MAX_KEPT_BYTES
    }
}
