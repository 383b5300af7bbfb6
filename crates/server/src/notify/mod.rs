//! Messages to people whom the calls' own connections do not reach. A message is born with the step of a call that wants it, in the same
//! transaction; the outbox sends it and tells the call what came of it.

pub mod attempt;
mod facts;
mod kind;
mod mail;
mod outbox;
mod push;
pub mod sms;
mod words;

use std::{sync::Arc, time::Duration};

use farhand_domain::{
    delivery::{Channel, State},
    reach::Quiet,
    time::Timestamp,
};
use farhand_store::{
    Store,
    model::{self, Delivery, DeliveryStep, Invitation},
};
use tokio::sync::Notify as Signal;
use uuid::Uuid;

use self::{
    attempt::Attempt,
    facts::GuestFacts,
    mail::{Letter, Mail},
    push::Note,
    sms::{Sms, Text},
};
use crate::{
    auth::{CallLink, GuestLink, JOIN_PAGE, RequestLink},
    config::Config,
    keys::{Keys, Use},
    world::new_id,
};

pub use self::{
    facts::{Facts, PlanFacts},
    kind::Kind,
    mail::is_address,
    outbox::Outbox,
    push::{Offered, Push},
    sms::reports::Report,
    words::{is_read, is_spoken},
};

/// Gateways are slow and take many at a time.
const SMS_AT_A_TIME: usize = 4;
/// Teams are rung at once; more connections at a time would take from the calls' own.
const PUSH_AT_A_TIME: usize = 64;
/// A domain that has so many under way gets no more: whoever names push services that hang must not keep others from being rung.
const PUSH_OF_DOMAIN: usize = 16;

/// By what people can be reached.
pub struct Notify {
    mail: Option<Mail>,
    sms: Option<Sms>,
    push: Option<Push>,
    keys: Arc<Keys>,
    /// Where people reach this server.
    base: String,
    /// There may be something to send, by channel.
    news: [Signal; Channel::ALL.len()],
}

/// What came in about a text message.
pub struct Said<'a> {
    pub query: &'a str,
    pub form: &'a str,
    pub signature: &'a str,
}

/// A call that invites people.
pub struct Inviting<'a> {
    pub call_id: Uuid,
    pub domain_id: i64,
    pub title: &'a str,
    pub from: &'a str,
    /// There if people are to be told when it begins.
    pub plan: Option<Planned<'a>>,
    pub now: Timestamp,
}

/// When a call begins, as calendars have it.
#[derive(Clone, Copy)]
pub struct Planned<'a> {
    pub at: Timestamp,
    /// For how long it is open.
    pub open: Duration,
    pub zone: Option<&'a str>,
    pub sequence: i64,
}

/// A message to be.
pub struct Wanted<'a> {
    pub to: &'a Invitation,
    /// A guest's.
    pub link: Option<&'a model::GuestLink>,
    pub kind: Kind,
    pub channel: Channel,
    pub address: &'a str,
    /// Not to be sent before, nor after.
    pub at: Timestamp,
    pub not_after: Timestamp,
    /// The reader's, if it is known.
    pub language: Option<&'a str>,
    /// The person wants quiet.
    pub held_back: Option<Quiet>,
}

impl Notify {
    /// `base`: the server's public address.
    pub fn open(config: &Config, base: String, keys: Arc<Keys>, store: Arc<dyn Store>) -> Result<Self, String> {
        let (mail, sms, push) = (Mail::open(config)?, Sms::open(config)?, Push::open(config, store)?);
        if (mail.is_some() || sms.is_some()) && config.public_url.is_none() {
            tracing::warn!(%base, "public_url is not set: links in messages lead to this address");
        }
        Ok(Self { mail, sms, push, keys, base, news: Default::default() })
    }

