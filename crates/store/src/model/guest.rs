//! Guests' personal links, what they have accepted, and the links to whole calls.

use farhand_domain::time::Timestamp;
use uuid::Uuid;

/// Which link of a guest is good. The link itself is stored nowhere: it can be made again from this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestLink {
    /// Names the invitation, too: a guest has a contact for each.
    pub contact_id: i64,
    /// From 1; links of earlier generations are revoked.
    pub generation: i64,
    /// Until when links that are made now are good.
    pub expires_at: Timestamp,
    pub accepted: Option<AcceptedTerms>,
    /// Of whoever came in through the lobby: SHA-256, as hexadecimal digits, of what was knocked with.
    pub knock: Option<String>,
}

/// Which link to a whole call is good. It leads into the call's lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLink {
    /// From 1; links of earlier generations are revoked.
    pub generation: i64,
    /// Until when links that are made now are good.
    pub expires_at: Timestamp,
}

/// A page of terms that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedTerms {
    /// SHA-256 of the text, as hexadecimal digits.
    pub text: String,
    pub at: Timestamp,
}

/// A guest's link together with what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestInvitation {
    pub link: GuestLink,
    pub call_id: Uuid,
    pub domain_id: i64,
    /// As the invitation calls the guest.
    pub display_name: String,
    /// The guest asked for the call, and is invited by nobody.
    pub made_it: bool,
    pub planned_at: Option<Timestamp>,
    pub call_ended: bool,
}
