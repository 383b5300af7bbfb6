//! Open loop: something is due at fixed times, whether or not what was sent before has been answered. Latency counts
//! from when it was due, so that waiting behind a stall is part of it.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout_at,
};

/// Until the first one is due.
const LEAD: Duration = Duration::from_millis(50);

#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) per_second: u32,
    pub(crate) count: u32,
    /// How long the last one is waited for.
    pub(crate) patience: Duration,
}

/// That number so was heard of, and when.
pub(crate) type Heard = (u32, Instant);

/// What became of a round.
pub(crate) struct Round {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) lost: u32,
}

/// Calls `fire` with the numbers from `first` on, each when it is due, and waits until all were heard of.
pub(crate) async fn round(
    pace: Pace,
    first: u32,
    heard: &mut UnboundedReceiver<Heard>,
    mut fire: impl FnMut(u32),
) -> Round {
    let start = Instant::now() + LEAD;
    let due = move |number: u32| start + Duration::from_secs(1) * (number - first) / pace.per_second;
    let numbers = first..first + pace.count;
    let mut now_due = clock(numbers.clone(), due);
    let mut latencies: Vec<Option<Duration>> = numbers.clone().map(|_| None).collect();
    let mut missing = latencies.len();
    let deadline = (due(numbers.end) + pace.patience).into();
    while missing > 0 {
        let event = timeout_at(deadline, async {
            tokio::select! {
                number = now_due.recv(), if !now_due.is_closed() || !now_due.is_empty() => (number, None),
                heard = heard.recv() => (None, heard),
            }
        });
        let Ok((number, heard)) = event.await else { break };
        if let Some(number) = number {
            fire(number);
        }
        let Some((number, at)) = heard.filter(|(number, _)| numbers.contains(number)) else { continue };
        let slot = usize::try_from(number - first).ok().and_then(|index| latencies.get_mut(index));
        if let Some(slot @ None) = slot {
            *slot = Some(at.saturating_duration_since(due(number)));
            missing -= 1;
        }
    }
    let latencies: Vec<_> = latencies.into_iter().flatten().collect();
    Round { latencies, lost: u32::try_from(missing).unwrap_or(u32::MAX) }
}

/// A thread of its own: the runtime's timer is a millisecond coarse.
fn clock(numbers: std::ops::Range<u32>, due: impl Fn(u32) -> Instant + Send + 'static) -> UnboundedReceiver<u32> {
    let (tell, told): (UnboundedSender<u32>, _) = unbounded_channel();
    thread::spawn(move || {
        for number in numbers {
            thread::sleep(due(number).saturating_duration_since(Instant::now()));
            if tell.send(number).is_err() {
                return;
            }
        }
    });
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn latency_counts_from_when_it_was_due_and_what_is_lost_is_counted() {
        let (tell, mut heard) = unbounded_channel();
        let pace = Pace { per_second: 1000, count: 20, patience: Duration::from_millis(200) };
        let round = round(pace, 100, &mut heard, |number| {
            if number == 105 {
                thread::sleep(Duration::from_millis(30));
            }
            // Number 107 is never heard of; 100 is heard of twice, and 3 belongs to an earlier round.
            for number in [number, 100, 3].into_iter().filter(|number| *number != 107) {
                assert!(tell.send((number, Instant::now())).is_ok());
            }
        });
        let round = round.await;
        assert_eq!((round.latencies.len(), round.lost), (19, 1));
        // Those that were due during the pause are late, though they were sent at once when it was over.
        assert!(round.latencies.iter().filter(|latency| **latency > Duration::from_millis(10)).count() >= 10);
    }
}
