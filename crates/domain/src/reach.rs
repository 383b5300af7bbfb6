//! How people are reached beside the ring on their open pages: by which messages, how long after the ring has begun, and when not.

use std::time::Duration;

use crate::{
    delivery::Channel,
    hours::{Span, Wall, hold},
    time::Timestamp,
};

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The pages of this person's browsers, closed or not.
    Browsers,
    /// The addresses that came with the invitation.
    Request(Medium),
    /// The addresses of the person's account.
    Stored(Medium),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Medium {
    Email,
    Sms,
}

impl Target {
    pub fn channel(self) -> Channel {
        match self {
            Self::Browsers => Channel::Push,
            Self::Request(Medium::Email) | Self::Stored(Medium::Email) => Channel::Email,
            Self::Request(Medium::Sms) | Self::Stored(Medium::Sms) => Channel::Sms,
        }
    }
}

/// One message, if the ring is still on by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rung {
    pub target: Target,
    /// Since the ring has begun.
    pub after: Duration,
}

/// How long somebody has to answer the ring on a page before stored addresses are used.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What is done where nothing else was set.
pub fn usual() -> Vec<Rung> {
    let rung = |target, after| Rung { target, after };
    vec![
        rung(Target::Browsers, Duration::ZERO),
        rung(Target::Request(Medium::Email), Duration::ZERO),
        rung(Target::Request(Medium::Sms), Duration::ZERO),
        rung(Target::Stored(Medium::Email), PATIENCE),
        rung(Target::Stored(Medium::Sms), PATIENCE),
    ]
}

/// Somebody's addresses, as far as they may be used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Addresses<'a> {
    /// What the browsers are called that ring while their pages are closed.
    pub browsers: &'a [String],
    pub request_email: Option<&'a str>,
    pub request_phone: Option<&'a str>,
    pub stored_email: Option<&'a str>,
    pub stored_phone: Option<&'a str>,
}

impl<'a> Addresses<'a> {
    fn at(&self, target: Target) -> Vec<&'a str> {
        let one = match target {
            Target::Browsers => return self.browsers.iter().map(String::as_str).collect(),
            Target::Request(Medium::Email) => self.request_email,
            Target::Request(Medium::Sms) => self.request_phone,
            Target::Stored(Medium::Email) => self.stored_email,
            Target::Stored(Medium::Sms) => self.stored_phone,
        };
        one.into_iter().collect()
    }
}

/// A message to one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    pub target: Target,
    pub address: &'a str,
    pub after: Duration,
}

/// The messages of a ladder, the first first; to each address once, when it is first due.
pub fn messages<'a>(ladder: &[Rung], addresses: Addresses<'a>) -> Vec<Message<'a>> {
    let mut rungs = ladder.to_vec();
    rungs.sort_by_key(|rung| rung.after);
    let mut all: Vec<Message<'a>> = Vec::new();
    for Rung { target, after } in rungs {
        for address in addresses.at(target) {
            let repeated = all.iter().any(|m| m.target.channel() == target.channel() && m.address == address);
            if !repeated {
                all.push(Message { target, address, after });
            }
        }
    }
    all
}

/// Why somebody is not to be disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quiet {
    DoNotDisturb,
    QuietHours,
}

impl Quiet {
    /// As it is written down and told.
    pub fn name(self) -> &'static str {
        match self {
            Self::DoNotDisturb => "doNotDisturb",
            Self::QuietHours => "quietHours",
        }
    }
}

/// Whether somebody wants quiet now.
pub fn quiet(
    now: Timestamp,
    undisturbed_until: Option<Timestamp>,
    hours: &[Span],
    wall: Option<Wall>,
) -> Option<Quiet> {
    if undisturbed_until.is_some_and(|until| now < until) {
        return Some(Quiet::DoNotDisturb);
    }
    wall.filter(|wall| hold(hours, *wall)).map(|_| Quiet::QuietHours)
}

