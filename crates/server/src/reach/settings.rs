//! Settings as they come in: checked, and turned into what the domain works with.

use std::time::Duration;

use farhand_domain::{
    hours::{DAY, Days, Span},
    ids::TeamId,
    reach::{Medium, Rung, Target},
};
use farhand_protocol::{
    ErrorCode, Problem,
    reach::{self as wire, DomainReach, ReachSettings, RungAddress, RungChannel, WeekHours, WeekSpan, Weekday},
};

use crate::{http::Outcome, notify::is_spoken, planned::zone};

/// The longest ring, and so the latest message that anybody could still answer.
const LATEST: u32 = 600;
/// An end only.
const END_OF_DAY: &str = "24:00";
/// Three for each day of the week.
const MAX_SPANS: usize = 21;

/// What a user has set, as it is to be kept.
pub fn check_settings(mut settings: ReachSettings, at: &str) -> Outcome<ReachSettings> {
    if let Some(rungs) = &settings.rungs {
        check_rungs(rungs, at)?;
    }
    if let Some(hours) = &mut settings.quiet_hours {
        check_hours(hours, &format!("{at}/quietHours"))?;
    }
    check_language(settings.language.as_deref(), at)?;
    Ok(settings)
}

pub fn check_domain(settings: DomainReach, at: &str) -> Outcome<DomainReach> {
    if let Some(rungs) = &settings.rungs {
        check_rungs(rungs, at)?;
    }
    check_language(settings.language.as_deref(), at)?;
    Ok(settings)
}

fn check_language(language: Option<&str>, at: &str) -> Outcome<()> {
    if language.is_none_or(is_spoken) {
        return Ok(());
    }
    wrong(format!("{at}/language"), "Letters and text messages are written in en and de.")
}

fn check_rungs(rungs: &[wire::Rung], at: &str) -> Outcome<()> {
    for (index, rung) in rungs.iter().enumerate() {
        let at = format!("{at}/rungs/{index}");
        let Some(target) = step(*rung) else {
            let detail = "sms and email need an address, stored or request; team needs a team's id; push has neither.";
            return wrong(at, detail);
        };
        if rung.after_seconds > LATEST {
            return wrong(format!("{at}/afterSeconds"), "Nobody rings for more than 600 seconds.");
        }
        if rungs[..index].iter().any(|earlier| step(*earlier) == Some(target)) {
            return wrong(at, "The same message, or a team, stands above already.");
        }
    }
    Ok(())
}

/// Spells the zone as everybody does.
pub fn check_hours(hours: &mut WeekHours, at: &str) -> Outcome<()> {
    let known = zone::find(&hours.time_zone).map_err(|problem| problem.at(format!("{at}/timeZone")))?;
    hours.time_zone = known.name;
    if hours.spans.len() > MAX_SPANS {
        return wrong(format!("{at}/spans"), "There may be 21 spans at most.");
    }
    for (index, hours) in hours.spans.iter().enumerate() {
        if span(hours).is_none() {
            return wrong(
                format!("{at}/spans/{index}"),
                "A span has one day at least, and goes from one time to another, such as 22:00 to 06:00.",
            );
        }
    }
    Ok(())
}

fn wrong(at: String, detail: &str) -> Outcome<()> {
    Err(Problem::new(ErrorCode::InvalidField, detail).at(at).into())
}

/// What a rung does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Message(Target),
    /// There is one at most: more than one team would be too many people for one who does not answer.
    Team,
}

fn step(rung: wire::Rung) -> Option<Step> {
    if rung.channel == RungChannel::Team {
        return (rung.address.is_none() && rung.team.is_some()).then_some(Step::Team);
    }
    target(rung).filter(|_| rung.team.is_none()).map(Step::Message)
}

/// The team behind somebody, and how long after the ring has begun it is asked.
pub fn team_of(rungs: &[wire::Rung]) -> Option<(TeamId, Duration)> {
    let rung = rungs.iter().find(|rung| rung.channel == RungChannel::Team)?;
    Some((TeamId(rung.team?), Duration::from_secs(u64::from(rung.after_seconds))))
}

