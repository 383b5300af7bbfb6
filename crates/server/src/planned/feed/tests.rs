use farhand_domain::time::Timestamp;
use farhand_store::model::{Budget, Contact, HistoryRow, Invitation};
use uuid::Uuid;

use super::*;

const HOUR: i64 = 3_600_000;

fn at(hours: i64) -> Timestamp {
    // 2027-01-15T08:00:00Z
    Timestamp::from_millis(1_800_000_000_000 + hours * HOUR)
}

fn contact(id: i64, name: &str) -> Contact {
    Contact {
        id,
        domain_id: 1,
        domain: "acme".to_owned(),
        user_id: Some(id),
        login: None,
        display_name: name.to_owned(),
    }
}

fn planned(title: &str) -> CallRecord {
    let bob = contact(2, "Bob");
    CallRecord {
        id: 1,
        call_id: Uuid::from_u128(7),
        domain_id: 1,
        title: title.to_owned(),
        reason: "STANDARD".to_owned(),
        call_type: "SFU".to_owned(),
        status: "Planned".to_owned(),
        join_anonymous: false,
        inform_directly: true,
        creator_user: None,
        budget: Budget::default(),
        creator: contact(1, "Ada"),
        maker: contact(1, "Ada"),
        invited: vec![Invitation::of(bob)],
        teams: Vec::new(),
        planned_at: Some(at(24)),
        planned_zone: Some("Europe/Berlin".to_owned()),
        calendar_sequence: 3,
        stored_addresses: false,
        created_at: at(0),
        started_at: None,
        ended_at: None,
        events: Vec::new(),
        history: Vec::new(),
        statistics: Vec::new(),
        deliveries: Vec::new(),
        guest_links: Vec::new(),
        link: None,
        origin: None,
    }
}

fn calendar(of: i64, calls: &[CallRecord]) -> String {
    let open = Duration::from_hours(1);
    Feed { host: "calls.example.org", public_url: Some("https://calls.example.org/"), open }.calendar(of, calls)
}

/// The content lines, unfolded.
fn lines(calendar: &str) -> Vec<String> {
    assert!(calendar.ends_with("\r\n"), "{calendar:?}");
    assert!(!calendar.replace("\r\n", "").contains(['\r', '\n']), "a line break of its own: {calendar:?}");
    assert!(calendar.split("\r\n").all(|line| line.len() <= 75), "a line is too long: {calendar}");
    calendar.replace("\r\n ", "").split_terminator("\r\n").map(str::to_owned).collect()
}

fn user(id: i64, generation: i64) -> User {
    User {
        id,
        domain_id: 1,
        domain: "acme".to_owned(),
        login: "ada".to_owned(),
        display_name: "Ada".to_owned(),
        email: None,
        phone: None,
        password_hash: None,
        roles: Vec::new(),
        operator: false,
        disabled: false,
        budget: Budget::default(),
        calendar_generation: generation,
        reach: None,
    }
}

#[test]
fn an_entry_says_what_when_with_whom_and_in_which_version() {
    let wanted = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Farhand//Farhand//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "X-WR-CALNAME:Farhand",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        "X-PUBLISHED-TTL:PT15M",
        "BEGIN:VEVENT",
        "DESCRIPTION:Bob",
        "DTEND:20270116T090000Z",
        "DTSTAMP:20270115T080000Z",
        "DTSTART:20270116T080000Z",
        "SEQUENCE:3",
        "STATUS:CONFIRMED",
        "SUMMARY:Pump 7",
        "UID:00000000-0000-0000-0000-000000000007@calls.example.org",
        "URL:https://calls.example.org/call/00000000-0000-0000-0000-000000000007",
        "END:VEVENT",
        "END:VCALENDAR",
    ];
    assert_eq!(lines(&calendar(1, &[planned("Pump 7")])), wanted);
    assert!(calendar(2, &[planned("Pump 7")]).contains("DESCRIPTION:Ada\r\n"));
}

#[test]
fn what_was_called_off_is_cancelled_and_what_took_place_has_its_length() {
    let cancelled = CallRecord { ended_at: Some(at(1)), ..planned("Off") };
    assert!(calendar(1, &[cancelled]).contains("STATUS:CANCELLED"));
    let held = CallRecord { started_at: Some(at(24)), ended_at: Some(at(27)), ..planned("Held") };
    let held = calendar(1, &[held]);
    assert!(held.contains("STATUS:CONFIRMED") && held.contains("DTEND:20270116T110000Z"), "{held}");
    // Held before its time: the entry stays where it was planned.
    let early = CallRecord { started_at: Some(at(1)), ended_at: Some(at(2)), ..planned("Early") };
    assert!(calendar(1, &[early]).contains("DTEND:20270116T090000Z"));
    let changed = HistoryRow {
        seq: 1,
        kind: "Updated".to_owned(),
        contact_id: None,
        channel: None,
        state: None,
        reason: None,
        at: at(5),
    };
    let moved = CallRecord { history: vec![changed], ..planned("Moved") };
    assert!(calendar(1, &[moved]).contains("DTSTAMP:20270115T130000Z"));
}

#[test]
fn what_people_wrote_stays_a_text_on_its_line() {
    let nasty = [
        "a\r\nBEGIN:VEVENT\r\nUID:x",
        "a\nDTSTART:20000101T000000Z",
        "semi;colon, comma\\ \"quote\"",
        "a\u{85}b\u{2028}c\u{2029}d\u{7}e\tf",
        "END:VCALENDAR",
    ];
    let long = [
        "ä".repeat(200),
        "🔧".repeat(200),
        "a ".repeat(100),
        " ".repeat(200),
        format!("x{}", "👩‍🔧 ".repeat(40)),
        "\\".repeat(200),
        ",".repeat(200),
    ];
    let titles = nasty.iter().map(|text| (*text).to_owned()).chain(long);
    for title in titles {
        let mut call = planned(&title);
        call.invited[0].display_name.clone_from(&title);
        let lines = lines(&calendar(1, &[call]));
        let names: Vec<_> = lines.iter().map(|line| line.split([':', ';']).next().unwrap()).collect();
        let usual: Vec<String> = self::lines(&calendar(1, &[planned("Pump 7")]));
        let usual: Vec<_> = usual.iter().map(|line| line.split([':', ';']).next().unwrap()).collect();
        assert_eq!(names, usual, "{title:?}");
        let summary = lines.iter().find_map(|line| line.strip_prefix("SUMMARY:")).unwrap();
        assert_eq!(unescaped(summary), one_line(&title), "{title:?}");
    }
}

/// As RFC 5545 has texts read.
fn unescaped(text: &str) -> String {
    let mut read = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        read.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    read
}

#[test]
fn a_link_names_one_user_in_one_generation_and_cannot_be_made_up() {
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys::open(directory.path()).unwrap();
    let path = path(&keys, &user(7, 2));
    let link = path.strip_prefix(CALENDAR).unwrap();
    assert_eq!(read(&keys, link), Some((7, 2)));
    let proof = link.strip_prefix("7.2.").unwrap();
    for wrong in [
        "",
        ".ics",
        "7.2.ics",
        "7.2..ics",
        "x.y.z.ics",
        &format!("8.2.{proof}"),
        &format!("7.3.{proof}"),
        &format!("07.2.{proof}"),
        &link.replace(".ics", ""),
        &format!("7.2.0.{proof}"),
    ] {
        assert_eq!(read(&keys, wrong), None, "{wrong}");
    }
}
