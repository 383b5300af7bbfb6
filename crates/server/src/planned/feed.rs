//! Somebody's planned calls as a calendar (RFC 5545) for calendar programs, which cannot log in: whoever knows the link may read. All
//! times are in UTC, so that no program has to know a zone.

use std::time::Duration;

use farhand_domain::time::Timestamp;
use farhand_store::model::{CallRecord, User};
use icalendar::{Calendar, Component, Event, EventStatus, Property};

use crate::keys::{Keys, Use};

/// Where calendars are. What follows in an address is secret.
pub const CALENDAR: &str = "/calendar/";

/// Calls that are longer past are dropped: calendars remember them, and a feed that is fetched every hour must stay small.
pub const REMEMBERED: Duration = Duration::from_hours(24 * 30);
/// Calls in a feed, the newest first. More would be a plan for machines.
pub const MOST_CALLS: u64 = 500;

/// How often calendar programs are to look. They look more seldom if they like.
const LOOK_EVERY: &str = "PT15M";

/// The address of a user's calendar on this server.
pub fn path(keys: &Keys, user: &User) -> String {
    let whose = format!("{}.{}", user.id, user.calendar_generation);
    format!("{CALENDAR}{whose}.{}.ics", keys.proof(Use::Calendar, &whose))
}

/// Whose calendar a link names, and in which generation; nobody's, if this server did not write it.
pub fn read(keys: &Keys, link: &str) -> Option<(i64, i64)> {
    let (whose, proof) = link.strip_suffix(".ics")?.rsplit_once('.')?;
    let (user, generation) = whose.split_once('.')?;
    let read = (user.parse().ok()?, generation.parse().ok()?);
    keys.proves(Use::Calendar, whose, proof).then_some(read)
}

/// What entries say of the server and are measured by.
pub struct Feed<'a> {
    /// For ids that are good in the whole world.
    pub host: &'a str,
    /// Where people reach the server.
    pub public_url: Option<&'a str>,
    /// How long a planned call is open.
    pub open: Duration,
}

impl Feed<'_> {
    /// The calendar of the user with this id.
    pub fn calendar(&self, of: i64, calls: &[CallRecord]) -> String {
        let mut calendar = Calendar::empty();
        for (key, value) in [("VERSION", "2.0"), ("PRODID", "-//Farhand//Farhand//EN"), ("CALSCALE", "GREGORIAN")] {
            calendar.append_property(Property::new(key, value));
        }
        calendar.append_property(Property::new("METHOD", "PUBLISH"));
        calendar.append_property(Property::new("X-WR-CALNAME", "Farhand"));
        calendar
            .append_property(Property::new("REFRESH-INTERVAL", LOOK_EVERY).add_parameter("VALUE", "DURATION").done());
        calendar.append_property(Property::new("X-PUBLISHED-TTL", LOOK_EVERY));
        calendar.extend(calls.iter().filter_map(|call| self.entry(of, call)));
        calendar.to_string()
    }

    fn entry(&self, of: i64, call: &CallRecord) -> Option<Event> {
        let from = call.planned_at?;
        let until = call.ended_at.filter(|at| call.started_at.is_some() && *at > from).unwrap_or(from + self.open);
        let changed = call.history.last().map_or(call.created_at, |row| row.at);
        let never_was = call.ended_at.is_some() && call.started_at.is_none();
        let mut event = Event::with_uid(&format!("{}@{}", call.call_id, self.host));
        event
            .add_property("DTSTAMP", utc(changed)?)
            .add_property("SEQUENCE", call.calendar_sequence.to_string())
            .add_property("DTSTART", utc(from)?)
            .add_property("DTEND", utc(until)?)
            .status(if never_was { EventStatus::Cancelled } else { EventStatus::Confirmed })
            .summary(&one_line(&call.title));
        let others = others(of, call);
        if !others.is_empty() {
            event.description(&others);
        }
        if let Some(url) = self.public_url {
            event.url(&format!("{}/call/{}", url.trim_end_matches('/'), call.call_id));
        }
        Some(event.done())
    }
}

/// Whom one meets, by name.
fn others(of: i64, call: &CallRecord) -> String {
    let invited = call.invited.iter().map(|invitation| (invitation.contact.user_id, &invitation.display_name));
    let creator = (call.creator.user_id, &call.creator.display_name);
    let others = std::iter::once(creator).chain(invited).filter(|(user, _)| *user != Some(of));
    let mut names: Vec<_> = others.map(|(_, name)| one_line(name)).collect();
    names.dedup();
    names.join(", ")
}

fn utc(at: Timestamp) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(at.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// Nothing of what people wrote may begin a line of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
