//! Somebody's planned calls as a calendar (RFC 5545) for calendar programs, which cannot log in: whoever knows the link may read.

use std::time::Duration;

use farhand_store::model::{CallRecord, User};
use icalendar::{Event, Property};

use super::entry::{self, Entry, one_line};
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
        let mut calendar = entry::calendar("PUBLISH");
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
        let url = self.public_url.map(|url| format!("{}/call/{}", url.trim_end_matches('/'), call.call_id));
        let entry = Entry {
            call_id: call.call_id,
            host: self.host,
            sequence: call.calendar_sequence,
            made: changed,
            from,
            until,
            cancelled: never_was,
            title: &call.title,
            description: &others(of, call),
            url: url.as_deref(),
        };
        entry.event()
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

#[cfg(test)]
mod tests;
