//! From the time on the clocks of a place to the instant. The rules of all places are part of the program: it does not depend on
//! what the machine has.

use farhand_domain::{hours::Wall, time::Timestamp};
use farhand_protocol::{ErrorCode, Problem};
use jiff::{
    Zoned,
    civil::DateTime,
    fmt::temporal::{Pieces, PiecesOffset},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use super::{LOCAL, ZONE};

/// Characters in a zone's name, more than any has.
const MAX_NAME: usize = 64;
/// Characters in a local time, more than any that can be understood.
const MAX_LOCAL: usize = 40;

/// A place's rules.
#[derive(Debug, Clone)]
pub struct Zone {
    /// As the IANA database spells it.
    pub name: String,
    rules: TimeZone,
}

/// The zone of this name, however its letters are cased.
pub fn find(name: &str) -> Result<Zone, Problem> {
    let known = (name.len() <= MAX_NAME).then(|| TimeZone::get(name).ok()).flatten();
    let named = known.and_then(|rules| Some(Zone { name: rules.iana_name()?.to_owned(), rules }));
    named.ok_or_else(|| {
        let detail = "This is no time zone that is known here. Use a name of the IANA database, such as Europe/Berlin.";
        Problem::new(ErrorCode::UnknownTimeZone, detail).at(ZONE)
    })
}

impl Zone {
    /// When the clocks here show this time. One that they never show, or twice, is not guessed at.
    pub fn instant(&self, local: &str) -> Result<Timestamp, Problem> {
        let (time, offset) = read(local).ok_or_else(unreadable)?;
        let (name, refuse) = (&self.name, |code, detail| Err(Problem::new(code, detail).at(LOCAL)));
        match (self.rules.to_ambiguous_timestamp(time).offset(), offset) {
            (AmbiguousOffset::Gap { before, after }, _) => {
                let (earlier, later) = (self.shown(time, after)?, self.shown(time, before)?);
                let detail = format!("The clocks of {name} skip {}. Take {earlier} or {later}.", minutes(time));
                refuse(ErrorCode::NoSuchTime, detail)
            }
            (AmbiguousOffset::Fold { before, after }, None) => {
                let (first, second) = (self.shown(time, before)?, self.shown(time, after)?);
                let detail = format!("The clocks of {name} show {} twice: {first} or {second}.", minutes(time));
                refuse(ErrorCode::AmbiguousTime, detail)
            }
            (AmbiguousOffset::Fold { before, after }, Some(offset)) if offset == before || offset == after => {
                instant(time, offset)
            }
            (AmbiguousOffset::Unambiguous { offset }, given) if given.is_none_or(|given| given == offset) => {
                instant(time, offset)
            }
            (AmbiguousOffset::Unambiguous { offset: right } | AmbiguousOffset::Fold { before: right, .. }, _) => {
                let detail = format!("In {name} it is {} then.", self.shown(time, right)?);
                refuse(ErrorCode::NoSuchTime, detail)
            }
        }
    }

    /// What the clocks here show at an instant. Far off in time, where no calendar reaches, it is as at its end.
    pub fn wall(&self, at: Timestamp) -> Wall {
        let local = self.local(at);
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let day = local.weekday().to_monday_zero_offset();
        Wall { day: u8::try_from(day).unwrap_or(0), minute: u16::try_from(minute).unwrap_or(0) }
    }

    /// The same, written as wanted.
    pub fn written(&self, at: Timestamp, format: &str) -> String {
        self.local(at).strftime(format).to_string()
    }

    fn local(&self, at: Timestamp) -> Zoned {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX);
        at.to_zoned(self.rules.clone())
    }

    /// What the clocks here show when those of that offset show `time`.
    fn shown(&self, time: DateTime, offset: Offset) -> Result<String, Problem> {
        let at = offset.to_timestamp(time).map_err(|_| unreadable())?.to_zoned(self.rules.clone());
        Ok(at.strftime("%Y-%m-%dT%H:%M%:z").to_string())
    }
}

/// `2027-03-29T09:30`, with or without seconds and an offset. Nothing else: a zone in it could be another one, and `Z` is none.
fn read(text: &str) -> Option<(DateTime, Option<Offset>)> {
    let short = (text.len() <= MAX_LOCAL).then_some(text)?;
    let pieces = Pieces::parse(short).ok().filter(|pieces| pieces.time_zone_annotation().is_none())?;
    let offset = match pieces.offset() {
        Some(PiecesOffset::Numeric(offset)) => Some(offset.offset()),
        Some(_) => return None,
        None => None,
    };
    Some((pieces.date().to_datetime(pieces.time()?), offset))
}

