//! What stands in letters, as other programs read them, and letters of planned calls: invitation, update, cancellation and reminder.

use std::time::Duration;

use farhand_protocol::call::CallLog;
use farhand_server::config::Config;
use farhand_testkit::{
    Account, Guest, Server, json,
    smtp::{Message, Options, Sink},
};
use serde_json::Value;

use crate::{
    judge,
    notify::{notifications, until},
};

/// Reads a letter, and tells its parts, the text, what of the page a person sees, and what calendars would do.
const READER: &str = r#"
import email, email.policy, html.parser, icalendar, json, sys
letter = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
def shape(part):
    return {part.get_content_type(): [shape(inner) for inner in part.iter_parts()]} if part.is_multipart() else part.get_content_type()
leaves = [part for part in letter.walk() if not part.is_multipart()]
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.attributes, self.seen, self.skip = [], [], [], [], 0
    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        self.links += [value for name, value in attributes if name in ("href", "src")]
        self.skip += tag in ("style", "title")
    def handle_endtag(self, tag):
        self.skip -= tag in ("style", "title")
    def handle_data(self, data):
        if not self.skip and data.strip():
            self.seen.append(" ".join(data.split()))
def entry(part):
    raw = part.get_payload(decode=True)
    calendar = icalendar.Calendar.from_ical(raw)
    [event] = calendar.walk("VEVENT")
    texts = {name: str(event[name]) for name in ["uid", "sequence", "status", "summary", "organizer", "attendee"]}
    rest = {name: str(event.get(name, "")) for name in ["url", "location", "description"]}
    times = {name: event.decoded(name).isoformat() for name in ["dtstamp", "dtstart", "dtend"]}
    parameters = {name: dict(event[name].params) for name in ["organizer", "attendee"]}
    return {**texts, **rest, **times, "parameters": parameters, "method": str(calendar["method"]), "type": dict(part["content-type"].params),
            "file": part.get_filename(), "errors": event.errors + calendar.errors, "raw": raw.decode()}
def text(kind):
    return next(part.get_content() for part in leaves if part.get_content_type() == kind)
page = Page()
page.feed(text("text/html"))
print(json.dumps({
    "shape": shape(letter), "subject": letter["subject"], "to": str(letter["to"]), "from": letter["from"].addresses[0].addr_spec,
    "text": text("text/plain"), "tags": page.tags, "attributes": page.attributes, "links": page.links, "seen": page.seen,
    "defects": [str(defect) for part in letter.walk() for defect in part.defects],
    "entries": [entry(part) for part in leaves if part.get_content_type() in ("text/calendar", "application/ics")],
}))
"#;

async fn read(message: &Message) -> Value {
    let letter = judge::ask(READER, message.text()).await;
    assert_eq!(letter["defects"], json!([]));
    letter
}

async fn with_mail(sink: &Sink, change: impl FnOnce(&mut Config)) -> Server {
    let url = format!("smtp://{}?starttls=never", sink.address());
    Server::with(|config| {
        config.mail_url = Some(url);
        config.public_url = Some("https://calls.example.com".to_owned());
        change(config);
    })
    .await
}

/// A call to the tester and to a guest, each with an address.
async fn planned(server: &Server, caller: &Account, in_seconds: i64) -> CallLog {
    let invited = json!([{"userDbId": 8, "email": "tester@example.org"},
        {"displayName": "Gil", "email": "gil@example.org"}]);
    let at = server.clock().in_seconds(in_seconds);
    caller.create_call(json!({"callTitle": "Pump 7", "plannedDateTime": at, "invitedContacts": invited})).await
}

async fn update(caller: &Account, call: &CallLog, mut change: Value) -> CallLog {
    change["callId"] = json!(call.call_id);
    caller.post("/rtc/updateCall", change).await.ok()
}

/// As far as the news of a change has waited for the next.
async fn change(server: &Server, caller: &Account, call: &CallLog, change: Value) {
    update(caller, call, change).await;
    server.clock().move_ahead(Duration::from_secs(31));
}

/// What has come for somebody, in order, once there is so much for all together.
async fn letters_to(sink: &Sink, address: &str, of: usize) -> Vec<Value> {
    let mut letters = Vec::new();
    for message in sink.wait_for(of).await.iter().filter(|message| message.to == [address]) {
        letters.push(read(message).await);
    }
    letters
}

