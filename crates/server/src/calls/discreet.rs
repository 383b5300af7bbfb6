//! A call as guests see it: who takes part and what happened, but nobody's address, no login name, and no messages.

use farhand_domain::ids::ContactId;
use farhand_protocol::{
    call::{CallLog, CallLogContact},
    request::ServiceRequest,
};
use farhand_store::model::{CallRecord, Contact};

use super::{
    by_link::REQUESTED_BY_LINK,
    guests::{INVITATION_RESENT, LINK_REVOKED, TERMS_ACCEPTED},
    lobby::{ADMITTED, CALL_LINK_REVOKED, REFUSED},
    log,
    requests::{HAND_OVER, NOTE},
    teams::TEAM_KINDS,
};

/// Of a telephone number that stands in place of a name.
const LAST_DIGITS: usize = 3;

pub fn is_guest(record: &CallRecord, contact: ContactId) -> bool {
    log::known_contact(record, contact.0).is_some_and(|contact| contact.user_id.is_none())
}

pub fn call_log(record: &CallRecord) -> CallLog {
    let mut log = log::call_log(record);
    let CallLog { creator_contact, maker_contact, invited_contacts, call_events, call_statistics, .. } = &mut log;
    let of_events = call_events.iter_mut().map(|event| &mut event.contact);
    let of_statistics = call_statistics.iter_mut().map(|statistics| &mut statistics.contact);
    let named = [creator_contact, maker_contact].into_iter().chain(invited_contacts);
    for shown in named.chain(of_events).chain(of_statistics) {
        hide(record, shown);
    }
    log.invited_teams.clear();
    let of_messages = ["Notification", "RingDelivered", "RingSeen", INVITATION_RESENT];
    let of_guests = [LINK_REVOKED, TERMS_ACCEPTED, ADMITTED, REFUSED, CALL_LINK_REVOKED];
    let of_requests = ["Escalated", HAND_OVER, NOTE, REQUESTED_BY_LINK];
    let inner = [&of_messages[..], &of_guests, &of_requests, &TEAM_KINDS].concat();
    log.call_history.retain(|item| !inner.contains(&item.kind.as_str()));
    log
}

/// Which teams there are is not for guests to know, nor how another one can be reached.
pub fn service_request(mut request: ServiceRequest) -> ServiceRequest {
    request.teams.clear();
    request.details = None;
    request
}

pub fn contact(record: &CallRecord, contact: &Contact) -> CallLogContact {
    let mut shown = log::contact(contact);
    hide(record, &mut shown);
    shown
}

fn hide(record: &CallRecord, shown: &mut CallLogContact) {
    shown.user_id = None;
    (shown.email, shown.phone_number, shown.language) = (None, None, None);
    shown.notifications.clear();
    let invitation = record.invited.iter().find(|invitation| Some(invitation.contact.id) == shown.id);
    // Who was invited without a name is called by the address.
    let Some((invitation, name)) = invitation.zip(shown.display_name.as_mut()) else { return };
    if invitation.email.as_ref() == Some(name) {
        *name = name.split('@').next().unwrap_or_default().to_owned();
    } else if invitation.phone.as_ref() == Some(name) {
        let digits: Vec<char> = name.chars().filter(char::is_ascii_digit).collect();
        let last = digits.len().saturating_sub(LAST_DIGITS);
        *name = format!("…{}", digits[last..].iter().collect::<String>());
    }
}