fn instant(time: DateTime, offset: Offset) -> Result<Timestamp, Problem> {
    let at = offset.to_timestamp(time).map_err(|_| unreadable())?;
    Ok(Timestamp::from_millis(at.as_millisecond()))
}

fn minutes(time: DateTime) -> String {
    time.strftime("%Y-%m-%dT%H:%M").to_string()
}

fn unreadable() -> Problem {
    let detail = "A local time reads 2027-03-29T09:30, or 2027-10-31T02:30+01:00 where it comes twice.";
    Problem::new(ErrorCode::InvalidField, detail).at(LOCAL)
}

#[cfg(test)]
mod tests {
    use farhand_protocol::WireTime;

    use super::*;

    fn utc(zone: &str, local: &str) -> Result<String, Problem> {
        find(zone)?.instant(local).map(|at| WireTime(at).to_string())
    }

    #[test]
    fn a_time_on_the_clocks_of_a_place_is_one_instant() {
        let table = [
            // Central European time, its summer time, and the minutes beside both changes.
            ("Europe/Berlin", "2027-01-15T09:00", "2027-01-15T08:00"),
            ("Europe/Berlin", "2027-07-15T09:00", "2027-07-15T07:00"),
            ("Europe/Berlin", "2027-03-28T01:59", "2027-03-28T00:59"),
            ("Europe/Berlin", "2027-03-28T03:00", "2027-03-28T01:00"),
            ("Europe/Berlin", "2027-10-31T01:59", "2027-10-30T23:59"),
            ("Europe/Berlin", "2027-10-31T03:00", "2027-10-31T02:00"),
            ("America/New_York", "2027-03-14T01:59", "2027-03-14T06:59"),
            ("America/New_York", "2027-03-14T03:00", "2027-03-14T07:00"),
            ("America/New_York", "2027-11-07T00:59", "2027-11-07T04:59"),
            ("America/New_York", "2027-11-07T02:00", "2027-11-07T07:00"),
            // Half an hour of summer time, in the southern summer.
            ("Australia/Lord_Howe", "2027-01-15T09:00", "2027-01-14T22:00"),
            ("Australia/Lord_Howe", "2027-07-15T09:00", "2027-07-14T22:30"),
            ("Australia/Lord_Howe", "2027-10-03T01:59", "2027-10-02T15:29"),
            ("Australia/Lord_Howe", "2027-10-03T02:30", "2027-10-02T15:30"),
            // None any more, and never any since.
            ("America/Sao_Paulo", "2027-01-15T00:30", "2027-01-15T03:30"),
            ("America/Sao_Paulo", "2027-11-07T00:30", "2027-11-07T03:30"),
            ("Asia/Kolkata", "2027-03-28T02:30", "2027-03-27T21:00"),
            ("Asia/Kolkata", "2027-10-31T02:30", "2027-10-30T21:00"),
            ("UTC", "2027-10-31T02:30", "2027-10-31T02:30"),
        ];
        for (zone, local, wanted) in table {
            assert_eq!(utc(zone, local), Ok(format!("{wanted}:00.000Z")), "{local} {zone}");
        }
        assert_eq!(utc("Europe/Berlin", "2027-07-15T09:00:30").unwrap(), "2027-07-15T07:00:30.000Z");
        assert_eq!(utc("Europe/Berlin", "2027-07-15T09:00+02:00").unwrap(), "2027-07-15T07:00:00.000Z");
    }

    #[test]
    fn a_time_that_is_skipped_is_refused_with_its_neighbours() {
        let table = [
            ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T01:30+01:00", "2027-03-28T03:30+02:00"),
            ("America/New_York", "2027-03-14T02:00", "2027-03-14T01:00-05:00", "2027-03-14T03:00-04:00"),
            ("Australia/Lord_Howe", "2027-10-03T02:15", "2027-10-03T01:45+10:30", "2027-10-03T02:45+11:00"),
            // Its last summer began at midnight.
            ("America/Sao_Paulo", "2018-11-04T00:30", "2018-11-03T23:30-03:00", "2018-11-04T01:30-02:00"),
        ];
        for (zone, local, earlier, later) in table {
            for local in [local.to_owned(), format!("{local}+01:00")] {
                let problem = utc(zone, &local).unwrap_err();
                assert_eq!(
                    (problem.code, problem.pointer.as_deref()),
                    (ErrorCode::NoSuchTime, Some(LOCAL)),
                    "{local} {zone}"
                );
                assert!(problem.detail.ends_with(&format!("Take {earlier} or {later}.")), "{}", problem.detail);
            }
        }
    }

