//! Forged packets at a steady rate, under a participant's own address, with numbers that are to come and tags that are wrong: each has to be
//! checked before it is dropped. Whether running calls notice.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};

use super::{result::Round, tally::float};
use crate::{
    Outcome,
    report::Row,
    stats::{Latencies, median, millis},
};

const TICK: Duration = Duration::from_millis(1);
/// How far the forged numbers go beyond the real one.
const NUMBERS: u16 = 1_000;

/// A packet of a participant's, where it went, and the way it took.
pub(crate) struct Overheard {
    pub(crate) socket: UdpSocket,
    pub(crate) to: SocketAddr,
    pub(crate) packet: Vec<u8>,
}

/// The thread that sends them.
pub(crate) struct Flood {
    over: Arc<AtomicBool>,
    /// How many left in which time.
    thread: JoinHandle<(u64, Duration)>,
}

impl Flood {
    pub(crate) fn start(heard: Overheard, per_second: u32) -> Outcome<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let send = move || send(&heard, per_second, &ends);
        Ok(Self { over, thread: std::thread::Builder::new().name("flood".to_owned()).spawn(send)? })
    }

    /// How many a second there were.
    pub(crate) fn stop(self) -> Outcome<f64> {
        self.over.store(true, Ordering::Relaxed);
        let (sent, took) = self.thread.join().map_err(|_| "the flood has broken off")?;
        Ok(float(sent) / took.as_secs_f64())
    }
}

/// An open loop: what a tick was late for is sent with the next.
fn send(heard: &Overheard, per_second: u32, over: &AtomicBool) -> (u64, Duration) {
    let (start, mut due, mut sent) = (Instant::now(), 0, 0);
    while !over.load(Ordering::Relaxed) {
        let wanted = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX) * u64::from(per_second) / 1_000_000;
        while due < wanted {
            due += 1;
            // What the kernel does not take has not been sent.
            sent += u64::from(heard.socket.send_to(&forged(&heard.packet, due), heard.to).is_ok());
        }
        sleep(TICK);
    }
    (sent, start.elapsed())
}

fn forged(packet: &[u8], step: u64) -> Vec<u8> {
    let mut forged = packet.to_vec();
    if let [_, _, high, low, .., last] = &mut forged[..] {
        let ahead = u16::try_from(step % u64::from(NUMBERS)).unwrap_or_default() + 1;
        [*high, *low] = u16::from_be_bytes([*high, *low]).wrapping_add(ahead).to_be_bytes();
        *last = last.wrapping_add(1);
    }
    forged
}

/// With the flood and without it, in turns.
#[derive(Default)]
pub(crate) struct Flooded {
    pub(crate) rates: Vec<f64>,
    pub(crate) with: Vec<Round>,
    pub(crate) without: Vec<Round>,
}

impl Flooded {
    pub(crate) fn row(self, about: &str, per_second: u32) -> Row {
        let lost = self.with.iter().map(|round| round.tally.lost()).sum::<u64>();
        let silent = self.with.iter().map(Round::silent).sum::<usize>();
        let rate = median(self.rates);
        Row {
            figure: format!("{per_second} forged packets a second under a participant's own address, {about}"),
            measured: format!("{} ({rate:.0}/s sent)", summary(self.with)),
            floor: summary(self.without),
            aim: "nothing lost".to_owned(),
            met: lost == 0 && silent == 0,
        }
    }
}

fn summary(rounds: Vec<Round>) -> String {
    let cpu = median(rounds.iter().map(|round| round.cpu.as_secs_f64() / round.tally.took.as_secs_f64() * 100.0));
    let (mut delays, mut lost, mut silent) = (Latencies::default(), 0, 0);
    for mut round in rounds {
        (lost, silent) = (lost + round.tally.lost(), silent + round.silent());
        delays.extend(round.tally.delays().into_values());
    }
    let (middle, high) = (millis(delays.median()), millis(delays.percentile(99)));
    format!("delay p50 {middle:.2}, p99 {high:.2} ms, {lost} lost, {silent} streams silent, CPU {cpu:.1} % of its core")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_packets_have_numbers_to_come_and_a_wrong_end() {
        let packet = [0x80, 96, 0xff, 0xff, 1, 2, 3, 0xff];
        assert_eq!(forged(&packet, 0), [0x80, 96, 0, 0, 1, 2, 3, 0]);
        assert_eq!(forged(&packet, 999), [0x80, 96, 0x03, 0xe7, 1, 2, 3, 0]);
        assert_eq!(forged(&packet, 1_000), forged(&packet, 0));
    }
}
