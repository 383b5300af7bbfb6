//! Text messages, through an HTTP gateway: Kannel or any other that takes a number and a text, and those that speak as Twilio does.

pub mod fit;
mod gateway;
pub mod reports;
mod template;
#[cfg(test)]
mod tests;
mod twilio;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use farhand_domain::time::Timestamp;
use hyper::{
    StatusCode,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use self::{gateway::Gateway, reports::Report, twilio::Twilio};
use super::{
    attempt::Attempt,
    facts::Facts,
    kind::Kind,
    mail::one_line,
    words::{self, Words},
};
use crate::{
    config::Config,
    outward::{Answer, Client, Failure, Guard, retry_after, roots},
};

/// For all of a request. A gateway that has taken longer may have sent the message.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Of a name: the link has to fit in.
const FROM_MAX: usize = 40;
const FORM: &str = "application/x-www-form-urlencoded";

/// What is to be sent.
pub struct Text<'a> {
    pub id: Uuid,
    /// A telephone number, as people write them.
    pub to: &'a str,
    pub text: &'a str,
    /// Where the gateway is to report to.
    pub report: &'a str,
}

/// What a text message says, in one line: some gateways speak in lines. Of a long title there is as much as fits, of the link all.
pub fn compose(kind: Kind, facts: &Facts, link: Option<&str>) -> String {
    let table = words::table(facts.language.as_deref());
    let said = Words::of(facts, table);
    let from: String = said.from.chars().take(FROM_MAX).collect();
    let said = Words { from, ..said };
    let lead = said.fill(table.texts(kind, facts.plan.is_some()).lead);
    let behind: String = [said.when.as_deref().map(|when| format!(", {when}")), link.map(|link| format!(" {link}"))]
        .into_iter()
        .flatten()
        .collect();
    fit::fit(&said.title, |title| format!("{lead}: {title}{behind}"))
}

/// What came in at the address for reports of a message.
pub struct Heard<'a> {
    /// The address, as the gateway was told it.
    pub url: &'a str,
    pub query: &'a str,
    pub form: &'a str,
    /// `X-Twilio-Signature`
    pub signature: &'a str,
}

/// Holds what opens the gateway: it cannot be printed.
pub struct Sms {
    by: By,
    client: Client,
    guard: Guard,
}

enum By {
    Gateway(Box<Gateway>),
    Twilio(Twilio),
}

impl Sms {
    /// Nothing if no gateway is named.
    pub fn open(config: &Config) -> Result<Option<Self>, String> {
        let Some(url) = &config.sms_url else { return Ok(None) };
        let by = match Twilio::read(url) {
            Some(twilio) => By::Twilio(twilio?),
            None => By::Gateway(Box::new(Gateway::read(url, &config.sms)?)),
        };
        let client = Client::new(roots(config)?, ANSWER_WITHIN);
        Ok(Some(Self { by, client, guard: Guard::of_administrator() }))
    }

    /// Tries it once.
    pub async fn send(&self, text: &Text<'_>, now: Timestamp) -> Attempt {
        let Some(number) = number(text.to) else {
            return Attempt::Refused { words: "that is not a telephone number".to_owned() };
        };
        let request = match &self.by {
            By::Gateway(gateway) => gateway.request(text, &number),
            By::Twilio(twilio) => Ok(twilio.request(text, &number)),
        };
        let request = match request {
            Ok(request) => request,
            Err(words) => return Attempt::Refused { words },
        };
        match self.client.send(request, &self.guard).await {
            Ok(answer) => self.judge(&answer, now),
            Err(Failure::NotSent(words)) => Attempt::Later { after: None, words: one_line(&words) },
            Err(Failure::Unknown(words)) => Attempt::Unknown { words: one_line(&words) },
        }
    }

    /// Nothing if it does not come from the gateway.
    pub fn report(&self, heard: &Heard<'_>) -> Option<Report> {
        match &self.by {
            By::Gateway(gateway) => Some(gateway.report(heard.query, heard.form)),
            By::Twilio(twilio) => twilio.report(heard.url, heard.form, heard.signature),
        }
    }

    fn judge(&self, answer: &Answer, now: Timestamp) -> Attempt {
        let said = String::from_utf8_lossy(&answer.body);
        let own = || match &self.by {
            By::Gateway(_) => None,
            By::Twilio(_) => Twilio::refusal(answer),
        };
        let words = || own().unwrap_or_else(|| words(answer, &said));
        match answer.status {
            status if status.is_success() => match &self.by {
                By::Gateway(gateway) => gateway.success(answer),
                By::Twilio(_) => Twilio::success(answer),
            },
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => {
                Attempt::Later { after: retry_after(&answer.headers, now), words: words() }
            }
            // Redirects are not followed: the message would go where nobody has said it should.
            status if status.is_client_error() || status.is_redirection() => Attempt::Refused { words: words() },
            // It may have failed after it had sent the message, and a second one costs money and trust.
            _ => Attempt::Unknown { words: words() },
        }
    }
}

/// As gateways want it: digits, behind a plus if there is one.
fn number(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let plus = if text.trim_start().starts_with('+') { "+" } else { "" };
    (!digits.is_empty()).then(|| format!("{plus}{digits}"))
}

/// What the gateway says, for whoever reads the log.
fn words(answer: &Answer, said: &str) -> String {
    let status = answer.status.as_u16();
    let said = one_line(said);
    if said.is_empty() { format!("the gateway answers {status}") } else { format!("{status}: {said}") }
}

/// User and password of a URL, decoded.
fn credentials(url: &Url) -> Option<(String, String)> {
    let plain = |text: &str| {
        let pair = format!("={}", text.replace('+', "%2B"));
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    let user = plain(url.username()).filter(|user| !user.is_empty())?;
    Some((user, plain(url.password()?)?))
}

fn basic(user: &str, password: &str) -> (HeaderName, HeaderValue) {
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    // Letters, digits and signs: always a header.
    let value = HeaderValue::try_from(format!("Basic {encoded}"));
    let mut value = value.unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    (AUTHORIZATION, value)
}
