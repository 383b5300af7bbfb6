//! Hours that come again every week, on the clocks of one place.

/// Minutes of a day.
pub const DAY: u16 = 24 * 60;

/// Days of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Days(u8);

impl Days {
    /// Monday is 0, Sunday 6.
    pub fn of(days: impl IntoIterator<Item = u8>) -> Self {
        Self(days.into_iter().filter(|day| *day < 7).fold(0, |set, day| set | 1 << day))
    }

    pub fn has(self, day: u8) -> bool {
        day < 7 && self.0 >> day & 1 == 1
    }

    pub fn each(self) -> impl Iterator<Item = u8> {
        (0..7).filter(move |day| self.has(*day))
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// From one minute to another of each of these days, the last one excluded; into the next day where the end is not after the
/// beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    pub days: Days,
    pub from: u16,
    pub to: u16,
}

/// What clocks and calendars show somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wall {
    /// Monday is 0.
    pub day: u8,
    /// Since midnight.
    pub minute: u16,
}

impl Span {
    fn holds(self, Wall { day, minute }: Wall) -> bool {
        let yesterday = (day + 6) % 7;
        if self.from < self.to {
            return self.days.has(day) && (self.from..self.to).contains(&minute);
        }
        self.days.has(day) && minute >= self.from || self.days.has(yesterday) && minute < self.to
    }
}

/// Whether one of the spans holds the time.
pub fn hold(spans: &[Span], at: Wall) -> bool {
    spans.iter().any(|span| span.holds(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRIDAY: u8 = 4;

    fn held(span: Span) -> Vec<(u8, u16)> {
        let minutes = (0..7).flat_map(|day| (0..DAY).map(move |minute| (day, minute)));
        minutes.filter(|(day, minute)| hold(&[span], Wall { day: *day, minute: *minute })).collect()
    }

    fn edges(span: Span) -> Vec<(u8, u16)> {
        let all = held(span);
        let next = |(day, minute): (u8, u16)| if minute + 1 == DAY { ((day + 1) % 7, 0) } else { (day, minute + 1) };
        let first = all.iter().filter(|at| !all.iter().any(|other| next(*other) == **at));
        let end = all.iter().map(|at| next(*at)).filter(|at| !all.contains(at));
        first.copied().chain(end).collect()
    }

    #[test]
    fn hours_within_a_day_hold_its_first_minute_and_not_the_last() {
        let office = Span { days: Days::of([0, 2]), from: 8 * 60, to: 17 * 60 };
        assert_eq!(edges(office), [(0, 480), (2, 480), (0, 1_020), (2, 1_020)]);
        assert_eq!(held(office).len(), 2 * 9 * 60);
    }

    #[test]
    fn a_night_ends_on_the_next_day_even_where_the_week_ends() {
        let night = |day| Span { days: Days::of([day]), from: 22 * 60, to: 6 * 60 };
        assert_eq!(edges(night(FRIDAY)), [(FRIDAY, 1_320), (5, 360)]);
        assert_eq!(edges(night(6)), [(6, 1_320), (0, 360)]);
        assert_eq!(held(night(6)).len(), 8 * 60);
    }

    #[test]
    fn from_an_hour_to_itself_is_a_whole_day() {
        let day = Span { days: Days::of([FRIDAY]), from: 0, to: 0 };
        assert_eq!(held(day).len(), usize::from(DAY));
        assert!(held(day).iter().all(|(day, _)| *day == FRIDAY));
        let noon = Span { days: Days::of([FRIDAY]), from: 720, to: 720 };
        assert_eq!((held(noon).len(), edges(noon)), (usize::from(DAY), vec![(FRIDAY, 720), (5, 720)]));
    }

    #[test]
    fn no_days_and_no_spans_hold_nothing() {
        assert!(held(Span { days: Days::of([7, 200]), from: 0, to: 0 }).is_empty());
        assert!(!hold(&[], Wall { day: 0, minute: 0 }));
        assert_eq!(Days::of([6, 0, 0]).each().collect::<Vec<_>>(), [0, 6]);
    }
}