#[tokio::test]
async fn an_invitation_to_a_planned_call_is_one_that_calendars_take() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |_| ()).await;
    let caller = server.login("callertest1").await;
    let contact = json!({"userDbId": 8, "email": "tester@example.org", "displayName": "Ünal, \"T\"; x"});
    let plan = json!({"callTitle": "Pumpe 7; \"Öl\", bitte", "plannedLocalTime": "2027-03-29T09:30",
        "plannedTimeZone": "Europe/Berlin", "invitedContacts": [contact]});
    let call = caller.create_call(plan).await;
    let letter = letters_to(&sink, "tester@example.org", 1).await.remove(0);
    let parts = json!({"multipart/alternative": ["text/plain", "text/html", "text/calendar"]});
    assert_eq!(letter["shape"], json!({"multipart/mixed": [parts, "application/ics"]}));
    assert_eq!(letter["subject"], "Invitation: Pumpe 7; \"Öl\", bitte, Monday 29 March 2027, 09:30 (Europe/Berlin)");
    let [within, file] = &letter["entries"].as_array().unwrap()[..] else { panic!("{letter}") };
    assert_eq!(within["raw"], file["raw"]);
    assert_eq!(
        (&within["type"], &file["file"]),
        (&json!({"method": "REQUEST", "charset": "utf-8"}), &json!("invite.ics"))
    );
    assert_eq!((&within["method"], &within["errors"]), (&json!("REQUEST"), &json!([])));
    assert_eq!(within["uid"], format!("{}@calls.example.com", call.call_id));
    assert_eq!((&within["sequence"], &within["status"]), (&json!("0"), &json!("CONFIRMED")));
    let times = (&within["dtstart"], &within["dtend"]);
    assert_eq!(times, (&json!("2027-03-29T07:30:00+00:00"), &json!("2027-03-29T08:30:00+00:00")));
    assert_eq!(within["summary"], "Pumpe 7; \"Öl\", bitte");
    // Whoever sends it, so that programs believe it, and whoever gets it.
    assert_eq!(within["organizer"], format!("mailto:{}", letter["from"].as_str().unwrap()));
    assert_eq!(within["parameters"]["organizer"], json!({"CN": caller.user.display_name}));
    assert_eq!(within["attendee"], "mailto:tester@example.org");
    let attendee = json!({"CN": "Ünal, 'T'; x", "CUTYPE": "INDIVIDUAL", "PARTSTAT": "NEEDS-ACTION",
        "ROLE": "REQ-PARTICIPANT", "RSVP": "FALSE"});
    assert_eq!(within["parameters"]["attendee"], attendee);
    let link = format!("https://calls.example.com/call/{}", call.call_id);
    assert_eq!((&within["url"], &within["location"]), (&json!(link), &json!(link)));
    assert!(within["description"].as_str().unwrap().ends_with(&format!("\n{link}")));
    // The same entry as in the feed, which a person may have as well.
    let path = caller.get("/rtc/getCalendarLink").await.json()["path"].as_str().unwrap().to_owned();
    let feed = server.get(&path).await.text().to_owned();
    for name in ["UID:", "DTSTART:", "DTEND:", "SEQUENCE:", "SUMMARY:"] {
        let line = |of: &str| of.split("\r\n").find(|line| line.starts_with(name)).unwrap().to_owned();
        assert_eq!(line(&feed), line(within["raw"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn who_was_invited_by_letter_is_told_of_every_change_and_of_the_end() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |_| ()).await;
    let caller = server.login("callertest1").await;
    let call = planned(&server, &caller, 86_400).await;
    sink.wait_for(2).await;
    let zoned = json!({"plannedLocalTime": "2027-03-30T10:00", "plannedTimeZone": "Europe/Berlin"});
    change(&server, &caller, &call, zoned).await;
    sink.wait_for(4).await;
    change(&server, &caller, &call, json!({"callTitle": "Pump 8"})).await;
    sink.wait_for(6).await;
    update(&caller, &call, json!({"callTitle": "Pump 8"})).await;
    caller.call_operation("cancelCall", call.call_id).await.ok::<CallLog>();
    sink.wait_for(8).await;
    for (address, contact) in [("tester@example.org", 0), ("gil@example.org", 1)] {
        let letters = letters_to(&sink, address, 8).await;
        let entries: Vec<_> = letters.iter().map(|letter| letter["entries"][0].clone()).collect();
        let told = |name: &str| entries.iter().map(|entry| entry[name].as_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(told("method"), ["REQUEST", "REQUEST", "REQUEST", "CANCEL"]);
        assert_eq!(told("sequence"), ["0", "1", "2", "3"]);
        assert_eq!(told("summary"), ["Pump 7", "Pump 7", "Pump 8", "Pump 8"]);
        assert_eq!(told("status"), ["CONFIRMED", "CONFIRMED", "CONFIRMED", "CANCELLED"]);
        assert_eq!(told("dtstart")[1..], ["2027-03-30T08:00:00+00:00"; 3]);
        assert!(told("uid").iter().all(|uid| *uid == format!("{}@calls.example.com", call.call_id)));
        let subject = letters[1]["subject"].as_str().unwrap();
        assert_eq!(subject, "Changed: Pump 7, Tuesday 30 March 2027, 10:00 (Europe/Berlin)");
        let last = &letters[3];
        assert!(last["subject"].as_str().unwrap().starts_with("Cancelled: Pump 8"), "{last}");
        assert!(!last["text"].as_str().unwrap().contains("https://"), "there is nothing to join: {last}");
        let log = caller.call_log(call.call_id).await;
        let kinds: Vec<_> = log.invited_contacts[contact].notifications.iter().map(|n| n.kind.as_str()).collect();
        assert_eq!(
            kinds,
            ["planned", "moved", "moved", "cancelled"],
            "of reminders that were not sent nothing is told"
        );
    }
}

#[tokio::test]
async fn ending_a_call_that_nobody_has_joined_is_calling_it_off() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |_| ()).await;
    let caller = server.login("callertest1").await;
    let call = planned(&server, &caller, 86_400).await;
    sink.wait_for(2).await;
    caller.call_operation("endCall", call.call_id).await.ok::<CallLog>();
    let letters = letters_to(&sink, "tester@example.org", 4).await;
    let entry = &letters[1]["entries"][0];
    assert_eq!((&entry["method"], &entry["sequence"]), (&json!("CANCEL"), &json!("1")));
}

#[tokio::test]
async fn what_waits_to_be_sent_is_overtaken_by_the_change() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |_| ()).await;
    let caller = server.login("callertest1").await;
    let contact = json!({"userDbId": 8, "email": "grey451@example.org"});
    let at = server.clock().in_seconds(86_400);
    let call = caller.create_call(json!({"plannedDateTime": at, "invitedContacts": [contact]})).await;
    until(&caller, call.call_id, "queued", 1).await;
    update(&caller, &call, json!({"callTitle": "Pump 8"})).await;
    let letters = letters_to(&sink, "grey451@example.org", 1).await;
    assert_eq!(letters[0]["entries"][0]["sequence"], "1");
    until(&caller, call.call_id, "sent", 1).await;
    let states: Vec<_> = notifications(&caller.call_log(call.call_id).await).into_iter().map(|n| n.state).collect();
    assert_eq!(states, ["cancelled", "sent"]);
    server.clock().move_ahead(Duration::from_mins(1));
    caller.create_call(json!({"invitedContacts": [{"userDbId": 8, "email": "tester@example.org"}]})).await;
    assert_eq!(letters_to(&sink, "grey451@example.org", 2).await.len(), 1);
}

