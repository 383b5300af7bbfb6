//! A planned call as an invitation that calendar programs take out of a letter (RFC 6047), its update and its cancellation.

use icalendar::{Component, EventLike, Property};

use super::entry::{self, Entry};

/// What is done with the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It is put in, or in the place of the one before.
    Request,
    Cancel,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "REQUEST",
            Self::Cancel => "CANCEL",
        }
    }
}

pub struct Party<'a> {
    pub name: &'a str,
    pub address: &'a str,
}

pub struct Invitation<'a> {
    pub entry: Entry<'a>,
    /// At the address the letter comes from: programs refuse invitations that somebody else sends.
    pub organizer: Party<'a>,
    pub attendee: Party<'a>,
}

impl Invitation<'_> {
    pub fn method(&self) -> Method {
        if self.entry.cancelled { Method::Cancel } else { Method::Request }
    }

    /// Nothing if its times are beyond all calendars.
    pub fn text(&self) -> Option<String> {
        let mut event = self.entry.event()?;
        event.append_property(self.organizer.property("ORGANIZER"));
        let mut attendee = self.attendee.property("ATTENDEE");
        // Nobody would read an answer by mail: people accept by joining.
        for (key, value) in
            [("CUTYPE", "INDIVIDUAL"), ("ROLE", "REQ-PARTICIPANT"), ("PARTSTAT", "NEEDS-ACTION"), ("RSVP", "FALSE")]
        {
            attendee.add_parameter(key, value);
        }
        event.append_multi_property(attendee);
        event.add_property("TRANSP", "OPAQUE");
        // What many programs show is the place and not the address.
        if let Some(url) = self.entry.url {
            event.location(url);
        }
        let mut calendar = entry::calendar(self.method().name());
        calendar.push(event.done());
        Some(calendar.to_string())
    }
}

impl Party<'_> {
    fn property(&self, key: &str) -> Property {
        let mut property = Property::new(key, format!("mailto:{}", entry::one_line(self.address)));
        // In the value of a parameter nothing can stand for a quotation mark.
        let name = entry::one_line(self.name).replace('"', "'");
        if !name.is_empty() {
            property.add_parameter("CN", &name);
        }
        property
    }
}
