//! The account of what happens, with times, and of what is being waited for.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::Failure;

/// Prints each step as it happens.
pub(super) struct Story {
    start: Instant,
    print: Box<dyn Fn(&str) + Send + Sync>,
    waiting_for: Mutex<String>,
}

impl Story {
    /// Times count from `start`.
    pub(super) fn new(start: Instant, print: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { start, print: Box::new(print), waiting_for: Mutex::new("the first step".to_owned()) }
    }

    pub(super) fn tell(&self, what: impl AsRef<str>) {
        self.print(&format!("[{:7.3} s] {}", self.elapsed().as_secs_f64(), what.as_ref()));
    }

    pub(super) fn print(&self, text: &str) {
        (self.print)(text);
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Says what the scenario waits for now; told if it waits in vain.
    pub(super) fn waits_for(&self, what: &str) {
        let mut waiting_for = self.waiting_for.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        what.clone_into(&mut waiting_for);
    }

    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        steps: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if let Ok(result) = tokio::time::timeout(limit, steps).await {
            return result;
        }
        let step = self.waiting_for.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        Err(Failure::Hung { step, limit })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_step_that_hangs_is_named() {
        let story = Story::new(Instant::now(), |_| {});
        let hanging = async {
            story.waits_for("tester's ring");
            std::future::pending::<Result<(), Failure>>().await
        };
        let failure = story.within(Duration::from_millis(1), hanging).await.unwrap_err();
        assert_eq!(failure.to_string(), "Nothing came of this within 1ms: tester's ring");
    }

    #[test]
    fn every_step_is_told_with_its_time() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let story = Story::new(Instant::now(), {
            let lines = Arc::clone(&lines);
            move |line| lines.lock().unwrap().push(line.to_owned())
        });
        story.tell("tester rung");
        let lines = lines.lock().unwrap();
        assert!(lines[0].starts_with("[  0.00") && lines[0].ends_with(" s] tester rung"), "{lines:?}");
    }
}
