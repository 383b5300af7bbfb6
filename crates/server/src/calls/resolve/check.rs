//! What a request says of a contact, as far as it can be wrong by itself.

use farhand_protocol::{ErrorCode, Problem, call::CallLogContact};

use crate::{
    http::{Fail, Outcome},
    notify::is_address,
};

/// Characters in a name or an address.
const MAX_TEXT: usize = 200;
/// Characters in a language's tag (BCP 47); the longest in use have half as many.
const MAX_TAG: usize = 35;

pub(super) fn check_lengths(contact: &CallLogContact, at: &str) -> Outcome<()> {
    let texts = [
        ("displayName", &contact.display_name),
        ("email", &contact.email),
        ("phoneNumber", &contact.phone_number),
        ("userId", &contact.user_id),
        ("domain", &contact.domain),
    ];
    for (name, text) in texts {
        if text.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT) {
            return Err(wrong(at, name, &format!("{name} may have {MAX_TEXT} characters at most.")));
        }
    }
    Ok(())
}

/// What nobody writes in is kept all the same: it says in which language somebody is to be spoken to.
pub(super) fn check_language(contact: &CallLogContact, at: &str) -> Outcome<()> {
    let is_tag = |tag: &str| {
        let fits = |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
        tag.len() <= MAX_TAG && tag.split('-').all(fits)
    };
    match contact.language.as_deref() {
        Some(tag) if !is_tag(tag) => Err(wrong(at, "language", "This is no language tag, such as de or pt-BR.")),
        Some(_) | None => Ok(()),
    }
}

/// Nothing is sent to what cannot be an address; better said now than after the call.
pub(super) fn check_addresses(contact: &CallLogContact, at: &str) -> Outcome<()> {
    if contact.email.as_deref().is_some_and(|email| !is_address(email)) {
        return Err(wrong(at, "email", "This is no e-mail address."));
    }
    if contact.phone_number.as_deref().is_some_and(|phone| !is_phone_number(phone)) {
        return Err(wrong(
            at,
            "phoneNumber",
            "A phone number has 3 to 20 digits; + ( ) - / . and blanks may stand between them.",
        ));
    }
    Ok(())
}

fn is_phone_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (3..=20).contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || "+()-/. ".contains(c))
}

fn wrong(at: &str, name: &str, detail: &str) -> Fail {
    Problem::new(ErrorCode::InvalidField, detail).at(format!("{at}/{name}")).into()
}
