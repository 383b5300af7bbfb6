//! What administration over REST and from the command line have in common.

use farhand_domain::time::Timestamp;
use farhand_protocol::{ErrorCode, Problem, call::DataBudget};
use farhand_store::{
    Store,
    model::{ApiKey, Budget, NewApiKey},
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

/// Characters of the terms guests have to accept: ten pages that nobody reads, and each look at an invitation carries them.
const MAX_TERMS: usize = 20_000;

/// Nothing but blanks is no text.
pub fn checked_terms(text: Option<String>) -> Outcome<Option<String>> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > MAX_TERMS) {
        let detail = format!("Terms may have {MAX_TERMS} characters at most.");
        return Err(Problem::new(ErrorCode::InvalidField, detail).at("/guestTerms").into());
    }
    Ok(text)
}

/// With less than this not even sound gets through.
const LEAST_KBIT: u32 = 16;

pub fn check_budget(budget: DataBudget) -> Outcome<()> {
    if budget.kbit_per_second.is_some_and(|kbit| kbit < LEAST_KBIT) {
        let detail = format!("Sound alone takes {LEAST_KBIT} kbit/s at least.");
        return Err(Problem::new(ErrorCode::InvalidField, detail).at("/dataBudget/kbitPerSecond").into());
    }
    if budget.megabytes == Some(0) {
        let detail = "A budget has one megabyte at least; null is none.";
        return Err(Problem::new(ErrorCode::InvalidField, detail).at("/dataBudget/megabytes").into());
    }
    Ok(())
}

/// As it is stored.
pub fn budget(budget: DataBudget) -> Budget {
    Budget { kbit: budget.kbit_per_second.map(i64::from), megabytes: budget.megabytes.map(i64::from) }
}

/// As it is shown, if there is one.
pub fn data_budget(budget: Budget) -> Option<DataBudget> {
    let shown = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
    let shown = DataBudget { kbit_per_second: shown(budget.kbit), megabytes: shown(budget.megabytes) };
    (shown != DataBudget::default()).then_some(shown)
}

/// What a change sets: cleared is none at all.
#[expect(clippy::option_option, reason = "left out, cleared and given are three things")]
pub fn changed_budget(change: Option<Option<DataBudget>>) -> Outcome<Option<Budget>> {
    let Some(change) = change else { return Ok(None) };
    let set = change.unwrap_or_default();
    check_budget(set)?;
    Ok(Some(budget(set)))
}

pub async fn create_api_key(store: &dyn Store, now: Timestamp, user_id: i64, name: &str) -> Outcome<(Secret, ApiKey)> {
    let key = mint(API_KEY_PREFIX).map_err(|e| Fail::internal(format!("no random numbers: {e}")))?;
    let prefix = key.reveal().chars().take(KEY_HINT).collect();
    let new = NewApiKey { user_id, name: name.to_owned(), prefix, hash: key.hash(), created_at: now };
    let record = store.create_api_key(&new).await?;
    Ok((key, record))
}