#[tokio::test]
async fn once_it_rings_a_new_title_is_nobodys_letter() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |_| ()).await;
    let caller = server.login("callertest1").await;
    let call = planned(&server, &caller, 86_400).await;
    sink.wait_for(2).await;
    caller.call_operation("startCall", call.call_id).await.ok::<CallLog>();
    sink.wait_for(4).await;
    update(&caller, &call, json!({"callTitle": "Pump 8"})).await;
    let other = caller.create_call(json!({"invitedContacts": [{"userDbId": 8, "email": "other@example.org"}]})).await;
    until(&caller, other.call_id, "sent", 1).await;
    assert_eq!(sink.messages().await.len(), 5);
}

#[tokio::test]
async fn a_guests_link_is_good_at_the_new_time_unless_it_was_taken_back() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |config| config.calls.guest_link_hours = 1).await;
    let caller = server.login("callertest1").await;
    let call = planned(&server, &caller, 3_600).await;
    sink.wait_for(2).await;
    let later = server.clock().in_seconds(86_400);
    change(&server, &caller, &call, json!({"plannedDateTime": later})).await;
    let letters = letters_to(&sink, "gil@example.org", 4).await;
    let link = letters[1]["links"][0].as_str().unwrap();
    assert_eq!(link, letters[1]["entries"][0]["url"]);
    server.clock().move_ahead(Duration::from_hours(23));
    Guest::with(&server, link).invitation().await;

    let caller = server.login("callertest1").await;
    let gil = call.invited_contacts[1].id.unwrap();
    let before = sink.messages().await.len();
    caller.post("/rtc/revokeGuestLink", json!({"callId": call.call_id, "contactId": gil})).await.ok::<CallLog>();
    change(&server, &caller, &call, json!({"plannedDateTime": server.clock().in_seconds(7_200)})).await;
    sink.wait_for(before + 1).await;
    caller.call_operation("cancelCall", call.call_id).await.ok::<CallLog>();
    let letters = letters_to(&sink, "gil@example.org", before + 3).await;
    let methods: Vec<_> = letters.iter().filter_map(|letter| letter["entries"][0]["method"].as_str()).collect();
    assert_eq!(methods, ["REQUEST", "REQUEST", "CANCEL"], "no new link, but out of the calendar");
}