fn target(rung: wire::Rung) -> Option<Target> {
    let medium = match rung.channel {
        RungChannel::Team => return None,
        RungChannel::Push => return rung.address.is_none().then_some(Target::Browsers),
        RungChannel::Sms => Medium::Sms,
        RungChannel::Email => Medium::Email,
    };
    match rung.address? {
        RungAddress::Request => Some(Target::Request(medium)),
        RungAddress::Stored => Some(Target::Stored(medium)),
    }
}

/// Of rungs that were checked.
pub fn rungs_of(rungs: &[wire::Rung]) -> Vec<Rung> {
    let rung = |rung: &wire::Rung| {
        Some(Rung { target: target(*rung)?, after: Duration::from_secs(u64::from(rung.after_seconds)) })
    };
    rungs.iter().filter_map(rung).collect()
}

pub fn wire_rungs(rungs: &[Rung]) -> Vec<wire::Rung> {
    let channel = |medium| match medium {
        Medium::Email => RungChannel::Email,
        Medium::Sms => RungChannel::Sms,
    };
    let rung = |rung: &Rung| {
        let (channel, address) = match rung.target {
            Target::Browsers => (RungChannel::Push, None),
            Target::Request(medium) => (channel(medium), Some(RungAddress::Request)),
            Target::Stored(medium) => (channel(medium), Some(RungAddress::Stored)),
        };
        let after_seconds = u32::try_from(rung.after.as_secs()).unwrap_or(LATEST);
        wire::Rung { channel, address, team: None, after_seconds }
    };
    rungs.iter().map(rung).collect()
}

/// Of hours that were checked.
pub fn spans_of(spans: &[WeekSpan]) -> Vec<Span> {
    spans.iter().filter_map(span).collect()
}

fn span(hours: &WeekSpan) -> Option<Span> {
    let days = (0..).zip(Weekday::ALL).filter(|(_, day)| hours.days.contains(day)).map(|(number, _)| number);
    let days = Days::of(days);
    let from = minute(&hours.from).filter(|_| hours.from != END_OF_DAY)?;
    let span = Span { days, from, to: minute(&hours.to)? };
    (!days.is_empty()).then_some(span)
}

