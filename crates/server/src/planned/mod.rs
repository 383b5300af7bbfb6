//! Calls planned for a time: what a request says of it ([`zone`] reads the clocks of places), and such calls in calendars, be it
//! by a [`feed`] or by an [`invitation`] in a letter.

pub mod entry;
pub mod feed;
pub mod invitation;
pub mod zone;

use farhand_domain::{
    plan::{self, Unacceptable},
    time::Timestamp,
};
use farhand_protocol::{ErrorCode, Problem, WireTime};

use crate::http::Fail;

const INSTANT: &str = "/plannedDateTime";
const LOCAL: &str = "/plannedLocalTime";
const ZONE: &str = "/plannedTimeZone";

/// When somebody wants a call to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Planned {
    pub at: Option<Timestamp>,
    /// In the time of what place; its IANA name.
    pub zone: Option<String>,
    local: bool,
}

impl Planned {
    /// From a request's `plannedDateTime`, or its `plannedLocalTime` and `plannedTimeZone`.
    pub fn read(at: Option<WireTime>, local: Option<&str>, zone: Option<&str>) -> Result<Self, Problem> {
        let wrong = |pointer, detail: &str| Err(Problem::new(ErrorCode::InvalidField, detail).at(pointer));
        let named = zone.map(zone::find).transpose()?;
        let name = named.as_ref().map(|zone| zone.name.clone());
        match (at, local, named) {
            (Some(_), Some(_), _) => wrong(LOCAL, "Give plannedDateTime or plannedLocalTime, not both."),
            (None, Some(_), None) => wrong(ZONE, "plannedLocalTime needs plannedTimeZone, such as Europe/Berlin."),
            (None, None, Some(_)) => wrong(LOCAL, "plannedTimeZone needs plannedLocalTime or plannedDateTime."),
            (None, Some(local), Some(zone)) => Ok(Self { at: Some(zone.instant(local)?), zone: name, local: true }),
            (at, None, _) => Ok(Self { at: at.map(|WireTime(at)| at), zone: name, local: false }),
        }
    }

    /// Whether a call may be planned for then.
    pub fn check(&self, now: Timestamp) -> Result<(), Fail> {
        let checked = self.at.map_or(Ok(()), |at| plan::check(now, at)).map_err(not_a_plan);
        checked.map_err(|fail| self.pointed(fail))
    }

    /// What is wrong with the time, told of the member of the request it comes from.
    pub fn pointed(&self, mut fail: Fail) -> Fail {
        if self.local && fail.0.pointer.as_deref() == Some(INSTANT) {
            fail.0.pointer = Some(LOCAL.to_owned());
        }
        fail
    }
}

/// Why a call is not planned for this time.
pub fn not_a_plan(why: Unacceptable) -> Fail {
    let (code, detail) = match why {
        Unacceptable::Past => (ErrorCode::PlannedInPast, "The planned time is more than five minutes past."),
        Unacceptable::TooFarAhead => (ErrorCode::InvalidField, "A call can be planned up to two years ahead."),
    };
    Problem::new(code, detail).at(INSTANT).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Option<WireTime> = Some(WireTime(Timestamp::from_millis(1_800_000_000_000)));
    const LOCAL_TIME: Option<&str> = Some("2027-01-15T09:00");
    const BERLIN: Option<&str> = Some("europe/berlin");

    #[test]
    fn a_time_is_given_in_one_way_and_a_zone_with_a_time() {
        assert_eq!(Planned::read(None, None, None), Ok(Planned::default()));
        for (at, local, local_given) in [(AT, None, false), (None, LOCAL_TIME, true)] {
            let read = Planned::read(at, local, BERLIN).unwrap();
            // Nine in Berlin is eight in UTC, which is that instant.
            assert_eq!(read.at, Some(Timestamp::from_millis(1_800_000_000_000)));
            assert_eq!((read.zone.as_deref(), read.local), (Some("Europe/Berlin"), local_given));
        }
        let wrong = [
            (AT, LOCAL_TIME, BERLIN, LOCAL),
            (AT, LOCAL_TIME, None, LOCAL),
            (None, LOCAL_TIME, None, ZONE),
            (None, None, BERLIN, LOCAL),
        ];
        for (at, local, zone, pointer) in wrong {
            let problem = Planned::read(at, local, zone).unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (ErrorCode::InvalidField, Some(pointer)));
        }
    }

    #[test]
    fn what_is_wrong_with_a_time_is_told_where_it_was_given() {
        let now = Timestamp::from_millis(1_900_000_000_000);
        for (at, local, pointer) in [(AT, None, INSTANT), (None, LOCAL_TIME, LOCAL)] {
            let fail = Planned::read(at, local, BERLIN).unwrap().check(now).unwrap_err();
            assert_eq!((fail.0.code, fail.0.pointer.as_deref()), (ErrorCode::PlannedInPast, Some(pointer)));
        }
    }
}
