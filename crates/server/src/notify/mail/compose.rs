//! The letter itself: as text, as a page, and with an entry for calendars where there is something to enter. Whatever comes from people
//! goes through [`one_line`] before it meets a header.

use std::{
    str::FromStr as _,
    time::{Duration, SystemTime},
};

use farhand_domain::time::Timestamp;
use lettre::{
    Address, Message,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use uuid::Uuid;

use super::html;
use crate::{
    notify::{
        facts::Facts,
        kind::Kind,
        words::{self, Table, Words},
    },
    planned::{
        entry::Entry,
        invitation::{Invitation, Party},
    },
};

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
    pub call_id: Uuid,
    pub kind: Kind,
    pub address: &'a str,
    pub facts: &'a Facts,
    /// Where it leads to, if it leads anywhere.
    pub link: Option<&'a str>,
    pub now: Timestamp,
}

/// What the letter says, in the order of what matters.
pub struct Content<'a> {
    pub language: &'static str,
    pub title: &'a str,
    pub paragraphs: Vec<String>,
    pub time: Option<String>,
    pub link: Option<Link<'a>>,
    pub notes: Vec<&'static str>,
    pub called_off: bool,
}

pub struct Link<'a> {
    pub address: &'a str,
    pub button: &'static str,
    pub or_open: &'static str,
}

/// Programs that answer by themselves must not answer this (RFC 3834, section 5).
const BY_A_MACHINE: (&str, &str) = ("Auto-Submitted", "auto-generated");
/// As the programs of others send it: what it is called is what some go by.
const FILE: &str = "invite.ics";

pub fn message(sender: &Sender, letter: &Letter<'_>) -> Result<Message, String> {
    let Letter { id, kind, address, facts, now, .. } = letter;
    let to = Address::from_str(address).map_err(|error| format!("{error}: {}", one_line(address)))?;
    let table = words::table(facts.language.as_deref());
    let said = Words::of(facts, table);
    let texts = table.texts(*kind, facts.plan.is_some());
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    let machine = HeaderName::new_from_ascii_str(BY_A_MACHINE.0);
    Message::builder()
        .from(sender.from.clone())
        .to(Mailbox::new(Some(said.to.clone()), to))
        .subject(said.fill(texts.subject))
        .message_id(Some(format!("<{id}@{}>", sender.host)))
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
        .raw_header(HeaderValue::new(machine, BY_A_MACHINE.1.to_owned()))
        .multipart(body(sender, letter, table, &said)?)
        .map_err(|error| error.to_string())
}

/// For calendars twice (RFC 6047, section 2.4, and what programs do): within, which they read, and as a file, for those that do not.
fn body(sender: &Sender, letter: &Letter<'_>, table: &'static Table, said: &Words) -> Result<MultiPart, String> {
    let lead = said.fill(table.texts(letter.kind, letter.facts.plan.is_some()).lead);
    let plain = plain(letter, table, said, &lead);
    let page = html::page(&content(letter, table, said, &lead));
    let alternatives = MultiPart::alternative()
        .boundary(boundary(letter, "alternatives"))
        .singlepart(SinglePart::plain(plain))
        .singlepart(SinglePart::html(page));
    let Some(invitation) = invitation(sender, letter, said, &lead) else { return Ok(alternatives) };
    let typed = |text: String| ContentType::parse(&text).map_err(|error| error.to_string());
    let within = typed(format!("text/calendar; method={}; charset=utf-8", invitation.method))?;
    let file = typed(format!("application/ics; name={FILE}"))?;
    let part = SinglePart::builder().header(within).body(invitation.text.clone());
    Ok(MultiPart::mixed()
        .boundary(boundary(letter, "letter"))
        .multipart(alternatives.singlepart(part))
        .singlepart(Attachment::new(FILE.to_owned()).body(invitation.text, file)))
}

/// The same in a copy.
fn boundary(letter: &Letter<'_>, of: &str) -> String {
    format!("{of}-{}", letter.id.simple())
}

fn plain(letter: &Letter<'_>, table: &'static Table, said: &Words, lead: &str) -> String {
    let (hello, title) = (said.fill(table.hello), &said.title);
    let time = if said.when.is_some() { format!("{}\n", said.fill(table.time(letter.kind))) } else { String::new() };
    let join = letter.link.map(|link| format!("\n{}\n{link}\n", table.join)).unwrap_or_default();
    let notes = notes(letter, table).join("\n");
    format!("{hello}\n\n{lead}: {title}\n{time}{join}\n{notes}\n")
}

fn content<'a>(letter: &Letter<'a>, table: &'static Table, said: &'a Words, lead: &str) -> Content<'a> {
    let link = |address| Link { address, button: table.button, or_open: table.or_open };
    Content {
        language: table.language,
        title: &said.title,
        paragraphs: vec![said.fill(table.hello), format!("{lead}.")],
        time: said.when.is_some().then(|| said.fill(table.time(letter.kind))),
        link: letter.link.map(link),
        notes: notes(letter, table),
        called_off: letter.kind == Kind::Cancelled,
    }
}

fn notes(letter: &Letter<'_>, table: &Table) -> Vec<&'static str> {
    let personal = letter.facts.guest.is_some() && letter.link.is_some();
    personal.then_some(table.personal).into_iter().chain([table.unexpected]).collect()
}

/// For calendars.
struct Ics {
    method: &'static str,
    text: String,
}

fn invitation(sender: &Sender, letter: &Letter<'_>, said: &Words, lead: &str) -> Option<Ics> {
    let enters = letter.kind.invites() || letter.kind == Kind::Cancelled;
    let plan = letter.facts.plan.as_ref().filter(|_| enters)?;
    let description = letter.link.map_or_else(|| format!("{lead}."), |link| format!("{lead}.\n{link}"));
    let address = sender.from.email.to_string();
    let invitation = Invitation {
        entry: Entry {
            call_id: letter.call_id,
            host: &sender.host,
            sequence: plan.sequence,
            made: letter.now,
            from: plan.starts(),
            until: plan.ends(),
            cancelled: letter.kind == Kind::Cancelled,
            title: &said.title,
            description: &description,
            url: letter.link,
        },
        organizer: Party { name: &said.from, address: &address },
        attendee: Party { name: &said.to, address: letter.address },
    };
    Some(Ics { method: invitation.method().name(), text: invitation.text()? })
}

/// Without anything that could end a header's line or look as if it did, or turn round what stands behind it.
pub fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let turns =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let straight = text.chars().filter(|c| !turns(*c));
    let plain: String = straight.map(|c| if breaks(c) { ' ' } else { c }).take(MOST).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
