//! Twilio's message API, which others have taken over. `sms_url` is `twilio://SID:token@host?from=…`; with `twilio+http://` for one on this
//! machine.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::{
    FORM, Text, basic, credentials, one_line,
    reports::{Report, members},
};
use crate::{
    notify::attempt::Attempt,
    outward::{Answer, Request},
};

const EXAMPLE: &str = "such as twilio://SID:token@api.twilio.com?from=+49…";
/// Ids of services that choose the sender begin so.
const SERVICE: &str = "MG";

/// Holds what opens the account: it cannot be printed.
pub struct Twilio {
    messages: Url,
    login: (HeaderName, HeaderValue),
    /// Also signs what the gateway reports.
    token: String,
    from: String,
}

#[derive(Deserialize)]
struct Taken {
    sid: String,
}

#[derive(Deserialize)]
struct Refused {
    code: u32,
    message: String,
}

impl Twilio {
    /// Nothing if the URL is for another kind of gateway. Errors do not repeat it: it holds the token.
    pub fn read(text: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme {
            "twilio" => "https",
            "twilio+http" => "http",
            _ => return None,
        };
        let read = Self::read_url(&format!("{scheme}://{rest}"));
        Some(read.map_err(|why| format!("sms_url: {why}; it must be {EXAMPLE}")))
    }

    fn read_url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let (sid, token) = credentials(&url).ok_or("it needs the account's SID and token")?;
        if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) || url.path() != "/" || url.fragment().is_some() {
            return Err("only SID, token, host and ?from= belong into it".to_owned());
        }
        // A number is written with its plus, which would be a blank.
        let query = url.query().unwrap_or_default().replace('+', "%2B");
        let from = match members(&query).collect::<Vec<_>>().as_slice() {
            [(name, from)] if name == "from" && !from.is_empty() => from.clone(),
            _ => return Err("it needs ?from= and nothing else".to_owned()),
        };
        let mut messages = url.clone();
        messages.set_query(None);
        messages.set_path(&format!("/2010-04-01/Accounts/{sid}/Messages.json"));
        let cleared = messages.set_username("").and_then(|()| messages.set_password(None));
        cleared.map_err(|()| "it names no host".to_owned())?;
        Ok(Self { messages, login: basic(&sid, &token), token, from })
    }

    pub fn request(&self, text: &Text<'_>, number: &str) -> Request {
        let sender = if self.from.starts_with(SERVICE) { "MessagingServiceSid" } else { "From" };
        let form = [("To", number), (sender, &self.from), ("Body", text.text), ("StatusCallback", text.report)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let headers = vec![self.login.clone(), (CONTENT_TYPE, HeaderValue::from_static(FORM))];
        Request { method: Method::POST, url: self.messages.clone(), headers, body: body.into_bytes() }
    }

    /// What a success says: the message's id, or nonsense.
    pub fn success(answer: &Answer) -> Attempt {
        match serde_json::from_slice::<Taken>(&answer.body) {
            Ok(taken) if answer.status == StatusCode::CREATED && !taken.sid.is_empty() => {
                Attempt::Taken { gateway_id: Some(one_line(&taken.sid)) }
            }
            _ => Attempt::Unknown { words: super::words(answer, &String::from_utf8_lossy(&answer.body)) },
        }
    }

    /// Its words for a refusal.
    pub fn refusal(answer: &Answer) -> Option<String> {
        let refused: Refused = serde_json::from_slice(&answer.body).ok()?;
        Some(one_line(&format!("{}: {}", refused.code, refused.message)))
    }

    /// Nothing if it has not signed it. `url`: the address it was told to report to.
    pub fn report(&self, url: &str, form: &str, signature: &str) -> Option<Report> {
        let signature = BASE64_STANDARD.decode(signature).ok()?;
        let mut members: Vec<_> = members(form).collect();
        members.sort();
        let signed =
            |url: &String| hmac::verify(&self.key(), signed_text(url, &members).as_bytes(), &signature).is_ok();
        if !with_and_without_port(url).iter().any(signed) {
            return None;
        }
        let value = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        Some(match value("MessageStatus").unwrap_or_default() {
            "delivered" | "read" => Report::Delivered,
            state @ ("undelivered" | "failed") => {
                let code = value("ErrorCode").map(|code| format!(": error {code}")).unwrap_or_default();
                Report::Failed { words: one_line(&format!("{state}{code}")) }
            }
            _ => Report::OnItsWay,
        })
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.token.as_bytes())
    }
}

fn signed_text(url: &str, sorted: &[(String, String)]) -> String {
    let members = sorted.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    std::iter::once(url).chain(members).collect()
}

