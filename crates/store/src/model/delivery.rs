//! Messages to people, and what became of each.

use farhand_domain::{
    delivery::{Channel, Fact, State},
    time::Timestamp,
};
use uuid::Uuid;

/// One message to one person. Born with the step of a call that wants it.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Made by us before anything is sent, so that a copy is known as one.
    pub id: Uuid,
    pub call_id: Uuid,
    pub domain_id: i64,
    pub contact_id: i64,
    pub channel: Channel,
    /// What it is about: `ring`, `planned` …
    pub kind: String,
    pub address: String,
    /// What is to be said, as a text that is not looked into here.
    pub facts: String,
    pub state: State,
    /// Why it is so, in the words of the other server where it has said something.
    pub reason: Option<String>,
    /// How often it has been taken up.
    pub tries: u32,
    /// Not to be sent before, nor after.
    pub next_at: Timestamp,
    pub not_after: Timestamp,
    /// What the gateway calls it.
    pub gateway_id: Option<String>,
    /// All states but those of single tries, the present one last.
    pub steps: Vec<DeliveryStep>,
}

/// One that was not sent, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub delivery: Delivery,
    pub call_title: String,
    pub call_ended: bool,
    /// Of whom it was for.
    pub display_name: String,
    /// Another message went to the same address since then.
    pub sent_again: bool,
}

/// One that has been taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// As it was before: queued, and tried once less.
    pub delivery: Delivery,
    pub call_ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryStep {
    pub state: State,
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// Whose message something was heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    Id(Uuid),
    /// By the gateway's name for it.
    Gateway(Channel, String),
}

/// Something heard of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub whose: Whose,
    pub fact: Fact,
    pub reason: Option<String>,
    pub gateway_id: Option<String>,
    /// When it is tried again, if it is.
    pub again_at: Option<Timestamp>,
    pub at: Timestamp,
}

/// Who takes messages up, so that whatever was in flight when it stopped is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant<'a> {
    pub node: &'a str,
    pub epoch: i64,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Delivery({} {:?})", self.id, self.state)
    }
}
