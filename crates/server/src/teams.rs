//! How teams are rung: what administrators set, read and checked, and what of it holds at a time.

use std::{collections::BTreeSet, time::Duration};

use farhand_domain::{
    hours,
    team::{Strategy, TURN},
    time::Timestamp,
};
use farhand_protocol::{
    ErrorCode, Problem,
    reach::{Rung, WeekHours},
    team::{MemberProfile, TeamRinging, TeamStrategy},
};
use farhand_store::model::Team;
use serde::{Deserialize, Serialize};

use crate::{
    directory::Directory,
    http::{Fail, Outcome},
    planned::zone,
    reach::{check_hours, spans_of},
};

/// Less than this and a pocket is not reached; more and a caller at a machine has given up before the third of a team is rung.
const SECONDS: std::ops::RangeInclusive<u32> = 5..=120;
/// A year's, with room for what is entered ahead.
const MAX_DAYS_OFF: usize = 400;
/// Of a member, and of a request: more than anybody reads.
const MAX_TAGS: usize = 20;
const MAX_WANTED_TAGS: usize = 10;
/// Characters.
const MAX_TAG: usize = 50;
const DATE: &str = "%Y-%m-%d";

/// What is kept of a team beside its name and members.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamSettings {
    pub ringing: TeamRinging,
    pub profiles: Vec<MemberProfile>,
}

impl TeamSettings {
    /// What nobody can read any more is as if it had never been set: a team is rather rung as usual than not at all.
    pub fn of(team: &Team) -> Self {
        let read = |text: &str| {
            serde_json::from_str(text).unwrap_or_else(|error| {
                tracing::error!(team = team.id, %error, "how a team is rung is unreadable");
                Self::default()
            })
        };
        team.settings.as_deref().map(read).unwrap_or_default()
    }

    /// As it is stored; what says nothing is not stored at all.
    pub fn written(&self) -> Option<String> {
        // Texts and numbers: this cannot fail.
        (*self != Self::default()).then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// As it is to be kept: checked, and spelt as it is compared.
    pub fn checked(mut self, members: &[i64]) -> Outcome<Self> {
        check_ringing(&mut self.ringing)?;
        for (index, profile) in self.profiles.iter_mut().enumerate() {
            let at = format!("/profiles/{index}");
            if !members.contains(&profile.user_db_id) {
                return wrong(format!("{at}/userDbId"), "A profile is of a member of the team.");
            }
            profile.tags = check_tags(&profile.tags, MAX_TAGS, &format!("{at}/tags"))?.into_iter().collect();
            if let Some(hours) = &mut profile.hours {
                check_hours(hours, &format!("{at}/hours"))?;
            }
        }
        Ok(self)
    }

    pub fn strategy(&self) -> Strategy {
        match self.ringing.strategy {
            TeamStrategy::All => Strategy::All,
            TeamStrategy::OneAfterAnother => Strategy::OneAfterAnother,
            TeamStrategy::LongestIdle => Strategy::LongestIdle,
        }
    }

    /// How long each is rung before the next.
    pub fn turn(&self) -> Duration {
        self.ringing.seconds.map_or(TURN, |seconds| Duration::from_secs(u64::from(seconds)))
    }

    pub fn tags(&self, user: i64) -> BTreeSet<String> {
        self.profile(user).map(|profile| profile.tags.iter().cloned().collect()).unwrap_or_default()
    }

    /// Whether a member works then. A day off is one from midnight to midnight, whichever day the shift began.
    pub fn is_on_shift(&self, user: i64, at: Timestamp) -> bool {
        let own = self.profile(user).and_then(|profile| profile.hours.as_ref());
        own.or(self.ringing.hours.as_ref()).is_none_or(|hours| self.works(hours, at))
    }

    fn works(&self, WeekHours { time_zone, spans }: &WeekHours, at: Timestamp) -> bool {
        // It was known when it was set.
        let Ok(zone) = zone::find(time_zone) else { return true };
        let off = !self.ringing.days_off.is_empty() && self.ringing.days_off.contains(&zone.written(at, DATE));
        !off && hours::hold(&spans_of(spans), zone.wall(at))
    }

    fn profile(&self, user: i64) -> Option<&MemberProfile> {
        self.profiles.iter().find(|profile| profile.user_db_id == user)
    }
}

fn check_ringing(ringing: &mut TeamRinging) -> Outcome<()> {
    if ringing.seconds.is_some_and(|seconds| !SECONDS.contains(&seconds)) {
        return wrong("/ringing/seconds".into(), "Each is rung for 5 to 120 seconds.");
    }
    if let Some(hours) = &mut ringing.hours {
        check_hours(hours, "/ringing/hours")?;
    }
    if ringing.days_off.len() > MAX_DAYS_OFF {
        return wrong("/ringing/daysOff".into(), "There may be 400 days off at most.");
    }
    let is_date = |text: &String| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    if let Some(index) = ringing.days_off.iter().position(|day| !is_date(day)) {
        return wrong(format!("/ringing/daysOff/{index}"), "A day off reads 2026-12-25.");
    }
    if !ringing.days_off.is_empty() && ringing.hours.is_none() {
        return wrong("/ringing/daysOff".into(), "Days off need hours: they say on the clocks of which place.");
    }
    Ok(())
}

/// Tags that a request asks for.
pub fn wanted_tags(tags: &[String], at: &str) -> Outcome<BTreeSet<String>> {
    check_tags(tags, MAX_WANTED_TAGS, at)
}

fn check_tags(tags: &[String], most: usize, at: &str) -> Outcome<BTreeSet<String>> {
    if tags.len() > most {
        return wrong(at.to_owned(), &format!("There may be {most} tags at most."));
    }
    let spelt = tags.iter().map(|tag| tag.trim().to_lowercase());
    let spelt: Vec<String> = spelt.collect();
    let bad = |tag: &String| tag.is_empty() || tag.chars().count() > MAX_TAG || tag.chars().any(char::is_control);
    match spelt.iter().position(bad) {
        Some(index) => wrong(format!("{at}/{index}"), "A tag is a word or two, up to 50 characters."),
        None => Ok(spelt.into_iter().collect()),
    }
}

/// The team of a ring ladder must be one of the domain.
pub async fn check_rungs(directory: &Directory, domain: i64, rungs: Option<&[Rung]>, at: &str) -> Outcome<()> {
    let Some((index, team)) = rungs.into_iter().flatten().enumerate().find_map(|(i, rung)| Some((i, rung.team?)))
    else {
        return Ok(());
    };
    if directory.teams(domain).await?.iter().any(|known| known.id == team) {
        return Ok(());
    }
    let at = format!("{at}/rungs/{index}/team");
    Err(Problem::new(ErrorCode::UnknownTeam, "There is no such team in your domain.").at(at).into())
}

fn wrong<T>(at: String, detail: &str) -> Outcome<T> {
    Err(Fail::from(Problem::new(ErrorCode::InvalidField, detail).at(at)))
}

#[cfg(test)]
mod tests {
    use farhand_protocol::{
        WireTime,
        reach::{WeekSpan, Weekday},
    };

