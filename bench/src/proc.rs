//! What the kernel says about a process.

use std::{fs, time::Duration};

use crate::Outcome;

/// A tick of the times in `/proc`. Linux fixes it for programs, whatever its own.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process so far.
pub(crate) fn cpu(pid: u32) -> Outcome<Duration> {
    Ok(Stat::read(pid)?.own)
}

/// The same with all its children, also those that have ended.
pub(crate) fn cpu_with_children(pid: u32) -> Outcome<Duration> {
    let stat = Stat::read(pid)?;
    // One that has just ended is counted with its parent next time.
    let children = children(pid)?.into_iter().filter_map(|child| Stat::read(child).ok());
    Ok(stat.own + stat.ended_children + children.map(|child| child.own).sum::<Duration>())
}

fn children(pid: u32) -> Outcome<Vec<u32>> {
    let numbers = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.filter(|number| Stat::read(*number).is_ok_and(|stat| stat.parent == pid)).collect())
}

/// User and system time of the calling thread so far, to the microsecond.
pub(crate) fn cpu_of_this_thread() -> Outcome<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Ok(Duration::new(u64::try_from(time.tv_sec)?, u32::try_from(time.tv_nsec)?))
}

/// Bytes of memory it has now.
pub(crate) fn resident(pid: u32) -> Outcome<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("no Rss in smaps_rollup")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}

/// The same with all its children.
pub(crate) fn resident_with_children(pid: u32) -> Outcome<u64> {
    let children = children(pid)?.into_iter().filter_map(|child| resident(child).ok());
    Ok(resident(pid)? + children.sum::<u64>())
}

struct Stat {
    parent: u32,
    own: Duration,
    ended_children: Duration,
}

impl Stat {
    fn read(pid: u32) -> Outcome<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
    }

    fn parse(text: &str) -> Outcome<Self> {
        // The name before may hold anything.
        let (_, rest) = text.rsplit_once(')').ok_or("no name in /proc/…/stat")?;
        let fields: Vec<_> = rest.split_whitespace().collect();
        let field = |index: usize| fields.get(index).copied().ok_or("too few fields in /proc/…/stat");
        let ticks = |first: usize| -> Outcome<Duration> {
            Ok(TICK * (field(first)?.parse::<u32>()? + field(first + 1)?.parse::<u32>()?))
        };
        Ok(Self { parent: field(1)?.parse()?, own: ticks(11)?, ended_children: ticks(13)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_name_does_not_shift_the_fields() -> Outcome {
        let stat = Stat::parse("12 (a ) b) S 7 12 12 0 -1 4194304 1 2 3 4 100 50 20 10 20 0 1 0 5")?;
        assert_eq!((stat.parent, stat.own.as_millis(), stat.ended_children.as_millis()), (7, 1500, 300));
        Ok(())
    }

    #[test]
    fn this_process_has_memory_and_has_used_time() -> Outcome {
        let me = std::process::id();
        assert!(resident(me)? > 100_000);
        assert!(cpu_with_children(me)? >= cpu(me)?);
        Ok(())
    }
}
