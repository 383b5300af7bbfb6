//! Who somebody is: a user who is logged in, or a guest with a personal link.

use farhand_domain::ids::ContactId;
use uuid::Uuid;

use super::{Credential, Login};

/// Somebody without an account, who came by a good link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    pub contact: ContactId,
    /// Of the link.
    pub generation: i64,
    /// The only call there is for this guest.
    pub call_id: Uuid,
    pub domain_id: i64,
    pub display_name: String,
}

#[derive(Clone)]
pub enum Principal {
    User(Login),
    Guest(Guest),
}

impl Principal {
    pub fn domain_id(&self) -> i64 {
        match self {
            Self::User(login) => login.user.domain_id,
            Self::Guest(guest) => guest.domain_id,
        }
    }

    pub fn login(&self) -> Option<&Login> {
        match self {
            Self::User(login) => Some(login),
            Self::Guest(_) => None,
        }
    }

    pub fn guest(&self) -> Option<&Guest> {
        match self {
            Self::User(_) => None,
            Self::Guest(guest) => Some(guest),
        }
    }

    pub fn credential(&self) -> Option<Credential> {
        self.login().map(|login| login.credential)
    }

    /// Whether both came by the same login or the same link: what one began the other may go on with.
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::User(one), Self::User(other)) => one.credential == other.credential,
            (Self::Guest(one), Self::Guest(other)) => {
                (one.contact, one.generation) == (other.contact, other.generation)
            }
            (Self::User(_), Self::Guest(_)) | (Self::Guest(_), Self::User(_)) => false,
        }
    }
}
