//! One planned call as calendars have it (RFC 5545): the same in feeds and in letters, so that programs know it for the same. All times
//! are in UTC, so that no program has to know a zone.

use farhand_domain::time::Timestamp;
use icalendar::{Calendar, Component, Event, EventStatus, Property};
use uuid::Uuid;

/// Where ids of entries are from, if the server does not know what it is called.
pub const SOME_HOST: &str = "localhost";

pub struct Entry<'a> {
    pub call_id: Uuid,
    /// For ids that are good in the whole world.
    pub host: &'a str,
    /// Rises with every version.
    pub sequence: i64,
    /// When this version was made.
    pub made: Timestamp,
    pub from: Timestamp,
    pub until: Timestamp,
    pub cancelled: bool,
    pub title: &'a str,
    pub description: &'a str,
    /// Where it takes place.
    pub url: Option<&'a str>,
}

impl Entry<'_> {
    /// Nothing if its times are beyond all calendars.
    pub fn event(&self) -> Option<Event> {
        let mut event = Event::with_uid(&format!("{}@{}", self.call_id, self.host));
        event
            .add_property("DTSTAMP", utc(self.made)?)
            .add_property("SEQUENCE", self.sequence.to_string())
            .add_property("DTSTART", utc(self.from)?)
            .add_property("DTEND", utc(self.until)?)
            .status(if self.cancelled { EventStatus::Cancelled } else { EventStatus::Confirmed })
            .summary(&one_line(self.title));
        if !self.description.is_empty() {
            event.description(self.description);
        }
        if let Some(url) = self.url {
            event.url(url);
        }
        Some(event.done())
    }
}

/// An empty calendar that says what its entries are for (RFC 5546).
pub fn calendar(method: &str) -> Calendar {
    let mut calendar = Calendar::empty();
    for (key, value) in [("VERSION", "2.0"), ("PRODID", "-//Farhand//Farhand//EN"), ("CALSCALE", "GREGORIAN")] {
        calendar.append_property(Property::new(key, value));
    }
    calendar.append_property(Property::new("METHOD", method));
    calendar
}

fn utc(at: Timestamp) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(at.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// Nothing of what people wrote may begin a line of its own.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}
