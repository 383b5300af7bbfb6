//! Who may do what with a call.

use crate::{call::Call, ids::ContactId};

/// Somebody who asks something of a call, in the call's own domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    pub contact: ContactId,
    pub admin: bool,
    pub expert: bool,
    /// Without an account: takes part, and decides about nobody else.
    pub guest: bool,
}

impl Actor {
    /// Others do not even learn that the call exists.
    pub fn may_read(self, call: &Call) -> bool {
        self.admin || self.contact == call.maker() || call.person(self.contact).is_some()
    }

    /// Rename, move, start early. Not for a guest who asked for help by a public link, although the call is that person's own.
    pub fn may_manage(self, call: &Call) -> bool {
        self.admin || (!self.guest && self.called(call))
    }

    /// Call off what nobody has joined yet.
    pub fn may_cancel(self, call: &Call) -> bool {
        self.admin || self.called(call)
    }

    fn called(self, call: &Call) -> bool {
        self.contact == call.maker() || self.contact == call.creator()
    }

    pub fn may_invite(self, call: &Call) -> bool {
        self.may_manage(call) || (!self.guest && call.is_seated(self.contact))
    }

    pub fn may_end(self, call: &Call) -> bool {
        self.may_manage(call) || (self.expert && !self.guest && call.is_seated(self.contact))
    }
}
