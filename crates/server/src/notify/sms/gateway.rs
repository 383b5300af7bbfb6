//! A gateway that is asked over HTTP in whatever way its operator wants; what is left out is as Kannel has it.

use hyper::{
    Method,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use url::Url;

use super::{
    FORM, Text, basic, credentials,
    fit::Coding,
    reports::{Report, members},
    template::{Escape, Place, Template, Values},
};
use crate::{
    config::SmsConfig,
    notify::attempt::Attempt,
    outward::{Answer, Request},
};

const EXAMPLE: &str = "such as http://host:13013/cgi-bin/sendsms?username=…&password=…&to={to}&text={text}";

/// What Kannel is told beside number and text, unless the URL already does, with its names for the characters, for what it is to report
/// (1: arrived, 2: not, 16: refused by the carrier) and to whom.
const KANNEL: [(&str, &str); 4] =
    [("charset", "UTF-8"), ("coding", "{coding}"), ("dlr-mask", "19"), ("dlr-url", "{report}")];
const KANNEL_FROM: (&str, &str) = ("from", "{from}");
/// Taken, or kept until the carrier is back.
const KANNEL_ACCEPTED: [&str; 2] = ["0:", "3:"];
const KANNEL_REPORT: &str = "state=%d&words=%A";
const KANNEL_STATE: &str = "state";
const KANNEL_WORDS: &str = "words";
const KANNEL_DELIVERED: [&str; 1] = ["1"];
const KANNEL_FAILED: [&str; 2] = ["2", "16"];

/// Holds what opens the gateway: it cannot be printed.
pub struct Gateway {
    url: Template,
    body: Option<Template>,
    headers: Vec<(HeaderName, HeaderValue)>,
    from: String,
    accepted: Vec<String>,
    report: Option<String>,
    state: Option<String>,
    words: Option<String>,
    delivered: Vec<String>,
    failed: Vec<String>,
}

impl Gateway {
    /// Errors do not repeat the URL, which may hold a password.
    pub fn read(text: &str, config: &SmsConfig) -> Result<Self, String> {
        let wrong = |why: String| format!("sms_url: {why}; it must be {EXAMPLE}");
        let trial = filled(&Template::read(text, Escape::Url).map_err(wrong)?).map_err(wrong)?;
        let kannel = config.body.is_none() && trial.path().ends_with("/sendsms");
        let text = if kannel { completed(text, &trial, config.from.is_some()) } else { text.to_owned() };
        let url = Template::read(&text, Escape::Url).map_err(wrong)?;
        let body = config.body.as_deref().map(|body| Template::read(body, escape_of(body)));
        let body = body.transpose().map_err(|why| format!("sms.body: {why}"))?;
        for (place, name) in [(Place::To, "{to}"), (Place::Text, "{text}")] {
            if !url.has(place) && !body.as_ref().is_some_and(|body| body.has(place)) {
                return Err(wrong(format!("{name} is in neither sms_url nor sms.body")));
            }
        }
        let mut headers = config.headers.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>()?;
        headers.extend(credentials(&trial).map(|(user, password)| basic(&user, &password)));
        headers.extend(config.body.as_deref().map(|body| (CONTENT_TYPE, content_type(body))));
        let one = |own: &Option<String>, usual: &str| own.clone().or_else(|| kannel.then(|| usual.to_owned()));
        let some = |own: &[String], usual: &[&str]| {
            if own.is_empty() && kannel { usual.iter().map(|text| (*text).to_owned()).collect() } else { own.to_vec() }
        };
        Ok(Self {
            url,
            body,
            headers,
            from: config.from.clone().unwrap_or_default(),
            accepted: some(&config.accepted, &KANNEL_ACCEPTED),
            report: one(&config.report, KANNEL_REPORT),
            state: one(&config.report_state, KANNEL_STATE),
            words: one(&config.report_words, KANNEL_WORDS),
            delivered: some(&config.delivered, &KANNEL_DELIVERED),
            failed: some(&config.failed, &KANNEL_FAILED),
        })
    }

    pub fn request(&self, text: &Text<'_>, number: &str) -> Result<Request, String> {
        let report = match &self.report {
            Some(query) => format!("{}?{query}", text.report),
            None => text.report.to_owned(),
        };
        let values = Values {
            to: number,
            text: text.text,
            from: &self.from,
            id: &text.id.to_string(),
            report: &report,
            coding: Coding::of(text.text).number(),
        };
        let url = Url::parse(&self.url.fill(&values)).map_err(|error| error.to_string())?;
        let method = if self.body.is_some() { Method::POST } else { Method::GET };
        let body = self.body.as_ref().map(|body| body.fill(&values).into_bytes()).unwrap_or_default();
        Ok(Request { method, url, headers: self.headers.clone(), body })
    }

    /// What a success says: whether it is one.
    pub fn success(&self, answer: &Answer) -> Attempt {
        let said = String::from_utf8_lossy(&answer.body);
        let said = said.trim_start();
        if self.accepted.is_empty() || self.accepted.iter().any(|begin| said.starts_with(begin.as_str())) {
            return Attempt::Taken { gateway_id: None };
        }
        Attempt::Unknown { words: super::words(answer, said) }
    }

    pub fn report(&self, query: &str, form: &str) -> Report {
        let members = members(query).chain(members(form)).collect::<Vec<_>>();
        let value = |wanted: &Option<String>| {
            let named = members.iter().find(|(name, _)| wanted.as_ref().is_some_and(|wanted| name == wanted));
            named.map(|(_, value)| value.as_str())
        };
        let state = value(&self.state).unwrap_or_default();
        if self.delivered.iter().any(|delivered| delivered == state) {
            Report::Delivered
        } else if self.failed.iter().any(|failed| failed == state) {
            let words = value(&self.words).filter(|words| !words.is_empty());
            Report::Failed { words: words.map_or_else(|| format!("the gateway reports {state}"), super::one_line) }
        } else {
            Report::OnItsWay
        }
    }
}

/// With values as harmless as any.
fn filled(template: &Template) -> Result<Url, String> {
    let values = Values { to: "1", text: "x", from: "1", id: "1", report: "x", coding: "0" };
    let url = Url::parse(&template.fill(&values)).map_err(|error| error.to_string())?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err("it must begin with http://, https:// or twilio://".to_owned()),
    }
}