/// Which of them is signed depends on the port.
fn with_and_without_port(url: &str) -> Vec<String> {
    let Ok(parsed) = Url::parse(url) else { return vec![url.to_owned()] };
    let rest = &parsed[url::Position::BeforePath..];
    let host = parsed.host_str().unwrap_or_default();
    let bare = format!("{}://{host}{rest}", parsed.scheme());
    let port = parsed.port_or_known_default().map(|port| format!("{}://{host}:{port}{rest}", parsed.scheme()));
    [Some(url.to_owned()), Some(bare), port].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use uuid::Uuid;

    use super::*;

    fn twilio() -> Twilio {
        Twilio::read("twilio://AC7:t%40ken@api.twilio.com?from=+49123").unwrap().unwrap()
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: body.into() }
    }

    #[test]
    fn a_message_is_posted_as_it_is_written_in_the_books() {
        let text = Text { id: Uuid::from_u128(7), to: "", text: "Grüße & so", report: "https://calls.example.com/r" };
        let asked = twilio().request(&text, "+49456");
        assert_eq!(asked.url.as_str(), "https://api.twilio.com/2010-04-01/Accounts/AC7/Messages.json");
        assert_eq!(asked.method, Method::POST);
        let expected = [
            ("To", "+49456"),
            ("From", "+49123"),
            ("Body", "Grüße & so"),
            ("StatusCallback", "https://calls.example.com/r"),
        ];
        let body = String::from_utf8(asked.body).unwrap();
        assert_eq!(members(&body).collect::<Vec<_>>(), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(asked.headers[0].1, format!("Basic {}", BASE64_STANDARD.encode("AC7:t@ken")));
        let service = Twilio::read("twilio+http://AC7:t@127.0.0.1:99?from=MG1").unwrap().unwrap();
        let asked = service.request(&text, "+49456");
        assert_eq!(asked.url.as_str(), "http://127.0.0.1:99/2010-04-01/Accounts/AC7/Messages.json");
        assert!(String::from_utf8(asked.body).unwrap().contains("&MessagingServiceSid=MG1&"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_repeating_the_token() {
        assert!(Twilio::read("http://example.com").is_none());
        for wrong in [
            "twilio://api.twilio.com?from=+49",
            "twilio://AC7@api.twilio.com?from=+49",
            "twilio://AC7:s3cret@api.twilio.com",
            "twilio://AC7:s3cret@api.twilio.com?from=",
            "twilio://AC7:s3cret@api.twilio.com?from=+49&to={to}",
            "twilio://AC7:s3cret@api.twilio.com/x?from=+49",
            "twilio://A%2F..:s3cret@api.twilio.com?from=+49",
            "twilio://AC7:s3cret@?from=+49",
        ] {
            let why = Twilio::read(wrong).unwrap().err().unwrap_or_else(|| panic!("taken: {wrong}"));
            assert!(why.contains("twilio://SID:token") && !why.contains("s3cret"), "{wrong}: {why}");
        }
    }

    #[test]
    fn only_an_id_is_a_success() {
        let taken = Attempt::Taken { gateway_id: Some("SM1".to_owned()) };
        assert_eq!(Twilio::success(&answer(201, r#"{"sid": "SM1", "status": "queued", "error_code": null}"#)), taken);
        for (status, body) in [(200, r#"{"sid": "SM1"}"#), (201, "{}"), (201, r#"{"sid": ""}"#), (201, "<html>")] {
            assert!(matches!(Twilio::success(&answer(status, body)), Attempt::Unknown { .. }), "{body}");
        }
        let words = Twilio::refusal(&answer(400, r#"{"code": 21211, "message": "Invalid 'To'", "status": 400}"#));
        assert_eq!(words.as_deref(), Some("21211: Invalid 'To'"));
        assert_eq!(Twilio::refusal(&answer(400, "Bad")), None);
    }

    /// The example of the gateway's own documentation on signatures.
    const DOCUMENTED: (&str, &str, &str, &str) = (
        "12345",
        "https://example.com/myapp.php?foo=1&bar=2",
        "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212",
        "L/OH5YylLD5NRKLltdqwSvS0BnU=",
    );

    #[test]
    fn a_signature_is_the_one_of_the_documentation() {
        let (token, url, form, signature) = DOCUMENTED;
        let twilio = Twilio::read(&format!("twilio://AC7:{token}@api.twilio.com?from=MG1")).unwrap().unwrap();
        assert_eq!(twilio.report(url, form, signature), Some(Report::OnItsWay));
        let other = Twilio::read("twilio://AC7:54321@api.twilio.com?from=MG1").unwrap().unwrap();
        assert_eq!(other.report(url, form, signature), None);
        for (url, form, signature) in [
            ("https://example.com/myapp.php?foo=1&bar=3", form, signature),
            (url, &form.replace("1234", "1235"), signature),
            (url, &format!("{form}&more="), "L/OH5YylLD5NRKLltdqwSvS0BnV="),
            (url, form, ""),
            (url, form, "no base64"),
        ] {
            assert_eq!(twilio.report(url, form, signature), None, "{url} {form} {signature}");
        }
    }

    fn signed(twilio: &Twilio, url: &str, form: &str) -> String {
        let mut members: Vec<_> = members(form).collect();
        members.sort();
        BASE64_STANDARD.encode(hmac::sign(&twilio.key(), signed_text(url, &members).as_bytes()))
    }

    #[test]
    fn reports_are_read_with_or_without_the_port() {
        let twilio = twilio();
        let told = "https://calls.example.com/r";
        for (form, report) in [
            ("MessageStatus=sent&MessageSid=SM1", Report::OnItsWay),
            ("MessageStatus=delivered", Report::Delivered),
            (
                "MessageStatus=undelivered&ErrorCode=30003",
                Report::Failed { words: "undelivered: error 30003".to_owned() },
            ),
            ("MessageStatus=failed", Report::Failed { words: "failed".to_owned() }),
        ] {
            for url in [told, "https://calls.example.com:443/r"] {
                assert_eq!(
                    twilio.report(told, form, &signed(&twilio, url, form)).as_ref(),
                    Some(&report),
                    "{form} {url}"
                );
            }
        }
        let form = "MessageStatus=delivered";
        let with_port = "https://calls.example.com:8443/r";
        assert_eq!(twilio.report(with_port, form, &signed(&twilio, told, form)), Some(Report::Delivered));
        assert_eq!(twilio.report(told, form, &signed(&twilio, with_port, form)), None);
    }
}
