//! Who is asking: tokens, passwords, and the caches that keep both off the hot path.

mod attempts;
mod call_link;
mod codes;
mod guard;
mod guest_link;
mod guests;
mod password;
mod principal;
mod request_link;
mod token;

pub use attempts::Attempts;
pub use call_link::{CALL_PREFIX, CallLink};
pub use codes::{CODE_LIFE, Codes, Leads};
pub use guard::{API_KEY_PREFIX, Auth, Credential, Granted, Login, Refreshed, has_role, role_name};
pub use guest_link::{GUEST_PREFIX, GuestLink, PAGE as JOIN_PAGE};
pub use guests::{AtMachine, Guests, Invited, Open, hex_digest, revoked, unknown as unknown_link, version_of};
pub use password::{hash_password, verify_password};
pub use principal::{Guest, Principal};
pub use request_link::{REQUEST_PREFIX, RequestLink};
pub use token::{Secret, hash_token, mint};
