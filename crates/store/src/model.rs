//! Rows as the rest of the program sees them.

mod delivery;
mod feed;
mod guest;
mod login;
mod push;
mod request;
mod team;
mod webhook;

use std::fmt;

use farhand_domain::time::Timestamp;
use uuid::Uuid;

pub use delivery::{Claimant, Claimed, DeadLetter, Delivery, DeliveryStep, Heard, Whose};
pub use feed::{FeedCall, FeedEvent, FeedFilter, FeedPage};
pub use guest::{AcceptedTerms, CallLink, GuestInvitation, GuestLink};
pub use login::{ApiKey, LoginSession, NewApiKey, NewLoginSession, Rotation, TokenPair};
pub use push::PushSubscription;
pub use request::{MadeBy, NewRequestLink, RequestLink, RequestLinkChange, RequestOrigin, RequestsMade, TeamClaim};
pub use team::{InvitedTeam, NewTeam, Team, TeamQueue};
pub use webhook::{
    MessageFilter, MessageState, NewMessage, NewWebhook, Then, Webhook, WebhookChange, WebhookMessage, WebhookOutcome,
};

/// What somebody's media may take in a call; none: as much as they want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// In each direction.
    pub kbit: Option<i64>,
    /// Both directions together.
    pub megabytes: Option<i64>,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    pub id: i64,
    pub name: String,
    pub guests_allowed: bool,
    /// Of each of its people.
    pub budget: Budget,
    /// How its people are reached, as a text that is not looked into here.
    pub reach: Option<String>,
    /// What guests have to accept before they come in.
    pub guest_terms: Option<String>,
}

/// `None` leaves a column as it is.
#[expect(clippy::option_option, reason = "outside: whether to change it; inside: the new value, which may be none")]
#[derive(Debug, Clone, Default)]
pub struct DomainChange {
    pub guests_allowed: Option<bool>,
    pub budget: Option<Budget>,
    pub reach: Option<Option<String>>,
    pub guest_terms: Option<Option<String>>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub id: i64,
    pub domain_id: i64,
    pub domain: String,
    pub login: String,
    pub display_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// An argon2id PHC string; none for a user who only has API keys.
    pub password_hash: Option<String>,
    /// Role names as on the wire.
    pub roles: Vec<String>,
    pub operator: bool,
    pub disabled: bool,
    pub budget: Budget,
    /// Which link to this user's calendar is good.
    pub calendar_generation: i64,
    /// How this user is reached, as a text that is not looked into here.
    pub reach: Option<String>,
}

#[derive(Clone)]
pub struct NewUser {
    /// Fixes the database id; for the demo only.
    pub id: Option<i64>,
    pub domain_id: i64,
    pub login: String,
    pub display_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub password_hash: Option<String>,
    pub roles: Vec<String>,
    pub operator: bool,
}

/// `None` leaves a column as it is.
#[expect(clippy::option_option, reason = "outside: whether to change it; inside: the new value, which may be none")]
#[derive(Clone, Default)]
pub struct UserChange {
    pub display_name: Option<String>,
    pub email: Option<Option<String>>,
    pub phone: Option<Option<String>>,
    pub password_hash: Option<String>,
    pub roles: Option<Vec<String>>,
    pub operator: Option<bool>,
    pub disabled: Option<bool>,
    pub budget: Option<Budget>,
    /// Raises the generation of the link to the user's calendar.
    pub renew_calendar: bool,
    pub reach: Option<Option<String>>,
}

/// Whoever can be in a call. One per user, reused by later calls; one per guest invitation.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    pub id: i64,
    pub domain_id: i64,
    pub domain: String,
    pub user_id: Option<i64>,
    pub login: Option<String>,
    pub display_name: String,
}

#[derive(Clone)]
pub struct NewGuest {
    pub domain_id: i64,
    pub display_name: String,
}

/// One person's invitation to one call, with the addresses given in that request.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    pub contact: Contact,
    pub display_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// In which to write, if the request said it.
    pub language: Option<String>,
}

impl Invitation {
    /// Of somebody who was given no address.
    pub fn of(contact: Contact) -> Self {
        Self { display_name: contact.display_name.clone(), email: None, phone: None, language: None, contact }
    }
}

/// A row of the log's events. `seq` counts within the call from 1; `id` comes from the database and rises with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub id: i64,
    pub seq: i64,
    pub kind: String,
    pub contact_id: i64,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub seq: i64,
    pub kind: &'static str,
    pub contact_id: i64,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    pub seq: i64,
    pub kind: String,
    pub contact_id: Option<i64>,
    pub channel: Option<String>,
    pub state: Option<String>,
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// How somebody's time on one seat went. `seq` counts within the call from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsRow {
    pub seq: i64,
    pub contact_id: i64,
    pub joined_at: Timestamp,
    pub left_at: Timestamp,
    pub why: String,
    pub reconnects: i64,
    /// What was measured, as a text that is not looked into here.
    pub figures: String,
}