#[tokio::test]
async fn a_quarter_of_an_hour_before_there_is_a_reminder_which_moves_with_the_call() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |_| ()).await;
    let caller = server.login("callertest1").await;
    let call = planned(&server, &caller, 3_600).await;
    sink.wait_for(2).await;
    change(&server, &caller, &call, json!({"plannedDateTime": server.clock().in_seconds(7_200)})).await;
    sink.wait_for(4).await;
    server.clock().move_ahead(Duration::from_mins(46));
    let caller = server.login("callertest1").await;
    // The old one would have gone before this.
    let other = caller.create_call(json!({"invitedContacts": [{"userDbId": 8, "email": "other@example.org"}]})).await;
    until(&caller, other.call_id, "sent", 1).await;
    assert_eq!(sink.messages().await.len(), 5);
    server.clock().move_ahead(Duration::from_hours(1));
    for (address, from) in [("tester@example.org", "/call/"), ("gil@example.org", "/join#fhg_")] {
        let letters = letters_to(&sink, address, 7).await;
        let reminder = &letters[2];
        assert!(reminder["subject"].as_str().unwrap().starts_with("Reminder: Pump 7, "), "{reminder}");
        assert_eq!(reminder["shape"], json!({"multipart/alternative": ["text/plain", "text/html"]}));
        assert!(reminder["text"].as_str().unwrap().contains(from), "{reminder}");
    }
    let log = server.login("callertest1").await.call_log(call.call_id).await;
    let kinds: Vec<_> = log.invited_contacts[0].notifications.iter().map(|n| n.kind.as_str()).collect();
    assert_eq!(kinds, ["planned", "moved", "reminder"]);
}

#[tokio::test]
async fn nobody_is_reminded_of_what_was_called_off_has_begun_is_soon_or_never_was_told() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |_| ()).await;
    let caller = server.login("callertest1").await;
    let cancelled = planned(&server, &caller, 7_200).await;
    sink.wait_for(2).await;
    caller.call_operation("cancelCall", cancelled.call_id).await.ok::<CallLog>();
    let started = planned(&server, &caller, 7_200).await;
    sink.wait_for(6).await;
    caller.call_operation("startCall", started.call_id).await.ok::<CallLog>();
    planned(&server, &caller, 1_800).await;
    let refused = json!({"displayName": "Nobody", "email": "reject550@example.org"});
    let at = server.clock().in_seconds(7_200);
    let call = caller.create_call(json!({"plannedDateTime": at, "invitedContacts": [refused]})).await;
    until(&caller, call.call_id, "failed", 1).await;
    sink.wait_for(10).await;
    // It is due by then, and nothing rings yet.
    for _ in 0..11 {
        server.clock().move_ahead(Duration::from_mins(10));
    }
    let caller = server.login("callertest1").await;
    let contact = json!({"userDbId": 8, "email": "other@example.org"});
    let other = caller.create_call(json!({"invitedContacts": [contact]})).await;
    until(&caller, other.call_id, "sent", 1).await;
    let subjects = sink.messages().await;
    let reminders = subjects.iter().filter(|message| message.text().contains("Subject: Reminder")).count();
    assert_eq!(reminders, 0);
    assert_eq!(sink.counts().await.recipients["reject550@example.org"], 1);
}