    pub fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.mail.is_some(),
            Channel::Sms => self.sms.is_some(),
            Channel::Push => self.push.is_some(),
        }
    }

    /// There if browsers can be rung.
    pub fn push(&self) -> Option<&Push> {
        self.push.as_ref()
    }

    /// A message as it is to be saved, with the step that wants it.
    pub fn delivery(&self, call: &Inviting<'_>, wanted: &Wanted<'_>) -> Delivery {
        self.delivery_of(call, wanted, None)
    }

    /// For a browser that shows a ring which is over; `ended`: how.
    pub fn ring_end(&self, call: &Inviting<'_>, wanted: &Wanted<'_>, ended: &str) -> Delivery {
        self.delivery_of(call, wanted, Some(ended))
    }

    fn delivery_of(&self, call: &Inviting<'_>, wanted: &Wanted<'_>, ended: Option<&str>) -> Delivery {
        let Wanted { to, link, kind, channel, address, at, not_after, held_back, .. } = *wanted;
        let link = link.map(GuestLink::from);
        let facts = Facts {
            title: call.title.to_owned(),
            from: call.from.to_owned(),
            to: to.display_name.clone(),
            plan: call.plan.map(PlanFacts::from),
            language: wanted.language.map(str::to_owned),
            guest: link.map(|link| GuestFacts { generation: link.generation, until: link.until.as_millis() }),
            ended: ended.map(str::to_owned),
        };
        let (state, reason) = match (self.has(channel), held_back) {
            (false, _) => (State::NotConfigured, None),
            (true, Some(quiet)) => (State::HeldBack, Some(quiet.name().to_owned())),
            (true, None) => (State::Queued, None),
        };
        Delivery {
            id: new_id(),
            call_id: call.call_id,
            domain_id: call.domain_id,
            contact_id: to.contact.id,
            channel,
            kind: kind.name().to_owned(),
            address: address.to_owned(),
            // Texts and a number: this cannot fail.
            facts: serde_json::to_string(&facts).unwrap_or_default(),
            state,
            reason: reason.clone(),
            tries: 0,
            next_at: at,
            not_after,
            gateway_id: None,
            steps: vec![DeliveryStep { state, reason, at: call.now }],
        }
    }

    /// These are saved: some may be there to be sent.
    pub fn queued(&self, deliveries: &[Delivery]) {
        for delivery in deliveries.iter().filter(|delivery| delivery.state == State::Queued) {
            self.signal(delivery.channel).notify_one();
        }
    }

    async fn news(&self, channel: Channel) {
        self.signal(channel).notified().await;
    }

    fn signal(&self, channel: Channel) -> &Signal {
        match channel {
            Channel::Email => &self.news[0],
            Channel::Sms => &self.news[1],
            Channel::Push => &self.news[2],
        }
    }

    /// How many are sent at a time. After a stop as many may come twice. What was queued for a sender that is gone has to expire, too.
    fn senders(&self, channel: Channel) -> usize {
        match channel {
            Channel::Email => self.mail.as_ref().map_or(1, |mail| mail.connections),
            Channel::Sms => SMS_AT_A_TIME,
            Channel::Push => PUSH_AT_A_TIME,
        }
    }

    /// How many of one domain's. Letters and texts all go to the same server, which is slow for all or for none.
    fn share(&self, channel: Channel) -> usize {
        match channel {
            Channel::Email | Channel::Sms => self.senders(channel),
            Channel::Push => PUSH_OF_DOMAIN,
        }
    }

    /// Tries to send one message, once.
    async fn send(&self, delivery: &Delivery, now: Timestamp) -> Attempt {
        let kind = Kind::named(&delivery.kind).ok_or_else(|| format!("of another version: {}", delivery.kind));
        let (kind, facts) = match kind.and_then(|kind| Ok((kind, Facts::of(delivery)?))) {
            Ok(known) => known,
            Err(words) => return Attempt::Refused { words },
        };
        // To what was called off nothing leads.
        let link = (kind != Kind::Cancelled).then(|| self.link(delivery, &facts));
        let link = link.as_deref();
        let gone = || Attempt::Later { after: None, words: "there is nothing to send it by any more".to_owned() };
        match delivery.channel {
            Channel::Email => {
                let Some(mail) = &self.mail else { return gone() };
                let (id, call_id, address) = (delivery.id, delivery.call_id, &delivery.address);
                let letter = Letter { id, call_id, kind, address, facts: &facts, link, now };
                mail.send(&letter).await
            }
            Channel::Sms => {
                let Some(sms) = &self.sms else { return gone() };
                let report = self.report_address(delivery.id);
                let text = sms::compose(kind, &facts, link);
                let text = Text { id: delivery.id, to: &delivery.address, text: &text, report: &report };
                sms.send(&text, now).await
            }
            Channel::Push => {
                let Some(push) = &self.push else { return gone() };
                let receipt = self.receipt_path(delivery.id);
                push.send(&Note { delivery, kind, facts: &facts, receipt: &receipt }, now).await
            }
        }
    }

    /// Where the gateway says what became of a text message. Who knows one message's address knows no other's.
    fn report_address(&self, id: Uuid) -> String {
        format!("{}/notify/sms/{id}/{}", self.base, self.keys.proof(Use::Report, &id.to_string()))
    }

    /// Where a browser says that it shows a message. A closed page has no login that is good for long: the path proves that it was sealed for
    /// this browser, and is good for nothing else.
    fn receipt_path(&self, id: Uuid) -> String {
        format!("/notify/push/{id}/{}", self.keys.proof(Use::Push, &id.to_string()))
    }

    /// Whether whoever says so has got the message.
    pub fn is_receipt(&self, id: Uuid, proof: &str) -> bool {
        self.push.is_some() && self.keys.proves(Use::Push, &id.to_string(), proof)
    }

    /// What a gateway has said of a message; nothing if it was not the gateway, or nothing that had to be known.
    pub fn reported(&self, id: Uuid, proof: &str, said: &Said<'_>) -> Option<Report> {
        let sms = self.sms.as_ref().filter(|_| self.keys.proves(Use::Report, &id.to_string(), proof))?;
        let mut url = self.report_address(id);
        if !said.query.is_empty() {
            url = format!("{url}?{}", said.query);
        }
        let Said { query, form, signature } = said;
        sms.report(&sms::Heard { url: &url, query, form, signature })
    }

    /// Where the message leads to: with an account to a login, and without one by the personal link, which is good for the generation
    /// that the message was made for.
    fn link(&self, delivery: &Delivery, facts: &Facts) -> String {
        match &facts.guest {
            None => format!("{}/call/{}", self.base, delivery.call_id),
            Some(GuestFacts { generation, until }) => {
                let until = Timestamp::from_millis(*until);
                self.guest_address(&GuestLink { contact: delivery.contact_id, generation: *generation, until })
            }
        }
    }

    /// The link to a whole call.
    pub fn call_address(&self, link: &CallLink) -> String {
        link.address(&self.keys, &self.base)
    }

    /// The public link of a machine.
    pub fn request_address(&self, link: RequestLink) -> String {
        format!("{}{}", self.base, link.path(&self.keys))
    }

    /// Where codes are typed.
    pub fn join_address(&self) -> String {
        format!("{}/{JOIN_PAGE}", self.base)
    }

    /// A guest's personal link.
    pub fn guest_address(&self, link: &GuestLink) -> String {
        link.address(&self.keys, &self.base)
    }
}
