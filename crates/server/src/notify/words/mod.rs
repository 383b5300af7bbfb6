//! What letters and text messages say: one table for each language.

mod english;
mod german;

use super::{
    facts::{Facts, PlanFacts},
    kind::Kind,
    mail::one_line,
};
use crate::planned::zone;

/// The first is for whoever has set none, or one that is not here.
const ALL: [&Table; 2] = [&english::TABLE, &german::TABLE];

/// In texts `{from}` stands for who calls, `{to}` for who is called, `{title}` and `{when}` for the call's.
pub struct Table {
    /// Its tag (BCP 47).
    pub language: &'static str,
    pub hello: &'static str,
    pub ring: Texts,
    pub planned: Texts,
    pub moved: Texts,
    pub cancelled: Texts,
    pub reminder: Texts,
    pub call_back: Texts,
    pub begins: &'static str,
    pub was_to_begin: &'static str,
    /// Above the link, where a letter has no button.
    pub join: &'static str,
    pub button: &'static str,
    /// Below the button, which not every program shows.
    pub or_open: &'static str,
    pub unexpected: &'static str,
    /// To whoever joins by the link alone.
    pub personal: &'static str,
    /// From Monday on.
    pub days: [&'static str; 7],
    pub months: [&'static str; 12],
    /// Of `{weekday}`, `{day}`, `{month}`, `{year}`, `{time}` and `{zone}`.
    pub when: &'static str,
}

pub struct Texts {
    pub subject: &'static str,
    /// What has happened. The title follows.
    pub lead: &'static str,
}

/// The table of the language that is nearest to a tag (BCP 47).
pub fn table(language: Option<&str>) -> &'static Table {
    language.and_then(near).unwrap_or(ALL[0])
}

fn near(tag: &str) -> Option<&'static Table> {
    let main = tag.split(['-', '_']).next().unwrap_or_default();
    ALL.into_iter().find(|table| table.language.eq_ignore_ascii_case(main))
}

/// Whether there are texts in a language.
pub fn is_spoken(language: &str) -> bool {
    ALL.into_iter().any(|table| table.language == language)
}

/// Whether there are texts that whoever wants this language (BCP 47) can read.
pub fn is_read(tag: &str) -> bool {
    near(tag).is_some()
}

/// What people wrote and when it is, each in one line, ready to be put into texts.
pub struct Words {
    pub from: String,
    pub to: String,
    pub title: String,
    /// There if it is to be told when the call begins.
    pub when: Option<String>,
}

impl Words {
    pub fn of(facts: &Facts, table: &Table) -> Self {
        Self {
            from: one_line(&facts.from),
            to: one_line(&facts.to),
            title: one_line(&facts.title),
            when: facts.plan.as_ref().map(|plan| table.written(plan)),
        }
    }

    pub fn fill(&self, text: &str) -> String {
        let when = self.when.as_deref().unwrap_or_default();
        fill(text, &[("from", &self.from), ("to", &self.to), ("title", &self.title), ("when", when)])
    }
}

impl Table {
    pub fn texts(&self, kind: Kind, planned: bool) -> &Texts {
        match kind {
            Kind::Again if planned => &self.planned,
            // Only browsers are told of an end, and they have words of their own.
            Kind::Ring | Kind::Again | Kind::RingEnd => &self.ring,
            Kind::Planned => &self.planned,
            Kind::Moved => &self.moved,
            Kind::Cancelled => &self.cancelled,
            Kind::Reminder => &self.reminder,
            Kind::CallBack => &self.call_back,
        }
    }

    /// The line that says when.
    pub fn time(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Cancelled => self.was_to_begin,
            Kind::Ring
            | Kind::Again
            | Kind::Planned
            | Kind::Moved
            | Kind::Reminder
            | Kind::RingEnd
            | Kind::CallBack => self.begins,
        }
    }

    /// On the clocks of the place where it was planned; where the reader is, is not known.
    fn written(&self, plan: &PlanFacts) -> String {
        let named = plan.zone.as_deref().and_then(|name| zone::find(name).ok());
        let zone = named.or_else(|| zone::find("UTC").ok());
        let part = |format: &str| zone.as_ref().map(|zone| zone.written(plan.starts(), format)).unwrap_or_default();
        let name = |names: &[&'static str], number: &str| {
            let index = part(number).parse::<usize>().unwrap_or(1).saturating_sub(1);
            names.get(index).copied().unwrap_or_default()
        };
        let place = zone.as_ref().map(|zone| zone.name.as_str()).unwrap_or_default();
        let values = [
            ("weekday", name(&self.days, "%u")),
            ("day", &part("%-d")),
            ("month", name(&self.months, "%-m")),
            ("year", &part("%Y")),
            ("time", &part("%H:%M")),
            ("zone", place),
        ];
        fill(self.when, &values)
    }
}

/// A text with values in the places of their names. What stands in a value is never taken for a name.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        filled.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(zone: Option<&str>) -> PlanFacts {
        // 2027-03-29T07:30:00Z, a Monday.
        PlanFacts { from: 1_806_305_400_000, until: 0, zone: zone.map(str::to_owned), sequence: 0 }
    }

    #[test]
    fn a_time_is_told_on_the_clocks_of_its_place_and_in_the_readers_language() {
        let written = |language, zone| table(Some(language)).written(&plan(zone));
        assert_eq!(written("en", Some("Europe/Berlin")), "Monday 29 March 2027, 09:30 (Europe/Berlin)");
        assert_eq!(written("de", Some("Europe/Berlin")), "Montag, 29. März 2027, 09:30 Uhr (Europe/Berlin)");
        assert_eq!(written("en", None), "Monday 29 March 2027, 07:30 (UTC)");
        assert_eq!(written("en", Some("Europe/Nowhere")), "Monday 29 March 2027, 07:30 (UTC)");
    }

    #[test]
    fn a_language_is_found_by_its_tag_and_any_other_is_english() {
        let found = |tag| table(tag).language;
        for (tag, language) in
            [("de", "de"), ("de-AT", "de"), ("DE_ch", "de"), ("en-GB", "en"), ("fr", "en"), ("", "en")]
        {
            assert_eq!(found(Some(tag)), language, "{tag}");
        }
        assert_eq!(found(None), "en");
    }

    #[test]
    fn what_people_wrote_is_never_taken_for_the_name_of_something() {
        let said = Words { from: "{title}".to_owned(), to: "{to}".to_owned(), title: "{".to_owned(), when: None };
        assert_eq!(said.fill("{from} {to} {title}{when}!"), "{title} {to} {!");
    }

    #[test]
    fn every_text_names_only_what_there_is() {
        let said = Words { from: "F".into(), to: "T".into(), title: "C".into(), when: Some("W".into()) };
        for table in ALL {
            assert!(is_spoken(table.language));
            for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::RingEnd) {
                let texts = table.texts(kind, true);
                let time = said.fill(table.time(kind));
                assert!(time.contains('W'), "{} {kind:?}", table.language);
                let (subject, lead) = (said.fill(texts.subject), said.fill(texts.lead));
                assert!(subject.contains('C') && lead.contains('F'), "{} {kind:?}: {subject}; {lead}", table.language);
                let timeless = matches!(kind, Kind::Ring | Kind::CallBack);
                assert_eq!(texts.subject.contains("{when}"), !timeless, "{} {kind:?}", table.language);
            }
        }
    }
}
