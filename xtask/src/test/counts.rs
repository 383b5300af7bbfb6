//! How many tests ran, read from what the runners print.

use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    pub(crate) fn total(self) -> u64 {
        self.passed + self.failed
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// `test result: FAILED. 12 passed; 1 failed; 0 ignored; …`, once per test binary.
pub(crate) fn of_cargo(output: &str) -> Counts {
    sum(output.lines().filter_map(|line| line.trim().strip_prefix("test result: ")).map(|line| words(line, ';')))
}

/// `      Tests  1 failed | 32 passed (33)`
pub(crate) fn of_vitest(output: &str) -> Counts {
    sum(output.lines().filter_map(|line| line.trim().strip_prefix("Tests  ")).map(|line| words(line, '|')))
}

/// `stories: 12 passed, 1 failed`, printed by the reporter in `e2e/`.
pub(crate) fn of_stories(output: &str) -> Counts {
    sum(output.lines().filter_map(|line| line.trim().strip_prefix("stories: ")).map(|line| words(line, ',')))
}

fn sum(parts: impl Iterator<Item = Counts>) -> Counts {
    let mut all = Counts::default();
    parts.for_each(|part| all += part);
    all
}

/// Reads "… N passed" and "… N failed" between separators.
fn words(line: &str, separator: char) -> Counts {
    let mut counts = Counts::default();
    for part in line.split(separator) {
        let mut words = part.split_whitespace().rev().skip_while(|word| word.starts_with('('));
        let (Some(what), Some(Ok(number))) = (words.next(), words.next().map(str::parse::<u64>)) else { continue };
        match what {
            "passed" => counts.passed += number,
            "failed" => counts.failed += number,
            _ => {}
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_summed_over_its_binaries() {
        let output = "running 2 tests\n..\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\n\
            test result: FAILED. 10 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        assert_eq!(of_cargo(output), Counts { passed: 12, failed: 3 });
    }

    #[test]
    fn vitest_counts_tests_and_not_files() {
        let good = " Test Files  3 passed (3)\n      Tests  33 passed (33)\n   Start at  12:00:00\n";
        assert_eq!(of_vitest(good), Counts { passed: 33, failed: 0 });
        let bad = " Test Files  1 failed | 2 passed (3)\n      Tests  2 failed | 31 passed | 1 skipped (34)\n";
        assert_eq!(of_vitest(bad), Counts { passed: 31, failed: 2 });
    }

    #[test]
    fn stories_are_counted_by_their_closing_line() {
        let output = "  ok 1 [stories] a call: 7 passed\nstories: 7 passed, 1 failed\n";
        assert_eq!(of_stories(output), Counts { passed: 7, failed: 1 });
    }

    #[test]
    fn silence_counts_nothing() {
        for count in [of_cargo, of_vitest, of_stories] {
            assert_eq!(count("nothing to see\n").total(), 0);
        }
    }
}
