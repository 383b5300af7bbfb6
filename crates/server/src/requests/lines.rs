//! From the teams a request names to the queues it waits in: at once, and by escalation later.

use std::{collections::HashSet, time::Duration};

use farhand_domain::{call::Line, ids::TeamId, time::Timestamp};
use farhand_store::model::TeamQueue;

/// The queues of these teams, and those it comes to from there, each team once. What is set later does not change it.
pub fn lines(teams: &[i64], settings: &[TeamQueue], now: Timestamp) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for team in teams {
        add(&mut lines, Line { team: TeamId(*team), since: now, entered: true });
    }
    let mut next = 0;
    while let Some(from) = lines.get(next).copied() {
        if let Some((to, after)) = escalation(from.team.0, settings) {
            add(&mut lines, Line { team: TeamId(to), since: from.since + after, entered: false });
        }
        next += 1;
    }
    lines
}

fn add(lines: &mut Vec<Line>, line: Line) {
    if !lines.iter().any(|known| known.team == line.team) {
        lines.push(line);
    }
}

fn escalation(team: i64, settings: &[TeamQueue]) -> Option<(i64, Duration)> {
    let queue = settings.iter().find(|queue| queue.team_id == team)?;
    let seconds = u64::try_from(queue.escalate_seconds?).ok()?;
    Some((queue.escalate_to?, Duration::from_secs(seconds)))
}

/// The longest of what is set for these teams.
pub fn lives_for(teams: &[i64], settings: &[TeamQueue], usual: Duration) -> Duration {
    let of_team = |team: &i64| {
        let set = settings.iter().find(|queue| queue.team_id == *team).and_then(|queue| queue.expire_seconds);
        set.and_then(|seconds| u64::try_from(seconds).ok()).map_or(usual, Duration::from_secs)
    };
    teams.iter().map(of_team).max().unwrap_or(usual)
}

/// Whether a team would come to itself again by these settings.
pub fn escalates_in_circles(team: i64, settings: &[TeamQueue]) -> bool {
    let mut seen = HashSet::new();
    let mut at = team;
    while let Some(to) = settings.iter().find(|queue| queue.team_id == at).and_then(|queue| queue.escalate_to) {
        if to == team || !seen.insert(to) {
            return true;
        }
        at = to;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn to(team_id: i64, escalate_to: i64, seconds: i64) -> TeamQueue {
        let (escalate_to, escalate_seconds) = (Some(escalate_to), Some(seconds));
        TeamQueue { team_id, escalate_to, escalate_seconds, expire_seconds: Some(100 * team_id) }
    }

    fn teams(lines: &[Line]) -> Vec<(i64, u64, bool)> {
        lines.iter().map(|line| (line.team.0, NOW.until(line.since).as_secs(), line.entered)).collect()
    }

    #[test]
    fn each_escalation_counts_from_the_one_before_and_a_team_is_asked_once() {
        let settings = [to(1, 2, 60), to(2, 3, 30), to(3, 1, 10)];
        assert_eq!(teams(&lines(&[1], &settings, NOW)), [(1, 0, true), (2, 60, false), (3, 90, false)]);
        assert_eq!(teams(&lines(&[1, 2, 1], &settings, NOW)), [(1, 0, true), (2, 0, true), (3, 30, false)]);
        assert_eq!(teams(&lines(&[7], &settings, NOW)), [(7, 0, true)]);
    }

    #[test]
    fn the_longest_limit_counts_and_a_team_without_one_has_the_usual() {
        let settings = [to(1, 2, 60), to(2, 3, 30)];
        let usual = Duration::from_secs(150);
        assert_eq!(lives_for(&[1], &settings, usual), Duration::from_secs(100));
        assert_eq!(lives_for(&[1, 2], &settings, usual), Duration::from_secs(200));
        assert_eq!(lives_for(&[1, 9], &settings, usual), usual);
        assert_eq!(lives_for(&[], &settings, usual), usual);
    }

    #[test]
    fn circles_are_seen_however_long() {
        let circle = [to(1, 2, 60), to(2, 3, 30), to(3, 1, 10), to(4, 1, 10), to(5, 6, 10)];
        for team in [1, 2, 3, 4] {
            assert!(escalates_in_circles(team, &circle), "{team}");
        }
        for team in [5, 6, 7] {
            assert!(!escalates_in_circles(team, &circle), "{team}");
        }
        assert!(escalates_in_circles(8, &[to(8, 8, 10)]));
    }
}
