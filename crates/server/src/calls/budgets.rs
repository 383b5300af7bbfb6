//! What each person's media may take in this call, and how much they have taken. What is counted is kept in memory only: a restart of
//! the server counts anew, but from what the call's history says was used up.

use std::collections::HashMap;

use farhand_domain::ids::ContactId;
use farhand_protocol::frame::{Rung, SendLimit, Shortage, ShortageReason};
use farhand_sfu::Limits;
use farhand_store::model::{Budget, HistoryRow};

/// In the call's history.
pub const USED_UP: &str = "BudgetUsedUp";
const MEGABYTE: u64 = 1_000_000;

/// What somebody sees whose budget is used up.
const SOUND_ONLY: Shortage = Shortage { rung: Rung::Audio, reason: ShortageReason::Budget };

/// Of a call and of the directory. What somebody may use follows from what stands in these two.
pub type Versions = (i64, i64);

#[derive(Debug, Default)]
pub struct Budgets {
    of: HashMap<ContactId, Account>,
    followed: Option<Versions>,
}

#[derive(Debug)]
struct Account {
    budget: Budget,
    used: u64,
    used_up: bool,
}

/// Of several the smallest.
pub fn smallest(budgets: &[Budget]) -> Budget {
    Budget {
        kbit: budgets.iter().filter_map(|budget| budget.kbit).min(),
        megabytes: budgets.iter().filter_map(|budget| budget.megabytes).min(),
    }
}

impl Budgets {
    /// Whether they were set from what stands in these versions.
    pub fn are_of(&self, versions: Versions) -> bool {
        self.followed == Some(versions)
    }

    pub fn followed(&mut self, versions: Versions) {
        self.followed = Some(versions);
    }

    /// What somebody may use now. `used`: so many megabytes at least, before the server began to count. True if that is news.
    pub fn set(&mut self, contact: ContactId, budget: Budget, used: u64) -> bool {
        let Some(account) = self.of.get_mut(&contact) else {
            let mut account = Account { budget, used: used.saturating_mul(MEGABYTE), used_up: false };
            account.used_up = used > 0 && account.is_over();
            self.of.insert(contact, account);
            return budget != Budget::default();
        };
        let changed = account.budget != budget;
        if changed {
            account.budget = budget;
            // One that is smaller now is used up with the next that is counted, and noted then.
            account.used_up &= account.is_over();
        }
        changed
    }

    /// How many megabytes somebody has.
    pub fn megabytes(&self, contact: ContactId) -> Option<u64> {
        self.of.get(&contact).and_then(Account::megabytes)
    }

    pub fn keep(&mut self, seated: impl Fn(ContactId) -> bool) {
        // Whoever has used something goes on where it stopped.
        self.of.retain(|contact, account| seated(*contact) || account.used > 0 || account.used_up);
    }

    /// True if that was the last of it.
    pub fn count(&mut self, contact: ContactId, bytes: u64) -> bool {
        let Some(account) = self.of.get_mut(&contact) else { return false };
        account.used = account.used.saturating_add(bytes);
        account.is_over() && !std::mem::replace(&mut account.used_up, true)
    }

    pub fn is_used_up(&self, contact: ContactId) -> bool {
        self.of.get(&contact).is_some_and(|account| account.used_up)
    }

    /// For the SFU.
    pub fn limits(&self, contact: ContactId) -> Limits {
        let Some(account) = self.of.get(&contact) else { return Limits::default() };
        Limits {
            bits: kbit(account).map(|kbit| u64::from(kbit) * 1_000),
            no_pictures: account.used_up,
            counted: account.budget.megabytes.is_some(),
        }
    }

    /// What somebody keeps to who sends to the server, or straight to `peer`.
    pub fn send_limit(&self, contact: ContactId, peer: Option<ContactId>) -> Option<SendLimit> {
        let both = || [Some(contact), peer].into_iter().flatten().filter_map(|contact| self.of.get(&contact));
        let kbit_per_second = both().filter_map(kbit).min();
        let pictures = !both().any(|account| account.used_up);
        (kbit_per_second.is_some() || !pictures).then_some(SendLimit { kbit_per_second, pictures })
    }

    pub fn shortage(&self, contact: ContactId) -> Option<Shortage> {
        self.is_used_up(contact).then_some(SOUND_ONLY)
    }
}

impl Account {
    fn megabytes(&self) -> Option<u64> {
        self.budget.megabytes.and_then(|megabytes| u64::try_from(megabytes).ok())
    }

    fn is_over(&self) -> bool {
        self.megabytes().is_some_and(|megabytes| self.used >= megabytes.saturating_mul(MEGABYTE))
    }
}

/// How a budget that is used up stands in the history: so large it was, and so much has been used.
pub fn size_name(megabytes: u64) -> String {
    format!("{megabytes} MB")
}

/// What the history says somebody has used, in megabytes.
pub fn used_by_history(history: &[HistoryRow], contact: ContactId) -> u64 {
    let rows = history.iter().filter(|row| row.kind == USED_UP && row.contact_id == Some(contact.0));
    let sizes = rows.filter_map(|row| row.reason.as_deref()?.strip_suffix(" MB")?.parse().ok());
    sizes.max().unwrap_or(0)
}

