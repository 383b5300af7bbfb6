//! A clock that goes with the machine's, and can be moved.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use farhand_domain::time::Timestamp;
use farhand_server::world::{Clock, SystemClock};

/// What a request reads moves at once. A call's task looks at the clock when something happens to the call, or when its
/// next deadline was to be by the time of its last look; to see a deadline pass, make it short instead.
#[derive(Default)]
pub struct TestClock {
    ahead_millis: AtomicI64,
}

impl TestClock {
    pub fn move_ahead(&self, by: Duration) {
        self.ahead_millis.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// RFC 3339, so far from the server's now: for `plannedDateTime`.
    pub fn in_seconds(&self, seconds: i64) -> String {
        let at = Timestamp::from_millis(self.now().as_millis() + 1000 * seconds);
        farhand_protocol::WireTime(at).to_string()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead_millis.load(Ordering::SeqCst);
        Timestamp::from_millis(SystemClock.now().as_millis() + ahead)
    }
}