/// What makes no noise may come at any time.
pub fn disturbs(channel: Channel) -> bool {
    match channel {
        Channel::Push | Channel::Sms => true,
        Channel::Email => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hours::Days;

    fn said<'a>(ladder: &[Rung], addresses: Addresses<'a>) -> Vec<(Channel, &'a str, u64)> {
        messages(ladder, addresses).into_iter().map(|m| (m.target.channel(), m.address, m.after.as_secs())).collect()
    }

    const ALL: Addresses<'_> = Addresses {
        browsers: &[],
        request_email: Some("now@a"),
        request_phone: Some("+1"),
        stored_email: Some("known@a"),
        stored_phone: Some("+2"),
    };

    #[test]
    fn the_requests_addresses_are_used_at_once_and_stored_ones_after_a_while() {
        let wanted = [
            (Channel::Email, "now@a", 0),
            (Channel::Sms, "+1", 0),
            (Channel::Email, "known@a", 15),
            (Channel::Sms, "+2", 15),
        ];
        assert_eq!(said(&usual(), ALL), wanted);
        let known = Addresses { request_email: None, request_phone: None, ..ALL };
        assert_eq!(said(&usual(), known), wanted[2..]);
        assert_eq!(said(&usual(), Addresses::default()), []);
    }

    #[test]
    fn an_address_gets_one_message_when_it_is_first_due() {
        let same = Addresses { stored_email: Some("now@a"), stored_phone: Some("+1"), ..ALL };
        assert_eq!(said(&usual(), same), [(Channel::Email, "now@a", 0), (Channel::Sms, "+1", 0)]);
        let late = |target, after| Rung { target, after: Duration::from_secs(after) };
        let ladder = [late(Target::Request(Medium::Sms), 60), late(Target::Stored(Medium::Sms), 20)];
        assert_eq!(said(&ladder, same), [(Channel::Sms, "+1", 20)]);
        assert_eq!(said(&ladder, ALL), [(Channel::Sms, "+2", 20), (Channel::Sms, "+1", 60)]);
    }

    #[test]
    fn every_browser_is_asked_to_ring_at_once() {
        let browsers = ["desk".to_owned(), "phone".to_owned()];
        let both = Addresses { browsers: &browsers, ..Addresses::default() };
        assert_eq!(said(&usual(), both), [(Channel::Push, "desk", 0), (Channel::Push, "phone", 0)]);
        let later = [Rung { target: Target::Browsers, after: Duration::from_secs(5) }];
        assert_eq!(said(&later, both), [(Channel::Push, "desk", 5), (Channel::Push, "phone", 5)]);
        assert_eq!(said(&[], both), []);
    }

    #[test]
    fn a_rung_that_was_taken_out_sends_nothing() {
        let ladder: Vec<_> = usual().into_iter().filter(|rung| rung.target.channel() != Channel::Sms).collect();
        assert_eq!(said(&ladder, ALL), [(Channel::Email, "now@a", 0), (Channel::Email, "known@a", 15)]);
    }

    #[test]
    fn quiet_is_asked_for_until_a_time_or_by_the_week() {
        let at = Timestamp::from_millis;
        let nights = [Span { days: Days::of(0..7), from: 1_320, to: 360 }];
        let (late, noon) = (Some(Wall { day: 2, minute: 1_400 }), Some(Wall { day: 2, minute: 720 }));
        assert_eq!(quiet(at(10), None, &nights, noon), None);
        assert_eq!(quiet(at(10), None, &nights, late), Some(Quiet::QuietHours));
        assert_eq!(quiet(at(10), Some(at(11)), &nights, late), Some(Quiet::DoNotDisturb));
        assert_eq!(quiet(at(11), Some(at(11)), &[], None), None, "it is over then");
        assert!(disturbs(Channel::Push) && disturbs(Channel::Sms) && !disturbs(Channel::Email));
    }
}
