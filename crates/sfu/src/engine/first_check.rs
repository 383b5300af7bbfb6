//! A check as if it nominated its path.

use str0m::ice::{StunMessage, StunMessageBuilder};

use crate::send;

/// Longer than any check: username fragments are of 256 characters at most (RFC 8839, section 5.4).
const LONGEST: usize = 1_024;

/// The same Binding request with USE-CANDIDATE. `None` if it has that, is none, or does not prove that the sender knows the password.
pub(super) fn nominating(check: &[u8], password: &str) -> Option<Vec<u8>> {
    let hmac = |key: &[u8], parts: &[&[u8]]| send::provider().sha1_hmac_provider.sha1_hmac(key, parts);
    let asked = StunMessage::parse(check).ok().filter(|asked| asked.is_binding_request() && !asked.use_candidate())?;
    if !asked.verify(password.as_bytes(), hmac) {
        return None;
    }
    let request = StunMessageBuilder::new().binding().request().username(asked.username()?).prio(asked.prio()?);
    let request = request.use_candidate().ice_controlling(asked.ice_controlling()?).build(asked.trans_id());
    let mut written = vec![0; LONGEST];
    let length = request.to_bytes(Some(password.as_bytes()), &mut written, hmac).ok()?;
    written.truncate(length);
    Some(written)
}

#[cfg(test)]
mod tests {
    use str0m::ice::TransId;

    use super::*;

    const PASSWORD: &str = "of the server";

    fn check(nominates: bool, password: &str) -> Vec<u8> {
        let hmac = |key: &[u8], parts: &[&[u8]]| send::provider().sha1_hmac_provider.sha1_hmac(key, parts);
        let request = StunMessage::binding_request("server:client", TransId::new(), true, 7, 99, nominates);
        let mut written = vec![0; LONGEST];
        let length = request.to_bytes(Some(password.as_bytes()), &mut written, hmac).unwrap();
        written.truncate(length);
        written
    }

    #[test]
    fn only_the_nomination_is_added() {
        let hmac = |key: &[u8], parts: &[&[u8]]| send::provider().sha1_hmac_provider.sha1_hmac(key, parts);
        let plain = check(false, PASSWORD);
        let added = nominating(&plain, PASSWORD).unwrap();
        let (before, after) = (StunMessage::parse(&plain).unwrap(), StunMessage::parse(&added).unwrap());
        assert!(after.use_candidate() && after.verify(PASSWORD.as_bytes(), hmac));
        assert_eq!(after.trans_id(), before.trans_id());
        let told = |message: &StunMessage<'_>| {
            (
                message.prio(),
                message.ice_controlling(),
                message.split_username().map(|(to, by)| (to.to_owned(), by.to_owned())),
            )
        };
        assert_eq!(told(&after), told(&before));
    }

    #[test]
    fn what_needs_none_or_proves_nothing_is_left_alone() {
        assert_eq!(nominating(&check(true, PASSWORD), PASSWORD), None, "it nominates");
        assert_eq!(nominating(&check(false, "another"), PASSWORD), None, "forged");
        assert_eq!(nominating(&[0x80; 40], PASSWORD), None);
    }
}
