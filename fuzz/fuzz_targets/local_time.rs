//! When a call is planned: a zone, and the time on its clocks. What is understood is understood the same as those clocks show it.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// Of the module around the parser.
pub const LOCAL: &str = "/plannedLocalTime";
pub const ZONE: &str = "/plannedTimeZone";

#[expect(dead_code, reason = "only the reading is fuzzed")]
#[path = "../../crates/server/src/planned/zone.rs"]
mod zone;

/// 1973: since then offsets are whole minutes everywhere.
const WHOLE_MINUTES: i64 = 94_694_400_000;

fuzz_target!(|data: (&str, &str)| {
    let (name, local) = data;
    let Ok(zone) = zone::find(name) else { return };
    let Ok(at) = zone.instant(local) else { return };
    if at.as_millis() < WHOLE_MINUTES {
        return;
    }
    let shown = jiff::Timestamp::from_millisecond(at.as_millis()).and_then(|at| at.in_tz(&zone.name)).expect("a time");
    let again = zone.instant(&shown.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string());
    assert_eq!(again.ok(), Some(at), "{shown}");
});