fn completed(text: &str, trial: &Url, has_from: bool) -> String {
    let is_there = |wanted: &str| trial.query_pairs().any(|(name, _)| name == wanted);
    let more = KANNEL.into_iter().chain(has_from.then_some(KANNEL_FROM)).filter(|(name, _)| !is_there(name));
    let mut text = text.to_owned();
    for (name, value) in more {
        text.push(if text.contains('?') { '&' } else { '?' });
        text.extend([name, "=", value]);
    }
    text
}

fn escape_of(body: &str) -> Escape {
    if body.trim_start().starts_with(['{', '[']) { Escape::Json } else { Escape::Url }
}

fn content_type(body: &str) -> HeaderValue {
    HeaderValue::from_static(match escape_of(body) {
        Escape::Json => "application/json",
        Escape::Url => FORM,
    })
}

fn header(line: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || "sms.headers: each must be such as Authorization: Bearer …".to_owned();
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
    let mut value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, StatusCode};
    use uuid::Uuid;

    use super::*;

    fn read(url: &str, config: &SmsConfig) -> Gateway {
        Gateway::read(url, config).unwrap_or_else(|why| panic!("{url}: {why}"))
    }

    fn request(gateway: &Gateway, text: &str) -> Request {
        let id = Uuid::from_u128(7);
        gateway.request(&Text { id, to: "", text, report: "https://calls.example.com/r" }, "+49123").unwrap()
    }

    fn pairs(request: &Request) -> Vec<(String, String)> {
        request.url.query_pairs().into_owned().collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    const KANNEL_URL: &str = "http://sms:13013/cgi-bin/sendsms?username=u&password=p%26&to={to}&text={text}";

    #[test]
    fn for_kannel_the_example_of_the_reference_is_enough() {
        let asked = request(&read(KANNEL_URL, &SmsConfig::default()), "Grüße & so");
        assert_eq!((asked.method.as_str(), asked.body.len()), ("GET", 0));
        let expected = [
            ("username", "u"),
            ("password", "p&"),
            ("to", "+49123"),
            ("text", "Grüße & so"),
            ("charset", "UTF-8"),
            ("coding", "0"),
            ("dlr-mask", "19"),
            ("dlr-url", "https://calls.example.com/r?state=%d&words=%A"),
        ];
        assert_eq!(pairs(&asked), expected.map(|(name, value)| pair(name, value)));
        assert!(pairs(&request(&read(KANNEL_URL, &SmsConfig::default()), "Привет")).contains(&pair("coding", "2")));
    }

    #[test]
    fn what_the_url_says_itself_is_left_alone() {
        let config = SmsConfig { from: Some("+491".to_owned()), ..SmsConfig::default() };
        let asked = request(&read(&format!("{KANNEL_URL}&dlr-mask=31&coding=2&from=me"), &config), "x");
        let of = |name: &str| pairs(&asked).into_iter().filter(|(own, _)| own == name).collect::<Vec<_>>();
        assert_eq!(of("dlr-mask"), [pair("dlr-mask", "31")]);
        assert_eq!((of("coding"), of("from")), (vec![pair("coding", "2")], vec![pair("from", "me")]));
        assert!(pairs(&request(&read(KANNEL_URL, &config), "x")).contains(&pair("from", "+491")));
    }

    #[test]
    fn other_gateways_are_asked_in_their_way() {
        let config = SmsConfig {
            body: Some(r#"{"to": "{to}", "body": "{text}", "ref": "{id}"}"#.to_owned()),
            headers: vec!["X-Key: k".to_owned()],
            ..SmsConfig::default()
        };
        let asked = request(&read("https://user:p%40ss@sms.example/send", &config), "say \"hi\"");
        assert_eq!((asked.method.as_str(), asked.url.path(), asked.url.query()), ("POST", "/send", None));
        let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
        let id = Uuid::from_u128(7).to_string();
        assert_eq!(body, serde_json::json!({"to": "+49123", "body": "say \"hi\"", "ref": id}));
        let headers: Vec<_> =
            asked.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let login = ("authorization", "Basic dXNlcjpwQHNz");
        assert_eq!(headers, [("x-key", "k"), login, ("content-type", "application/json")]);
        let form = SmsConfig { body: Some("to={to}&text={text}".to_owned()), ..SmsConfig::default() };
        assert_eq!(request(&read("https://sms.example/sendsms", &form), "a&b").body, b"to=%2B49123&text=a%26b");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_at_the_start_with_an_example_and_no_password() {
        let body = SmsConfig { body: Some("to={number}".to_owned()), ..SmsConfig::default() };
        let headers = SmsConfig { headers: vec!["s3cret".to_owned()], ..SmsConfig::default() };
        for (url, config, word) in [
            ("", SmsConfig::default(), "sms_url"),
            ("sms.example/?to={to}&text={text}", SmsConfig::default(), "sms_url"),
            ("ftp://sms.example/?to={to}&text={text}", SmsConfig::default(), "http://"),
            ("http://sms.example/?p=s3cret&text={text}", SmsConfig::default(), "{to}"),
            ("http://sms.example/?p=s3cret&to={to}", SmsConfig::default(), "{text}"),
            ("http://sms.example/?to={to}&text={text}&p={s3cret}", SmsConfig::default(), "brace"),
            ("http://sms.example/?to={to}&text={text}", body, "sms.body"),
            ("http://sms.example/?to={to}&text={text}", headers, "sms.headers"),
        ] {
            let why = Gateway::read(url, &config).err().unwrap_or_else(|| panic!("taken: {url}"));
            assert!(why.contains(word) && !why.contains("s3cret"), "{url}: {why}");
        }
    }

    fn success(gateway: &Gateway, body: &str) -> Attempt {
        gateway.success(&Answer { status: StatusCode::ACCEPTED, headers: HeaderMap::new(), body: body.into() })
    }

    #[test]
    fn a_success_must_say_so_where_it_is_known_how() {
        let taken = Attempt::Taken { gateway_id: None };
        let kannel = read(KANNEL_URL, &SmsConfig::default());
        assert_eq!(success(&kannel, "0: Accepted for delivery"), taken);
        assert_eq!(success(&kannel, "3: Queued for later delivery"), taken);
        for nonsense in ["", "<html>Please log in</html>", "Sorry 0: no", "\0\u{1}"] {
            assert!(matches!(success(&kannel, nonsense), Attempt::Unknown { .. }), "{nonsense}");
        }
        let other = "http://sms.example/?to={to}&text={text}";
        assert_eq!(success(&read(other, &SmsConfig::default()), "whatever"), taken);
        let strict = SmsConfig { accepted: vec!["OK".to_owned()], ..SmsConfig::default() };
        assert_eq!(success(&read(other, &strict), " OK 17"), taken);
        assert!(matches!(success(&read(other, &strict), "ERR"), Attempt::Unknown { .. }));
    }

    #[test]
    fn reports_are_read() {
        let kannel = read(KANNEL_URL, &SmsConfig::default());
        for (query, report) in [
            ("state=1&words=", Report::Delivered),
            ("state=8&words=ACK%2F", Report::OnItsWay),
            ("state=2&words=NACK%2F1%0A%2F", Report::Failed { words: "NACK/1 /".to_owned() }),
            ("state=16", Report::Failed { words: "the gateway reports 16".to_owned() }),
            ("state=", Report::OnItsWay),
            ("", Report::OnItsWay),
            ("%%%&=&&state", Report::OnItsWay),
        ] {
            assert_eq!(kannel.report(query, ""), report, "{query}");
        }
        let config = SmsConfig {
            report_state: Some("status".to_owned()),
            delivered: vec!["DELIVRD".to_owned()],
            failed: vec!["UNDELIV".to_owned(), "EXPIRED".to_owned()],
            ..SmsConfig::default()
        };
        let other = read("http://sms.example/?to={to}&text={text}&cb={report}", &config);
        assert_eq!(other.report("", "id=7&status=DELIVRD"), Report::Delivered);
        assert!(matches!(other.report("status=EXPIRED", ""), Report::Failed { .. }));
    }
}
