//! When another server wants to be asked again.

use std::time::Duration;

use farhand_domain::time::Timestamp;
use hyper::{HeaderMap, header::RETRY_AFTER};
use jiff::fmt::rfc2822;

/// A server that wants to be left alone for longer is asked again nevertheless: it may have meant something else.
const LATER_MAX: Duration = Duration::from_hours(24);

/// In seconds, or a time of day (RFC 9110, section 10.2.3).
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wish = if is_number {
        // More digits than there are numbers for are a very long time, too.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let at = rfc2822::parse(text).ok()?.timestamp().as_millisecond();
        Duration::from_millis(u64::try_from(at - now.as_millis()).unwrap_or(0))
    };
    Some(wish.min(LATER_MAX))
}
