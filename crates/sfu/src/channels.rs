//! Data channels, passed on: what a participant says on a channel of its own, every other one hears on a channel of the same label, order
//! and reliability, whose protocol says who speaks. The channel `alive` is different: it is echoed, so that both ends know
//! whether anything gets through.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::channel::{ChannelId, Reliability};

use crate::{engine::Engine, ids::PeerId};

/// Echoed instead of passed on.
const ALIVE: &str = "alive";
/// Channels one participant may have open. A pointer, a drawing, a chat and their like.
const MAX_OWN: usize = 8;
const MAX_LABEL: usize = 64;
/// A longer message takes a slow link for too long. Drawings are sent stroke by stroke.
const MAX_MESSAGE: usize = 64 * 1024;
/// What is kept for a receiver whose channel is not open yet, each message with its cost.
const MAX_WAITING: usize = 64 * 1024;
/// Bytes a participant may say at once, and in a second: a pointer and a pen at 60 messages a second take a tenth.
const BURST: u64 = 512 * 1024;
const PER_SECOND: u64 = 128 * 1024;
/// What a message costs besides its bytes, and takes while it waits.
const MESSAGE_COST: usize = 64;
/// What it costs to open a channel: it is opened to everybody else, and closed again with it. Thirty at once, then eight a second.
const OPENING_COST: usize = 16 * 1024;

/// How a channel is to be opened towards the other participants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) label: String,
    pub(crate) ordered: bool,
    pub(crate) reliability: Reliability,
}

impl Manner {
    fn is_reliable(&self) -> bool {
        self.reliability == Reliability::Reliable
    }
}

/// A channel some participant speaks on.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) id: ChannelId,
    pub(crate) manner: Arc<Manner>,
}

/// Who speaks on which of its channels.
#[derive(Debug, Clone)]
pub(crate) struct Spoken {
    pub(crate) from: PeerId,
    /// What the other participants know the speaker by.
    pub(crate) name: i64,
    pub(crate) own: Own,
}

struct Message {
    binary: bool,
    data: Arc<[u8]>,
}

enum State {
    /// Not open yet; this is for later.
    Opening(VecDeque<Message>),
    Open,
    /// The receiver does not want it, or could not keep up with it.
    Closed,
}

/// A channel on which a participant hears another one.
struct Heard {
    from: PeerId,
    of: ChannelId,
    id: ChannelId,
    reliable: bool,
    state: State,
}

pub(crate) struct Channels {
    /// Whether the participant's offer has a line for them.
    agreed: bool,
    own: Vec<Own>,
    heard: Vec<Heard>,
    alive: Option<ChannelId>,
    allowance: Allowance,
}

