//! What must stand in the call's log.

use farhand_protocol::call::{CallLog, CallLogEvent, CallStatus};

use super::Failure;

/// An expected event: its type and, where it matters, whose it is (the database id of the user).
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) kind: &'static str,
    pub(super) user: Option<i64>,
}

/// Whose events stand in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cast {
    pub(super) expert: i64,
    pub(super) glasses: i64,
}

impl Cast {
    /// The whole call, in order. While it runs, its log holds the first of these.
    pub(super) fn whole_call(self) -> [Expected; 6] {
        let of = |kind, user| Expected { kind, user: Some(user) };
        [
            of("Created", self.glasses),
            of("Join", self.expert),
            of("Join", self.glasses),
            of("Leave", self.expert),
            of("Leave", self.glasses),
            Expected { kind: "Ended", user: None },
        ]
    }
}

/// The log holds exactly these events, with rising ids.
pub(super) fn check(log: &CallLog, expected: &[Expected], status: CallStatus) -> Result<(), Failure> {
    let complaint = if log.call_status != status {
        format!("its status is {:?} instead of {status:?}", log.call_status)
    } else if log.call_events.len() != expected.len()
        || !log.call_events.iter().zip(expected).all(|(e, x)| matches(e, *x))
    {
        let wanted: Vec<_> = expected.iter().map(|expected| describe(expected.kind, expected.user)).collect();
        format!("its events are not {}", wanted.join(", "))
    } else if !log.call_events.is_sorted_by(|a, b| a.id < b.id) {
        "the ids of its events do not rise".to_owned()
    } else {
        return Ok(());
    };
    let found: Vec<_> =
        log.call_events.iter().map(|e| format!("{} {}", e.id, describe(&e.kind, e.contact.user_db_id))).collect();
    Err(Failure::Deviation(format!("The call's log is wrong: {complaint}. It holds: {}", found.join(", "))))
}

fn matches(event: &CallLogEvent, expected: Expected) -> bool {
    event.kind == expected.kind && expected.user.is_none_or(|user| event.contact.user_db_id == Some(user))
}

fn describe(kind: &str, user: Option<i64>) -> String {
    user.map_or_else(|| kind.to_owned(), |user| format!("{kind} (user {user})"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CAST: Cast = Cast { expert: 8, glasses: 12 };

    fn log(status: &str, events: &[(i64, &str, i64)]) -> CallLog {
        let contact = |user: i64| json!({"id":user + 100,"userDbId":user,"displayName":null});
        let at = "2026-11-22T14:00:00.000Z";
        let event =
            |&(id, kind, user): &(i64, &str, i64)| json!({"id":id,"type":kind,"contact":contact(user),"dateTime":at});
        let log = json!({
            "id":1,"callId":"5f0c6d52-9a1e-4a51-8f5b-1e7f0d1c2b3a","callTitle":"t","callReason":"STANDARD","callType":"MESH",
            "callStatus":status,"anonymousJoinAllow":false,"joinAnonymousAllowed":false,"informOthersDirectly":true,
            "creatorUser":12,"creatorContact":contact(12),"makerContact":contact(3),"invitedContacts":[contact(8)],
            "invitedTeams":[],"plannedDateTime":null,"createdDateTime":at,"startedDateTime":null,"endedDateTime":null,
            "callEvents":events.iter().map(event).collect::<Vec<_>>(),"callHistory":[],
        });
        serde_json::from_value(log).unwrap()
    }

    const WHOLE: [(i64, &str, i64); 6] =
        [(1, "Created", 12), (2, "Join", 8), (3, "Join", 12), (4, "Leave", 8), (7, "Leave", 12), (9, "Ended", 8)];

    #[test]
    fn the_log_as_the_contract_has_it_passes() {
        check(&log("Ended", &WHOLE), &CAST.whole_call(), CallStatus::Ended).unwrap();
        check(&log("Started", &WHOLE[..3]), &CAST.whole_call()[..3], CallStatus::Started).unwrap();
    }

    #[test]
    fn every_deviation_is_found_and_named() {
        let change = |change: fn(&mut Vec<(i64, &'static str, i64)>)| {
            let mut events = WHOLE.to_vec();
            change(&mut events);
            check(&log("Ended", &events), &CAST.whole_call(), CallStatus::Ended).unwrap_err().to_string()
        };
        assert!(
            change(|events| events.truncate(events.len() - 1))
                .contains("its events are not Created (user 12), Join (user 8)")
        );
        assert!(change(|events| events.push((10, "Ended", 8))).contains("its events are not"));
        assert!(change(|events| events[1].1 = "Leave").contains("its events are not"));
        assert!(change(|events| events[1].2 = 12).contains("holds: 1 Created (user 12), 2 Join (user 12)"));
        assert!(change(|events| events[4].0 = 4).contains("the ids of its events do not rise"));
        let running = check(&log("Started", &WHOLE), &CAST.whole_call(), CallStatus::Ended).unwrap_err().to_string();
        assert!(running.contains("its status is Started instead of Ended"), "{running}");
    }
}