#[tokio::test]
async fn a_page_shows_what_people_wrote_and_nothing_of_it_is_more_than_text() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |_| ()).await;
    let caller = server.login("callertest1").await;
    let evil = "</h1><script>alert(1)</script><img src=x onerror=\"a()\"> \u{202e}gpj.exe\u{2066} \"'&amp; {link}";
    let shown = "</h1><script>alert(1)</script><img src=x onerror=\"a()\"> gpj.exe \"'&amp; {link}";
    let mut letters = Vec::new();
    for (title, name) in [("Pump 7", "Kim"), (evil, evil)] {
        let contact = json!({"displayName": name, "email": "kim@example.org"});
        let at = server.clock().in_seconds(86_400);
        caller.create_call(json!({"callTitle": title, "plannedDateTime": at, "invitedContacts": [contact]})).await;
        letters = letters_to(&sink, "kim@example.org", letters.len() + 1).await;
    }
    let [usual, evil] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((&evil["tags"], &evil["attributes"]), (&usual["tags"], &usual["attributes"]));
    assert_eq!(evil["seen"][0], shown);
    assert_eq!(evil["seen"][1], format!("Hello {shown},"));
    assert!(evil["text"].as_str().unwrap().contains(shown));
    assert_eq!(evil["entries"][0]["summary"], shown);
    // Nothing is fetched: all addresses are of the call.
    for link in usual["links"].as_array().unwrap() {
        assert!(link.as_str().unwrap().starts_with("https://calls.example.com/join#fhg_"), "{link}");
    }
    let links = usual["links"].as_array().unwrap();
    let text = usual["text"].as_str().unwrap();
    assert!(links.len() == 2 && links[0] == links[1] && text.contains(links[0].as_str().unwrap()), "{usual}");
}

#[tokio::test]
async fn everybody_is_written_to_in_a_language_of_their_own_or_the_domains() {
    let sink = Sink::start(Options::default()).await;
    let server = with_mail(&sink, |_| ()).await;
    let (caller, tester) = (server.login("callertest1").await, server.login("tester").await);
    let (call, mut sent) = (planned(&server, &caller, 86_400).await, 2);
    let subjects = async |sent: usize| {
        let mut subjects = Vec::new();
        for address in ["tester@example.org", "gil@example.org"] {
            let letter = letters_to(&sink, address, sent).await.pop().unwrap();
            subjects.push(letter["subject"].as_str().unwrap().split(':').next().unwrap().to_owned());
        }
        subjects
    };
    assert_eq!(subjects(sent).await, ["Invitation", "Invitation"]);
    let admin = server.login("admin").await;
    let id = admin.get("/admin/domains").await.json()[0]["id"].as_i64().unwrap();
    let german = json!({"reach": {"language": "de"}});
    admin.send(reqwest::Method::PATCH, &format!("/admin/domains/{id}"), german).await.json();
    let table = [
        (json!(null), ["Geändert", "Geändert"]),
        (json!("en"), ["Changed", "Geändert"]),
        (json!("de"), ["Geändert", "Geändert"]),
    ];
    for (number, (language, expected)) in table.into_iter().enumerate() {
        let own = tester.post("/rtc/updateReachSettings", json!({"language": language})).await.json();
        assert_eq!(own["own"].get("language").cloned().unwrap_or_default(), language);
        change(&server, &caller, &call, json!({"callTitle": format!("Pump {number}")})).await;
        sent += 2;
        assert_eq!(subjects(sent).await, expected, "{language}");
    }
    let text = letters_to(&sink, "gil@example.org", sent).await.pop().unwrap()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("Guten Tag Gil,") && text.contains(" Uhr ("), "{text}");
}