/// `22:00`.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5)?;
    let digits = hour.bytes().chain(minute.bytes()).all(|byte| byte.is_ascii_digit());
    let (hour, minute) = digits.then(|| Some((hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?)))??;
    let all = hour * 60 + minute;
    (minute < 60 && all <= DAY).then_some(all % DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(channel: RungChannel, address: Option<RungAddress>, after_seconds: u32) -> wire::Rung {
        wire::Rung { channel, address, team: None, after_seconds }
    }

    fn pointer<T>(outcome: Outcome<T>) -> Option<String> {
        outcome.err().and_then(|fail| fail.0.pointer.clone())
    }

    #[test]
    fn the_usual_rungs_come_back_as_they_were() {
        let usual = farhand_domain::reach::usual();
        let shown = wire_rungs(&usual);
        assert_eq!(rungs_of(&shown), usual);
        assert_eq!(pointer(check_settings(ReachSettings { rungs: Some(shown), ..Default::default() }, "")), None);
    }

    #[test]
    fn a_rung_that_means_nothing_is_refused_where_it_stands() {
        let good = rung(RungChannel::Push, None, 0);
        let table = [
            (rung(RungChannel::Sms, None, 0), "/reach/rungs/1"),
            (rung(RungChannel::Push, Some(RungAddress::Stored), 0), "/reach/rungs/1"),
            (rung(RungChannel::Push, None, 5), "/reach/rungs/1"),
            (rung(RungChannel::Email, Some(RungAddress::Stored), 601), "/reach/rungs/1/afterSeconds"),
            (rung(RungChannel::Team, None, 30), "/reach/rungs/1"),
            (wire::Rung { team: Some(7), ..rung(RungChannel::Sms, Some(RungAddress::Stored), 0) }, "/reach/rungs/1"),
            (wire::Rung { team: Some(7), ..rung(RungChannel::Team, Some(RungAddress::Stored), 0) }, "/reach/rungs/1"),
        ];
        for (bad, at) in table {
            let settings = ReachSettings { rungs: Some(vec![good, bad]), ..Default::default() };
            assert_eq!(pointer(check_settings(settings, "/reach")).as_deref(), Some(at), "{bad:?}");
            let settings = DomainReach { rungs: Some(vec![good, bad]), ..Default::default() };
            assert_eq!(pointer(check_domain(settings, "/reach")).as_deref(), Some(at), "{bad:?}");
        }
    }

    #[test]
    fn a_team_stands_behind_somebody_once_and_sends_no_message() {
        let team = |team| wire::Rung { team: Some(team), ..rung(RungChannel::Team, None, 30) };
        let rungs = [rung(RungChannel::Push, None, 0), team(7)];
        assert_eq!(team_of(&rungs), Some((TeamId(7), Duration::from_secs(30))));
        assert_eq!(team_of(&rungs[..1]), None);
        assert_eq!(rungs_of(&rungs).len(), 1);
        let twice = ReachSettings { rungs: Some(vec![team(7), team(8)]), ..Default::default() };
        assert_eq!(pointer(check_settings(twice, "")).as_deref(), Some("/rungs/1"));
    }

    #[test]
    fn only_languages_that_are_spoken_can_be_set() {
        for (language, at) in [("de", None), ("en", None), ("xx", Some("/language")), ("", Some("/language"))] {
            let (language, at) = (Some(language.to_owned()), at.map(str::to_owned));
            let settings = ReachSettings { language: language.clone(), ..Default::default() };
            assert_eq!(pointer(check_settings(settings, "")), at, "{language:?}");
            assert_eq!(pointer(check_domain(DomainReach { language, ..Default::default() }, "")), at);
        }
    }

    fn hours(zone: &str, days: &[Weekday], from: &str, to: &str) -> Outcome<ReachSettings> {
        let span = WeekSpan { days: days.to_vec(), from: from.to_owned(), to: to.to_owned() };
        let hours = WeekHours { time_zone: zone.to_owned(), spans: vec![span] };
        check_settings(ReachSettings { quiet_hours: Some(hours), ..Default::default() }, "")
    }

    #[test]
    fn hours_need_days_times_and_a_place() {
        let week = &Weekday::ALL[..];
        let kept = hours("europe/berlin", week, "22:00", "24:00").unwrap().quiet_hours.unwrap();
        assert_eq!(kept.time_zone, "Europe/Berlin");
        assert_eq!(spans_of(&kept.spans), [Span { days: Days::of(0..7), from: 1_320, to: 0 }]);
        for (from, to) in [
            ("24:00", "06:00"),
            ("22:60", "06:00"),
            ("24:01", "06:00"),
            ("9:00", "10:00"),
            ("+9:00", "10:00"),
            ("22", "06:00"),
            ("", ""),
        ] {
            assert_eq!(pointer(hours("UTC", week, from, to)).as_deref(), Some("/quietHours/spans/0"), "{from} {to}");
        }
        assert_eq!(pointer(hours("UTC", &[], "22:00", "06:00")).as_deref(), Some("/quietHours/spans/0"));
        assert_eq!(pointer(hours("Europe/Nowhere", week, "22:00", "06:00")).as_deref(), Some("/quietHours/timeZone"));
        let many = WeekHours { time_zone: "UTC".to_owned(), spans: vec![kept.spans[0].clone(); 22] };
        let many = check_settings(ReachSettings { quiet_hours: Some(many), ..Default::default() }, "");
        assert_eq!(pointer(many).as_deref(), Some("/quietHours/spans"));
    }
}
