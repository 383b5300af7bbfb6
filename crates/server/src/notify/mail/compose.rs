//! The letter itself. Whatever comes from people goes through [`one_line`] before it meets a header.

use std::{
    str::FromStr as _,
    time::{Duration, SystemTime},
};

use farhand_domain::time::Timestamp;
use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use uuid::Uuid;

use crate::notify::facts::Facts;

/// Characters of a name or a title.
const MOST: usize = 200;

/// Who sends, and as of which host.
pub struct Sender {
    pub from: Mailbox,
    pub host: String,
}

/// What one person is told.
pub struct Letter<'a> {
    pub id: Uuid,
    pub address: &'a str,
    pub facts: &'a Facts,
    pub link: &'a str,
    pub now: Timestamp,
}

/// Programs that answer by themselves must not answer this (RFC 3834, section 5).
const BY_A_MACHINE: (&str, &str) = ("Auto-Submitted", "auto-generated");

pub fn message(sender: &Sender, letter: &Letter<'_>) -> Result<Message, String> {
    let Letter { id, address, facts, link, now } = letter;
    let to = Address::from_str(address).map_err(|error| format!("{error}: {}", one_line(address)))?;
    let (from, title, name) = (one_line(&facts.from), one_line(&facts.title), one_line(&facts.to));
    let (subject, first) = match facts.planned_at {
        None => (format!("{from} is calling you: {title}"), format!("{from} is calling you: {title}")),
        Some(at) => {
            let at = when(at);
            (format!("Invitation: {title}, {at}"), format!("{from} invites you to a call: {title}\nIt begins at {at}."))
        }
    };
    let body = format!("Hello {name},\n\n{first}\n\nTo join, open this link:\n{link}\n");
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    let machine = HeaderName::new_from_ascii_str(BY_A_MACHINE.0);
    Message::builder()
        .from(sender.from.clone())
        .to(Mailbox::new(Some(name), to))
        .subject(subject)
        .message_id(Some(format!("<{id}@{}>", sender.host)))
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
        .raw_header(HeaderValue::new(machine, BY_A_MACHINE.1.to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|error| error.to_string())
}

/// In coordinated universal time: where the reader is, is not known.
fn when(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Without anything that could end a header's line or look as if it did.
pub fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let plain: String = text.chars().map(|c| if breaks(c) { ' ' } else { c }).take(MOST).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
