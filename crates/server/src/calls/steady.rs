//! What clients may say as often as they like, and what is acted upon at a steady pace: of what is said in between the newest counts.

use std::{collections::HashMap, hash::Hash, time::Duration};

use farhand_domain::time::Timestamp;

use super::pace::Pace;

/// A person does not switch a microphone, or change a layout, more often for long.
const INTERVAL: Duration = Duration::from_millis(250);
const BURST: u32 = 10;

pub struct Steady<K, V> {
    paces: HashMap<K, Pace>,
    waiting: HashMap<K, V>,
    due: Option<Timestamp>,
}

impl<K, V> Default for Steady<K, V> {
    fn default() -> Self {
        Self { paces: HashMap::new(), waiting: HashMap::new(), due: None }
    }
}

impl<K: Copy + Eq + Hash, V> Steady<K, V> {
    /// Gives it back if it is to be acted upon at once; else it waits for [`Self::take_due`].
    pub fn said(&mut self, now: Timestamp, key: K, value: V) -> Option<V> {
        let pace = self.paces.entry(key).or_insert_with(|| Pace::new(now));
        if !self.waiting.contains_key(&key) && pace.allows(now, INTERVAL, BURST) {
            return Some(value);
        }
        self.waiting.insert(key, value);
        self.due.get_or_insert(now + INTERVAL);
        None
    }

    /// When something that waits is due.
    pub fn due(&self) -> Option<Timestamp> {
        self.due
    }

    pub fn take_due(&mut self, now: Timestamp) -> Vec<(K, V)> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.due = None;
        self.waiting.drain().collect()
    }

    /// Forgets all but these.
    pub fn retain(&mut self, stays: impl Fn(K) -> bool) {
        self.paces.retain(|key, _| stays(*key));
        self.waiting.retain(|key, _| stays(*key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000) + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_burst_is_acted_upon_at_once_and_of_the_rest_the_newest() {
        let mut steady = Steady::default();
        let at_once: Vec<_> = (0..100).filter_map(|n| steady.said(at(0), "ann", n)).collect();
        assert_eq!(at_once, (0..10).collect::<Vec<_>>());
        assert_eq!(steady.said(at(0), "bob", 1), Some(1), "others have their own");
        assert_eq!(steady.take_due(at(249)), []);
        assert_eq!(steady.due(), Some(at(250)));
        assert_eq!(steady.take_due(at(250)), [("ann", 99)]);
        assert_eq!((steady.due(), steady.take_due(at(1_000))), (None, Vec::new()));
        assert_eq!(steady.said(at(60_000), "ann", 7), Some(7));
    }

    #[test]
    fn nothing_older_overtakes_what_waits_and_nothing_is_kept_of_who_is_gone() {
        let mut steady = Steady::default();
        for n in 0..20 {
            steady.said(at(0), "ann", n);
        }
        assert_eq!(steady.said(at(60_000), "ann", 20), None, "one waits: this takes its place");
        steady.retain(|who| who != "ann");
        assert_eq!(steady.take_due(at(60_000)), []);
        assert!(steady.paces.is_empty());
    }
}