fn kbit(account: &Account) -> Option<u32> {
    account.budget.kbit.and_then(|kbit| u32::try_from(kbit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: ContactId = ContactId(1);
    const BOB: ContactId = ContactId(2);

    fn budget(kbit: Option<i64>, megabytes: Option<i64>) -> Budget {
        Budget { kbit, megabytes }
    }

    #[test]
    fn they_are_looked_up_once_for_each_change_of_the_call_or_the_directory() {
        let mut budgets = Budgets::default();
        assert!(!budgets.are_of((1, 7)));
        budgets.followed((1, 7));
        assert_eq!([(1, 7), (2, 7), (1, 8)].map(|versions| budgets.are_of(versions)), [true, false, false]);
    }

    #[test]
    fn of_several_budgets_the_smallest_counts_each_for_itself() {
        let all = [budget(Some(500), None), budget(None, Some(20)), budget(Some(300), Some(50)), Budget::default()];
        assert_eq!(smallest(&all), budget(Some(300), Some(20)));
        assert_eq!(smallest(&[]), Budget::default());
    }

    #[test]
    fn when_the_megabytes_are_used_up_there_is_sound_only_and_that_is_said_once() {
        let mut budgets = Budgets::default();
        budgets.set(ANN, budget(None, Some(2)), 0);
        budgets.set(BOB, Budget::default(), 0);
        assert!(!budgets.count(ANN, 1_999_999) && !budgets.is_used_up(ANN));
        assert_eq!(budgets.limits(ANN), Limits { counted: true, ..Limits::default() });
        assert!(budgets.count(ANN, 1), "now");
        assert!(!budgets.count(ANN, 1), "said before");
        assert!(budgets.limits(ANN).no_pictures);
        assert_eq!(budgets.send_limit(ANN, None), Some(SendLimit { kbit_per_second: None, pictures: false }));
        assert_eq!((budgets.shortage(ANN), budgets.shortage(BOB)), (Some(SOUND_ONLY), None));
        assert!(!budgets.count(BOB, u64::MAX) && !budgets.count(BOB, u64::MAX), "has none");
        assert_eq!((budgets.limits(BOB), budgets.send_limit(BOB, None)), (Limits::default(), None));
    }

    #[test]
    fn straight_to_another_person_the_smaller_of_both_budgets_is_kept() {
        let mut budgets = Budgets::default();
        budgets.set(ANN, budget(Some(300), None), 0);
        budgets.set(BOB, budget(Some(200), Some(1)), 1);
        assert_eq!(budgets.limits(ANN).bits, Some(300_000));
        let limit = |kbit, pictures| Some(SendLimit { kbit_per_second: Some(kbit), pictures });
        assert_eq!(budgets.send_limit(ANN, None), limit(300, true));
        assert_eq!(budgets.send_limit(ANN, Some(BOB)), limit(200, false));
        budgets.set(BOB, budget(Some(200), None), 1);
        assert_eq!(budgets.send_limit(ANN, Some(BOB)), limit(200, true), "what is not counted is not used up");
    }

    #[test]
    fn whoever_comes_back_goes_on_where_the_budget_stood() {
        let mut budgets = Budgets::default();
        budgets.set(ANN, budget(None, Some(1)), 0);
        budgets.set(BOB, budget(None, Some(1)), 0);
        budgets.count(ANN, 999_999);
        budgets.keep(|_| false);
        assert_eq!(budgets.of.len(), 1, "nothing is kept of whoever has used nothing");
        assert!(budgets.count(ANN, 1));
    }

    #[test]
    fn a_budget_that_is_raised_while_the_call_goes_on_holds_at_once() {
        let mut budgets = Budgets::default();
        assert!(!budgets.set(ANN, Budget::default(), 0), "nothing to tell");
        assert!(budgets.set(ANN, budget(None, Some(1)), 0));
        assert!(!budgets.set(ANN, budget(None, Some(1)), 0), "as it was");
        budgets.count(ANN, 1_500_000);
        assert!(budgets.is_used_up(ANN));
        assert!(budgets.set(ANN, budget(None, Some(2)), 0));
        assert!(!budgets.is_used_up(ANN) && budgets.count(ANN, 500_000), "what was used counts on");
        assert!(
            budgets.set(ANN, budget(Some(100), Some(2)), 0) && budgets.is_used_up(ANN),
            "as many megabytes as before"
        );
        assert!(budgets.set(ANN, budget(None, Some(9)), 0) && !budgets.is_used_up(ANN));
        assert!(
            budgets.set(ANN, budget(None, Some(1)), 0) && budgets.count(ANN, 1),
            "that it is lowered is noted, too"
        );
    }

    #[test]
    fn after_a_restart_what_the_history_says_was_used_counts() {
        let row = |contact: ContactId, kind: &str, reason: &str| HistoryRow {
            seq: 1,
            kind: kind.to_owned(),
            contact_id: Some(contact.0),
            channel: None,
            state: None,
            reason: Some(reason.to_owned()),
            at: farhand_domain::time::Timestamp::from_millis(0),
        };
        let history =
            [row(ANN, USED_UP, &size_name(2)), row(ANN, USED_UP, &size_name(5)), row(BOB, "RingEnded", &size_name(7))];
        let used = |contact| used_by_history(&history, contact);
        assert_eq!((used(ANN), used(BOB)), (5, 0));
        let mut budgets = Budgets::default();
        budgets.set(ANN, budget(None, Some(5)), used(ANN));
        assert!(budgets.is_used_up(ANN) && !budgets.count(ANN, 1), "noted before");
        assert!(
            budgets.set(ANN, budget(Some(300), Some(5)), 0) && budgets.is_used_up(ANN),
            "no more megabytes than before"
        );
        let mut raised = Budgets::default();
        raised.set(ANN, budget(None, Some(6)), used(ANN));
        assert!(!raised.is_used_up(ANN), "it was raised meanwhile");
        assert!(!raised.count(ANN, 999_999) && raised.count(ANN, 1));
    }
}
