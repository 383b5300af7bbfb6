//! Who of a team is rung when it is invited, and in which order.

use std::{collections::BTreeSet, time::Duration};

use crate::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Strategy {
    /// All at once.
    #[default]
    All,
    /// In the order of the members.
    OneAfterAnother,
    /// Whoever has not been in a call for the longest time first.
    LongestIdle,
}

/// How long each has before the next is rung: long enough to reach for the device, short enough for a caller who waits in front of a
/// machine.
pub const TURN: Duration = Duration::from_secs(20);

/// A member, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    pub on_shift: bool,
    /// Skills and languages.
    pub tags: BTreeSet<String>,
    /// In a call now.
    pub busy: bool,
    /// When the member last sat down in a call or left one.
    pub last_call: Option<Timestamp>,
}

/// Why nobody of a team is rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nobody {
    AtAll,
    OnShift,
    WithTags,
}

/// The places of those who are rung, in their order. Whoever is in a call comes after those who are not.
pub fn choose(
    strategy: Strategy,
    only_on_shift: bool,
    wanted: &BTreeSet<String>,
    members: &[Member],
) -> Result<Vec<usize>, Nobody> {
    let on_shift = |index: &usize| !only_on_shift || members[*index].on_shift;
    let fits = |index: &usize| wanted.is_subset(&members[*index].tags);
    if members.is_empty() {
        return Err(Nobody::AtAll);
    }
    let mut chosen: Vec<usize> = (0..members.len()).filter(on_shift).collect();
    if chosen.is_empty() {
        return Err(Nobody::OnShift);
    }
    chosen.retain(fits);
    if chosen.is_empty() {
        return Err(Nobody::WithTags);
    }
    // Sorting keeps the order of equals.
    match strategy {
        Strategy::All => {}
        Strategy::OneAfterAnother => chosen.sort_by_key(|index| members[*index].busy),
        Strategy::LongestIdle => chosen.sort_by_key(|index| (members[*index].busy, members[*index].last_call)),
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(last_call: i64) -> Member {
        let last_call = (last_call > 0).then(|| Timestamp::from_millis(last_call));
        Member { on_shift: true, last_call, ..Member::default() }
    }

    fn tags(tags: &[&str]) -> BTreeSet<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    fn chosen(strategy: Strategy, members: &[Member]) -> Vec<usize> {
        choose(strategy, true, &tags(&[]), members).unwrap_or_default()
    }

    #[test]
    fn whoever_was_never_in_a_call_comes_first_and_ties_go_by_the_order_of_members() {
        let members = [member(30), member(10), member(0), member(10), member(0)];
        assert_eq!(chosen(Strategy::LongestIdle, &members), [2, 4, 1, 3, 0]);
        assert_eq!(chosen(Strategy::OneAfterAnother, &members), [0, 1, 2, 3, 4]);
        assert_eq!(chosen(Strategy::All, &members), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn whoever_is_in_a_call_comes_after_the_others() {
        let members = [Member { busy: true, ..member(0) }, member(9), Member { busy: true, ..member(5) }, member(7)];
        assert_eq!(chosen(Strategy::OneAfterAnother, &members), [1, 3, 0, 2]);
        assert_eq!(chosen(Strategy::LongestIdle, &members), [3, 1, 0, 2]);
        assert_eq!(chosen(Strategy::All, &members), [0, 1, 2, 3], "all at once needs no order");
    }

    #[test]
    fn shift_and_tags_narrow_the_team_and_say_who_was_missing() {
        let off = Member { on_shift: false, tags: tags(&["german", "pumps"]), ..member(0) };
        let on = Member { tags: tags(&["german"]), ..member(0) };
        let members = [off, on];
        let all = Strategy::All;
        assert_eq!(choose(all, true, &tags(&[]), &members), Ok(vec![1]));
        assert_eq!(choose(all, false, &tags(&[]), &members), Ok(vec![0, 1]));
        assert_eq!(choose(all, true, &tags(&["german"]), &members), Ok(vec![1]));
        assert_eq!(choose(all, false, &tags(&["german", "pumps"]), &members), Ok(vec![0]));
        assert_eq!(choose(all, true, &tags(&["pumps"]), &members), Err(Nobody::WithTags));
        assert_eq!(choose(all, true, &tags(&[]), &members[..1]), Err(Nobody::OnShift));
        assert_eq!(choose(all, true, &tags(&[]), &[]), Err(Nobody::AtAll));
    }
}