/// Everything the log says of a call.
#[derive(Clone, PartialEq, Eq)]
pub struct CallRecord {
    pub id: i64,
    pub call_id: Uuid,
    pub domain_id: i64,
    pub title: String,
    /// Wire names: `STANDARD`, `MESH`, `Planned` …
    pub reason: String,
    pub call_type: String,
    pub status: String,
    pub join_anonymous: bool,
    pub inform_directly: bool,
    /// The request's `creatorUser`.
    pub creator_user: Option<i64>,
    /// Of each person in it.
    pub budget: Budget,
    pub creator: Contact,
    pub maker: Contact,
    pub invited: Vec<Invitation>,
    pub teams: Vec<InvitedTeam>,
    pub planned_at: Option<Timestamp>,
    /// The IANA name of the zone it was planned in.
    pub planned_zone: Option<String>,
    /// Rises with every change that calendars must hear of.
    pub calendar_sequence: i64,
    /// Whether messages may go to the addresses of people's accounts.
    pub stored_addresses: bool,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub events: Vec<EventRow>,
    pub history: Vec<HistoryRow>,
    pub statistics: Vec<StatisticsRow>,
    /// In the order of their making.
    pub deliveries: Vec<Delivery>,
    /// One for each guest, in the order of their contacts.
    pub guest_links: Vec<GuestLink>,
    /// There once it was given out.
    pub link: Option<CallLink>,
    /// For a service request that came by a public link.
    pub origin: Option<RequestOrigin>,
}

/// A call that has not ended, as it was last saved.
#[derive(Clone)]
pub struct RunningCall {
    pub record: CallRecord,
    pub state: String,
    pub version: i64,
}

/// A call whose owner need not look at it before then, as far as it has to be known without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SleepingCall {
    pub id: i64,
    pub call_id: Uuid,
    pub until: Timestamp,
    /// Contacts: who made it, for whom, and who is invited.
    pub creator: i64,
    pub maker: i64,
    pub invited: Vec<i64>,
}

pub enum CallWrite {
    Create(Box<NewCall>),
    Update(Box<CallUpdate>),
}

/// A new call, version 1.
#[derive(Clone)]
pub struct NewCall {
    /// `id` and the events' ids are ignored: the database gives them.
    pub record: CallRecord,
    pub state: String,
    pub owner_node: String,
    pub owner_epoch: i64,
    /// There if nobody need look at it before then.
    pub sleeps_until: Option<Timestamp>,
    pub idempotency: Option<NewIdempotency>,
}

#[derive(Clone)]
pub struct NewIdempotency {
    pub caller: i64,
    pub key: String,
    pub body_hash: [u8; 32],
}

/// The next version of a call. Refused with [`Refused::Conflict`] unless node, epoch and version are as expected.
#[derive(Clone)]
pub struct CallUpdate {
    pub id: i64,
    pub owner_node: String,
    pub owner_epoch: i64,
    pub expected_version: i64,
    pub state: String,
    pub title: String,
    pub call_type: String,
    pub status: String,
    pub join_anonymous: bool,
    pub planned_at: Option<Timestamp>,
    pub planned_zone: Option<String>,
    pub calendar_sequence: i64,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// There if nobody need look at it before then.
    pub sleeps_until: Option<Timestamp>,
    pub new_events: Vec<NewEvent>,
    pub new_history: Vec<HistoryRow>,
    pub new_statistics: Vec<StatisticsRow>,
    pub new_deliveries: Vec<Delivery>,
    /// What this step means for earlier messages of the call.
    pub heard: Vec<Heard>,
    pub new_invited: Vec<Invitation>,
    /// Of people who are invited already: how they are reached from now on.
    pub changed_invited: Vec<Invitation>,
    pub new_teams: Vec<InvitedTeam>,
    /// New ones, and in place of those that were.
    pub guest_links: Vec<GuestLink>,
    /// The first, or in place of the one that was.
    pub link: Option<CallLink>,
}

/// What the database gave a saved call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub id: i64,
    /// Ids of the new events, in order.
    pub event_ids: Vec<i64>,
    /// Earlier messages that are in another state now.
    pub deliveries: Vec<Delivery>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Another owner, epoch or version.
    Conflict,
    /// The caller has used this idempotency key before.
    KeyUsed,
    /// A row it refers to is missing or a row of it is there already, such as its call id: a mistake of the caller.
    Constraint(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    pub body_hash: [u8; 32],
    pub call_id: Uuid,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    pub domain_id: i64,
    /// Only calls this user made, created or was invited to; none: the whole domain's.
    pub member: Option<i64>,
    pub status: Option<String>,
    pub planned: Option<bool>,
    /// Only calls planned for then or later.
    pub planned_from: Option<Timestamp>,
    /// Only smaller ids.
    pub before: Option<i64>,
    pub limit: u64,
}

/// People are logged by id only.
macro_rules! people_by_id {
    ($($name:ident)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.id)
            }
        }
    )+};
}
people_by_id!(User Contact CallRecord);
