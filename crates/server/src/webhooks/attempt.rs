//! What an answer means, and what comes after it.

use std::time::Duration;

use farhand_domain::time::Timestamp;
use farhand_store::model::{Then, Webhook, WebhookMessage, WebhookOutcome};
use hyper::StatusCode;

use crate::outward::{Answer, Failure, retry_after};

/// Seconds before each further try: eleven within 22 hours. Quick at first, for a receiver that restarts; later so slow that an outage of a
/// night costs it little, and somebody has had a day to notice.
const PAUSES: [u64; 10] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800];
/// In percent: what failed together is not to be tried together.
const JITTER: u64 = 20;
/// A webhook that has accepted nothing for so long is disabled: longer than a weekend, and short enough that what waits for it stays small.
const FAILING_FOR: Duration = Duration::from_hours(72);

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    Accepted {
        status: u16,
    },
    Failed {
        status: Option<u16>,
        /// All messages are to wait so long.
        after: Option<Duration>,
        words: String,
    },
    /// There is nobody any more, and nobody wants to be asked again.
    Gone,
}

impl Attempt {
    pub fn of(answer: Result<Answer, Failure>, now: Timestamp) -> Self {
        let answer = match answer {
            Ok(answer) => answer,
            Err(Failure::NotSent(words) | Failure::Unknown(words)) => {
                return Self::Failed { status: None, after: None, words };
            }
        };
        let status = answer.status.as_u16();
        match answer.status {
            good if good.is_success() => Self::Accepted { status },
            StatusCode::GONE => Self::Gone,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let after = retry_after(&answer.headers, now);
                Self::Failed { status: Some(status), after, words: format!("it answered {status}") }
            }
            elsewhere if elsewhere.is_redirection() => {
                let words = format!("it answered {status}, and redirects are not followed");
                Self::Failed { status: Some(status), after: None, words }
            }
            _ => Self::Failed { status: Some(status), after: None, words: format!("it answered {status}") },
        }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Accepted { status } => Some(*status),
            Self::Failed { status, .. } => *status,
            Self::Gone => Some(StatusCode::GONE.as_u16()),
        }
    }

    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Accepted { .. } => None,
            Self::Failed { words, .. } => Some(words.clone()),
            Self::Gone => Some("it answered 410".to_owned()),
        }
    }

    /// What it means for the message and for the webhook.
    pub fn outcome(self, webhook: &Webhook, message: &WebhookMessage, now: Timestamp) -> WebhookOutcome {
        let (status, reason) = (self.status(), self.reason());
        let (then, pause, disable) = match self {
            Self::Accepted { .. } => (Then::Accepted, None, None),
            Self::Gone => (Then::GivenUp, None, Some("it answered 410: gone".to_owned())),
            Self::Failed { after, words, .. } => {
                let failing = webhook.failing_since.is_some_and(|since| since + FAILING_FOR <= now);
                let disable = failing.then(|| format!("nothing was accepted for three days: {words}"));
                (again(message, after, now), after, disable)
            }
        };
        WebhookOutcome {
            message: message.id,
            webhook: webhook.id,
            status,
            reason,
            at: now,
            then,
            pause_until: pause.map(|pause| now + pause),
            disable,
        }
    }
}

fn again(message: &WebhookMessage, after: Option<Duration>, now: Timestamp) -> Then {
    let tried = usize::try_from(message.tries).unwrap_or(usize::MAX);
    let Some(pause) = PAUSES.get(tried) else { return Then::GivenUp };
    let pause = jittered(Duration::from_secs(*pause), message).max(after.unwrap_or_default());
    Then::Again { at: now + pause }
}

