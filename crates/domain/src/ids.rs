//! Ids as types, so that a contact is never taken for a user.

/// Whoever can be in a call: a user, or a guest of one call. Everything in a call is keyed by it, never by user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId(pub i64);

/// A named group of a domain's users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamId(pub i64);

/// One browser tab or one installation of a client. Tells a reload from a second device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u128);
