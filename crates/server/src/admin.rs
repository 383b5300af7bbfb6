//! What administration over REST and from the command line have in common.

use farhand_domain::time::Timestamp;
use farhand_protocol::{ErrorCode, Problem};
use farhand_store::{
    Store,
    model::{ApiKey, NewApiKey},
};

use crate::{
    auth::{API_KEY_PREFIX, Secret, hash_password, mint},
    http::{Fail, Outcome},
};

/// Characters in a name of anything.
const MAX_NAME: usize = 100;
/// OWASP's least length with room for a sentence; argon2 takes any length, a body does not.
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 10..=1000;
/// Characters of a key that are kept to tell keys apart.
const KEY_HINT: usize = 8;

pub fn check_name(pointer: &str, name: &str) -> Outcome<()> {
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
        let detail = format!("A name has 1 to {MAX_NAME} characters, none of them control characters.");
        return Err(Problem::new(ErrorCode::InvalidField, detail).at(pointer).into());
    }
    Ok(())
}

pub fn check_login_name(name: &str) -> Outcome<()> {
    check_plain_name("/userId", name)
}

pub fn check_domain_name(name: &str) -> Outcome<()> {
    check_plain_name("/name", name)
}

/// Login names and domains stand in addresses and logs, so they keep to a small alphabet.
fn check_plain_name(pointer: &str, name: &str) -> Outcome<()> {
    check_name(pointer, name)?;
    if name.chars().all(|c| c.is_alphanumeric() || "._-@+".contains(c)) {
        return Ok(());
    }
    let detail = "Login names and domains consist of letters, digits and . _ - @ +";
    Err(Problem::new(ErrorCode::InvalidField, detail).at(pointer).into())
}

pub async fn checked_password_hash(password: String) -> Outcome<String> {
    if !PASSWORD_LENGTH.contains(&password.chars().count()) {
        let detail = format!("A password has at least {} characters.", PASSWORD_LENGTH.start());
        return Err(Problem::new(ErrorCode::InvalidField, detail).at("/password").into());
    }
    let hash = tokio::task::spawn_blocking(move || hash_password(&password)).await;
    hash.map_err(Fail::internal)?.map_err(Fail::internal)
}

pub async fn create_api_key(store: &dyn Store, now: Timestamp, user_id: i64, name: &str) -> Outcome<(Secret, ApiKey)> {
    let key = mint(API_KEY_PREFIX).map_err(|e| Fail::internal(format!("no random numbers: {e}")))?;
    let prefix = key.reveal().chars().take(KEY_HINT).collect();
    let new = NewApiKey { user_id, name: name.to_owned(), prefix, hash: key.hash(), created_at: now };
    let record = store.create_api_key(&new).await?;
    Ok((key, record))
}