/// Up to so much longer, and each message and try otherwise.
fn jittered(pause: Duration, message: &WebhookMessage) -> Duration {
    let spread = message.id.unsigned_abs().wrapping_mul(31).wrapping_add(u64::from(message.tries) * 17) % (JITTER + 1);
    pause + pause / 100 * u32::try_from(spread).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use farhand_store::model::{MessageState, NewMessage};
    use hyper::{HeaderMap, header::RETRY_AFTER};
    use uuid::Uuid;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(after: Duration) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000) + after
    }

    fn answered(status: u16, later: Option<&'static str>) -> Attempt {
        let mut headers = HeaderMap::new();
        if let Some(later) = later {
            headers.insert(RETRY_AFTER, later.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        Attempt::of(Ok(Answer { status, headers, body: Vec::new() }), at(Duration::ZERO))
    }

    fn webhook(failing_since: Option<Timestamp>) -> Webhook {
        Webhook {
            id: Uuid::from_u128(7),
            domain_id: 1,
            url: String::new(),
            description: String::new(),
            types: None,
            enabled: true,
            reason: None,
            generation: 1,
            rotated_at: None,
            created_at: at(Duration::ZERO),
            position: 0,
            failing_since,
            paused_until: None,
        }
    }

    fn message(id: i64, tries: u32) -> WebhookMessage {
        let event = NewMessage {
            number: id,
            call_id: Uuid::from_u128(9),
            sequence: 1,
            kind: "call.created".to_owned(),
            body: String::new(),
        };
        WebhookMessage {
            id,
            webhook: Uuid::from_u128(7),
            event,
            state: MessageState::Queued,
            tries,
            next_at: at(Duration::ZERO),
            status: None,
            reason: None,
            at: at(Duration::ZERO),
        }
    }

    #[test]
    fn only_success_counts_as_accepted() {
        for status in [200, 201, 204, 299] {
            assert_eq!(answered(status, None), Attempt::Accepted { status });
        }
        for status in [302, 307, 400, 401, 404, 408, 429, 500, 503] {
            assert!(matches!(answered(status, None), Attempt::Failed { after: None, .. }), "{status}");
        }
        assert_eq!(answered(410, None), Attempt::Gone);
        let late = Failure::Unknown("it took too long to answer".to_owned());
        assert!(matches!(Attempt::of(Err(late), at(HOUR)), Attempt::Failed { status: None, .. }));
    }

    #[test]
    fn whoever_asks_to_be_left_alone_is_for_so_long() {
        for status in [429, 503] {
            let outcome = answered(status, Some("600")).outcome(&webhook(None), &message(1, 0), at(Duration::ZERO));
            let until = at(Duration::from_mins(10));
            assert_eq!((outcome.then, outcome.pause_until), (Then::Again { at: until }, Some(until)));
        }
        let outcome = answered(500, Some("600")).outcome(&webhook(None), &message(1, 0), at(Duration::ZERO));
        assert_eq!(outcome.pause_until, None);
    }

    #[test]
    fn tries_come_ever_later_within_a_day_each_message_at_another_time_and_then_it_is_given_up() {
        let mut now = at(Duration::ZERO);
        let mut tries = 0;
        while let Then::Again { at: next } = answered(500, None).outcome(&webhook(None), &message(3, tries), now).then {
            assert!(next > now);
            (now, tries) = (next, tries + 1);
        }
        assert_eq!(tries, 10);
        let whole = at(Duration::ZERO).until(now);
        assert!(whole > 20 * HOUR && whole < 27 * HOUR, "{whole:?}");
        let one = |id| jittered(HOUR, &message(id, 0));
        assert!((1..40).any(|id| one(id) != one(0)));
        assert!((0..1000).all(|id| one(id) >= HOUR && one(id) <= HOUR + HOUR / 5));
    }

    #[test]
    fn a_webhook_that_is_gone_or_fails_for_days_is_disabled() {
        let disabled =
            |attempt: Attempt, since| attempt.outcome(&webhook(since), &message(1, 0), at(72 * HOUR)).disable;
        assert!(disabled(Attempt::Gone, None).is_some_and(|why| why.contains("410")));
        assert!(disabled(answered(500, None), Some(at(Duration::ZERO))).is_some_and(|why| why.contains("500")));
        assert_eq!(disabled(answered(500, None), Some(at(HOUR))), None);
        assert_eq!(disabled(answered(500, None), None), None);
        assert_eq!(disabled(answered(200, None), Some(at(Duration::ZERO))), None);
    }
}