impl Channels {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            agreed: false,
            own: Vec::new(),
            heard: Vec::new(),
            alive: None,
            allowance: Allowance { left: BURST, at: now },
        }
    }

    pub(crate) fn agree(&mut self) {
        self.agreed = true;
    }

    pub(crate) fn are_agreed(&self) -> bool {
        self.agreed
    }

    pub(crate) fn own(&self) -> &[Own] {
        &self.own
    }

    /// Whether the participant lets hear regularly that it is there.
    pub(crate) fn says_alive(&self) -> bool {
        self.alive.is_some()
    }

    /// True if there is a new channel to be passed on.
    pub(crate) fn opened(&mut self, engine: &mut Engine, now: Instant, id: ChannelId, label: &str) -> bool {
        if let Some(heard) = self.heard.iter_mut().find(|heard| heard.id == id) {
            heard.open(engine);
            return false;
        }
        let allowed = self.allowance.take(now, OPENING_COST);
        if label == ALIVE && allowed && self.alive.is_none() {
            self.alive = Some(id);
            return false;
        }
        let manner = engine.channel_manner(id).filter(|manner| manner.label.len() <= MAX_LABEL && label != ALIVE);
        match manner {
            Some(manner) if allowed && self.own.len() < MAX_OWN => {
                self.own.push(Own { id, manner: Arc::new(manner) });
                true
            }
            Some(_) | None => {
                engine.close_channel(id);
                false
            }
        }
    }

    /// True if one that was passed on is no more.
    pub(crate) fn closed(&mut self, id: ChannelId) -> bool {
        if self.alive == Some(id) {
            self.alive = None;
        }
        if let Some(heard) = self.heard.iter_mut().find(|heard| heard.id == id) {
            heard.state = State::Closed;
        }
        let before = self.own.len();
        self.own.retain(|own| own.id != id);
        before != self.own.len()
    }

    /// Whether this participant may say that, now and here. An echo is sent at once.
    pub(crate) fn may_say(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        id: ChannelId,
        binary: bool,
        data: &[u8],
    ) -> bool {
        let allowed = data.len() <= MAX_MESSAGE && self.allowance.take(now, data.len() + MESSAGE_COST);
        if self.alive == Some(id) {
            if allowed {
                engine.say(id, binary, data);
            }
            return false;
        }
        let Some(own) = self.own.iter().find(|own| own.id == id) else { return false };
        if !allowed && own.manner.is_reliable() {
            // Leaving a message out would break what was promised; so the speaker is told that it is over.
            engine.close_channel(id);
        }
        allowed
    }

    /// Makes what is heard what is spoken; `None` for a participant that hears nothing. True if anything was changed.
    pub(crate) fn follow(&mut self, engine: &mut Engine, spoken: &[Spoken]) -> bool {
        let is_spoken = |heard: &Heard| spoken.iter().any(|s| (s.from, s.own.id) == (heard.from, heard.of));
        let mut changed = false;
        self.heard.retain(|heard| {
            let stays = is_spoken(heard);
            if !stays && !matches!(heard.state, State::Closed) {
                engine.close_channel(heard.id);
                changed = true;
            }
            stays
        });
        for Spoken { from, name, own } in spoken {
            if !self.heard.iter().any(|heard| (heard.from, heard.of) == (*from, own.id)) {
                let id = engine.open_channel(&own.manner, format!("from:{name}"));
                let state = State::Opening(VecDeque::new());
                self.heard.push(Heard { from: *from, of: own.id, id, reliable: own.manner.is_reliable(), state });
                changed = true;
            }
        }
        changed
    }

    /// True if something was written.
    pub(crate) fn hear(
        &mut self,
        engine: &mut Engine,
        from: PeerId,
        of: ChannelId,
        binary: bool,
        data: &Arc<[u8]>,
    ) -> bool {
        let heard = self.heard.iter_mut().find(|heard| (heard.from, heard.of) == (from, of));
        heard.is_some_and(|heard| heard.hear(engine, Message { binary, data: data.clone() }))
    }
}

impl Heard {
    fn open(&mut self, engine: &mut Engine) {
        if let State::Opening(waiting) = std::mem::replace(&mut self.state, State::Open) {
            for message in waiting {
                self.hear(engine, message);
            }
        }
    }

    fn hear(&mut self, engine: &mut Engine, message: Message) -> bool {
        let taken = match &mut self.state {
            State::Opening(waiting) => {
                let size = |message: &Message| message.data.len() + MESSAGE_COST;
                let room = waiting.iter().map(size).sum::<usize>() + size(&message) <= MAX_WAITING;
                if room {
                    waiting.push_back(message);
                }
                room
            }
            State::Open => engine.say(self.id, message.binary, &message.data),
            State::Closed => return false,
        };
        if !taken && self.reliable {
            // It cannot keep up. Better no channel than one that silently left something out.
            engine.close_channel(self.id);
            self.state = State::Closed;
        }
        true
    }
}

/// So much at once, then so much in a second.
struct Allowance {
    left: u64,
    at: Instant,
}

impl Allowance {
    fn take(&mut self, now: Instant, cost: usize) -> bool {
        let cost = u64::try_from(cost).unwrap_or(u64::MAX);
        let passed = now.saturating_duration_since(self.at).min(Duration::from_mins(1));
        let earned = u64::try_from(passed.as_micros()).unwrap_or(0) * PER_SECOND / 1_000_000;
        if earned > 0 {
            (self.left, self.at) = ((self.left + earned).min(BURST), now);
        }
        let enough = self.left >= cost;
        if enough {
            self.left -= cost;
        }
        enough
    }
}