    #[test]
    fn a_time_that_comes_twice_needs_its_offset() {
        let table = [
            ("Europe/Berlin", "2027-10-31T02:30", [("+02:00", "2027-10-31T00:30"), ("+01:00", "2027-10-31T01:30")]),
            ("America/New_York", "2027-11-07T01:00", [("-04:00", "2027-11-07T05:00"), ("-05:00", "2027-11-07T06:00")]),
            (
                "Australia/Lord_Howe",
                "2027-04-04T01:45",
                [("+11:00", "2027-04-03T14:45"), ("+10:30", "2027-04-03T15:15")],
            ),
            ("America/Sao_Paulo", "2018-02-17T23:30", [("-02:00", "2018-02-18T01:30"), ("-03:00", "2018-02-18T02:30")]),
        ];
        for (zone, local, both) in table {
            let problem = utc(zone, local).unwrap_err();
            assert_eq!(
                (problem.code, problem.pointer.as_deref()),
                (ErrorCode::AmbiguousTime, Some(LOCAL)),
                "{local} {zone}"
            );
            for (offset, wanted) in both {
                let with_offset = format!("{local}{offset}");
                assert!(problem.detail.contains(&with_offset), "{}", problem.detail);
                assert_eq!(utc(zone, &with_offset), Ok(format!("{wanted}:00.000Z")), "{zone}");
            }
        }
    }

    #[test]
    fn an_offset_the_place_does_not_have_is_refused_with_the_right_one() {
        for (local, right) in
            [("2027-07-15T09:00+01:00", "2027-07-15T09:00+02:00"), ("2027-10-31T02:30+03:00", "2027-10-31T02:30+02:00")]
        {
            let problem = utc("Europe/Berlin", local).unwrap_err();
            assert_eq!(problem.code, ErrorCode::NoSuchTime);
            assert!(problem.detail.contains(right), "{}", problem.detail);
        }
    }

    #[test]
    fn an_instant_is_a_day_and_a_minute_on_the_clocks_of_a_place() {
        let wall = |zone: &str, at: &str| {
            let at: jiff::Timestamp = at.parse().unwrap();
            let Wall { day, minute } = find(zone).unwrap().wall(Timestamp::from_millis(at.as_millisecond()));
            (day, minute / 60, minute % 60)
        };
        // A Sunday: the clocks go from two to three.
        assert_eq!(wall("Europe/Berlin", "2027-03-28T00:59:59Z"), (6, 1, 59));
        assert_eq!(wall("Europe/Berlin", "2027-03-28T01:00:00Z"), (6, 3, 0));
        assert_eq!(wall("Europe/Berlin", "2027-03-28T22:00:00Z"), (0, 0, 0));
        assert_eq!(wall("America/New_York", "2027-03-29T03:30:00Z"), (6, 23, 30));
        assert_eq!(wall("Asia/Kolkata", "2027-03-28T18:30:00Z"), (0, 0, 0));
        let _ = find("UTC").unwrap().wall(Timestamp::from_millis(i64::MAX));
    }

    #[test]
    fn zones_are_found_by_any_name_they_have_and_named_as_the_database_does() {
        for (name, known) in [("europe/BERLIN", "Europe/Berlin"), ("Asia/Calcutta", "Asia/Calcutta"), ("utc", "UTC")] {
            assert_eq!(find(name).unwrap().name, known);
        }
        let long = "x".repeat(100_000);
        for name in
            ["", "Europe/Nowhere", "CEST", "+02:00", "Etc/Unknown", "../../etc/passwd", "Europe/Berlin\n", &long]
        {
            let problem = find(name).unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (ErrorCode::UnknownTimeZone, Some(ZONE)), "{name}");
        }
    }

    #[test]
    fn what_is_no_local_time_is_refused() {
        let long = format!("2027-07-15T09:00{}", "0".repeat(100_000));
        let wrong = [
            "",
            "soon",
            "09:00",
            "2027-07-15",
            "2027-07-15T24:00",
            "2027-02-30T09:00",
            "2027-07-15T09:00Z",
            "2027-07-15T09:00[Europe/Paris]",
            "2027-07-15T09:00+02:00[Europe/Berlin]",
            "2027-07-15T09:00+26:00",
            "15.07.2027 09:00",
            "+999999-07-15T09:00",
            &long,
        ];
        for local in wrong {
            let problem = utc("Europe/Berlin", local).unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (ErrorCode::InvalidField, Some(LOCAL)), "{local}");
        }
        // The ends of what times can be.
        for local in ["9999-12-31T23:59", "-009999-01-01T00:00", "9999-12-31T23:59:59.999999999", "0000-01-01T00:00"] {
            let _ = utc("Europe/Berlin", local);
            let _ = utc("Pacific/Kiritimati", local);
        }
    }
}
