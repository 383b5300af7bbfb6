//! What a person sees while the commands work.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Long enough not to be noise, short enough that nobody takes the command for hung.
const PROGRESS_EVERY: Duration = Duration::from_mins(1);

pub(crate) fn header(title: &str) {
    println!("\n=== {title}");
}

pub(crate) fn note(text: &str) {
    println!("  - {text}");
}

pub(crate) fn warn(text: &str) {
    eprintln!("  ! {text}");
}

/// `7 s`, `3 min 20 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = (time.as_millis() + 500) / 1000;
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}

/// Names and what they mean, one a line.
pub(crate) fn listing<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let lines: Vec<_> = rows.map(|(name, about)| format!("  {name:<10} {about}")).collect();
    lines.join("\n")
}

/// Says once a minute that `what` is still going on, until it is dropped.
pub(crate) struct Progress {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    pub(crate) fn start(what: &str) -> Self {
        let (stop, stopped) = mpsc::channel();
        let what = what.to_owned();
        let begun = Instant::now();
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(PROGRESS_EVERY) == Err(RecvTimeoutError::Timeout) {
                println!("  … {what}: {} so far", duration(begun.elapsed()));
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_a_person_says_them() {
        assert_eq!(duration(Duration::from_millis(400)), "0 s");
        assert_eq!(duration(Duration::from_millis(59_400)), "59 s");
        assert_eq!(duration(Duration::from_millis(59_600)), "1 min 0 s");
        assert_eq!(duration(Duration::from_secs(200)), "3 min 20 s");
    }
}