    use super::*;

    fn week(zone: &str, days: &[Weekday], from: &str, to: &str) -> WeekHours {
        let span = WeekSpan { days: days.to_vec(), from: from.to_owned(), to: to.to_owned() };
        WeekHours { time_zone: zone.to_owned(), spans: vec![span] }
    }

    fn at(text: &str) -> Timestamp {
        serde_json::from_value::<WireTime>(text.into()).unwrap().0
    }

    fn pointer(settings: TeamSettings) -> Option<String> {
        settings.checked(&[8]).err().and_then(|fail| fail.0.pointer.clone())
    }

    #[test]
    fn a_shift_is_by_the_clocks_of_its_place_and_no_day_off() {
        let hours = week("Europe/Berlin", &Weekday::ALL[..5], "08:00", "17:00");
        let days_off = vec!["2026-12-25".to_owned()];
        let ringing = TeamRinging { hours: Some(hours), days_off, ..TeamRinging::default() };
        let night = week("Europe/Berlin", &Weekday::ALL, "22:00", "06:00");
        let own = MemberProfile { user_db_id: 8, hours: Some(night), ..MemberProfile::default() };
        let team = TeamSettings { ringing, profiles: vec![own] };
        let table = [
            // Thursday, then a Friday that is a holiday, then Saturday.
            ("2026-12-24T07:00:00.000Z", true, false),
            ("2026-12-24T06:59:00.000Z", false, false),
            ("2026-12-24T22:30:00.000Z", false, true),
            ("2026-12-24T23:30:00.000Z", false, false),
            ("2026-12-25T10:00:00.000Z", false, false),
            ("2026-12-26T04:00:00.000Z", false, true),
            // Summer time.
            ("2026-07-20T06:00:00.000Z", true, false),
        ];
        for (time, day, night) in table {
            assert_eq!((team.is_on_shift(7, at(time)), team.is_on_shift(8, at(time))), (day, night), "{time}");
        }
        assert!(TeamSettings::default().is_on_shift(7, at("2026-12-25T10:00:00.000Z")), "no hours are all hours");
    }

    #[test]
    fn what_cannot_be_is_refused_where_it_stands() {
        let hours = || Some(week("Europe/Berlin", &Weekday::ALL, "08:00", "17:00"));
        let ringing = |ringing| TeamSettings { ringing, ..TeamSettings::default() };
        let off = |days: &[&str], hours| TeamRinging {
            days_off: days.iter().map(|day| (*day).to_owned()).collect(),
            hours,
            ..TeamRinging::default()
        };
        let profile = |profile| TeamSettings { profiles: vec![profile], ..TeamSettings::default() };
        let tagged = |tag: &str| MemberProfile { user_db_id: 8, tags: vec![tag.to_owned()], hours: None };
        let table = [
            (ringing(TeamRinging { seconds: Some(4), ..TeamRinging::default() }), "/ringing/seconds"),
            (ringing(TeamRinging { seconds: Some(121), ..TeamRinging::default() }), "/ringing/seconds"),
            (ringing(off(&["2026-12-25"], None)), "/ringing/daysOff"),
            (ringing(off(&["2026-12-25", "2026-02-30"], hours())), "/ringing/daysOff/1"),
            (ringing(off(&["25.12.2026"], hours())), "/ringing/daysOff/0"),
            (
                ringing(TeamRinging { hours: Some(week("Mars/Base", &[], "", "")), ..TeamRinging::default() }),
                "/ringing/hours/timeZone",
            ),
            (profile(MemberProfile { user_db_id: 9, ..MemberProfile::default() }), "/profiles/0/userDbId"),
            (profile(tagged("  ")), "/profiles/0/tags/0"),
            (profile(tagged(&"x".repeat(51))), "/profiles/0/tags/0"),
        ];
        for (settings, at) in table {
            assert_eq!(pointer(settings.clone()).as_deref(), Some(at), "{settings:?}");
        }
        let kept = profile(tagged(" Hydraulics ")).checked(&[8]).unwrap();
        assert_eq!(kept.tags(8), BTreeSet::from(["hydraulics".to_owned()]));
        assert_eq!((TeamSettings::default().written(), kept.written().is_some()), (None, true));
    }
}
