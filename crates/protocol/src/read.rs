//! Reading bodies the way existing integrations write them: whatever the content-type, `null`, `""` and a missing
//! member all mean absent, unknown members are ignored, and a wrong value is answered with a JSON pointer to it.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::{ErrorCode, Problem};

/// Reads `T` from JSON text. Members that are `null` or `""` are dropped before `T` sees them.
pub fn from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    from_value(parse(body)?)
}

/// As [`from_slice`], for a body that changes something: there `null` clears what may be cleared, and only `""` and a missing
/// member mean absent.
pub fn change_from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut value = parse(body)?;
    check(&value)?;
    if let Value::Object(members) = &mut value {
        members.retain(|_, v| v.as_str() != Some(""));
    }
    read(value)
}

/// As [`from_slice`], for JSON already parsed.
pub fn from_value<T: DeserializeOwned>(mut value: Value) -> Result<T, Problem> {
    check(&value)?;
    drop_absent(&mut value);
    read(value)
}

fn parse(body: &[u8]) -> Result<Value, Problem> {
    // serde_json refuses more than 128 levels, which bounds the recursion below as well.
    serde_json::from_slice(body)
        .map_err(|e| Problem::new(ErrorCode::MalformedJson, format!("The body is not valid JSON: {e}.")))
}

fn check(value: &Value) -> Result<(), Problem> {
    if let Some(at) = array_for_object(value) {
        return Err(Problem::new(ErrorCode::InvalidField, "An object is expected here, not an array.").at(at));
    }
    if let Some(at) = nul(value) {
        return Err(Problem::new(ErrorCode::InvalidField, "A text must not hold the character U+0000.").at(at));
    }
    Ok(())
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let pointer = pointer(e.path());
        Problem::new(ErrorCode::InvalidField, format!("{}.", e.into_inner())).at(pointer)
    })
}

/// Serde reads a struct from an array as well, by position, which nobody means: a body is an object, and no array of the API
/// holds arrays.
fn array_for_object(value: &Value) -> Option<String> {
    let members = match value {
        Value::Object(members) => members,
        Value::Array(_) => return Some(String::new()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    members.iter().find_map(|(key, member)| {
        let items = member.as_array()?;
        let index = items.iter().position(Value::is_array)?;
        Some(format!("/{key}/{index}"))
    })
}

/// PostgreSQL keeps no U+0000, and nobody means one.
fn nul(value: &Value) -> Option<String> {
    let inside = |key: &str, value| nul(value).map(|rest| format!("/{key}{rest}"));
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| inside(&index.to_string(), item)),
        Value::Object(members) => members.iter().find_map(|(key, member)| inside(key, member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn drop_absent(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, v| !matches!(v, Value::Null) && v.as_str() != Some(""));
            members.values_mut().for_each(drop_absent);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_absent),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let text = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&text);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        admin::UserChange,
        call::{CallReason, CallType, CreateCallRequest},
    };

    #[test]
    fn null_empty_and_missing_all_mean_absent() {
        let call: CreateCallRequest = from_slice(
            br#"{"callTitle":"","creatorUser":"","plannedDateTime":null,"invitedTeams":"","joinAnonymousAllowed":""}"#,
        )
        .unwrap();
        assert_eq!(call, CreateCallRequest::default());
    }

    #[test]
    fn in_a_change_null_clears_and_empty_and_missing_mean_absent() {
        let change = br#"{"email":null,"phoneNumber":"","displayName":null,"password":"","roles":null}"#;
        let change: UserChange = change_from_slice(change).unwrap();
        assert_eq!((change.email, change.phone_number), (Some(None), None));
        assert!(change.display_name.is_none() && change.password.is_none() && change.roles.is_none());
        assert_eq!(change_from_slice::<UserChange>(br#"{"email":"a@b"}"#).unwrap().email, Some(Some("a@b".to_owned())));
        for (body, pointer) in
            [(r#"{"email":7}"#, "/email"), (r#"{"displayName":"a\u0000"}"#, "/displayName"), ("[]", "")]
        {
            let problem = change_from_slice::<UserChange>(body.as_bytes()).err().unwrap();
            assert_eq!((problem.code, problem.pointer.as_deref()), (ErrorCode::InvalidField, Some(pointer)), "{body}");
        }
    }

    #[test]
    fn enums_are_read_in_any_case() {
        let call: CreateCallRequest = from_slice(br#"{"callType":"mesh","callReason":"Service_Request"}"#).unwrap();
        assert_eq!((call.call_type, call.call_reason), (CallType::Mesh, CallReason::ServiceRequest));
    }

    #[test]
    fn a_wrong_value_is_answered_with_its_pointer() {
        let wrong = [
            (r#"{"invitedContacts":[{"userId":"a"},{"userDbId":"eight"}]}"#, "/invitedContacts/1/userDbId"),
            (r#"{"callType":"CARRIER_PIGEON"}"#, "/callType"),
            (r#"{"joinAnonymousAllowed":"yes"}"#, "/joinAnonymousAllowed"),
            (r#"{"callTitle":7}"#, "/callTitle"),
        ];
        for (body, pointer) in wrong {
            let problem = from_slice::<CreateCallRequest>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.pointer.as_deref(), Some(pointer), "{body}");
            assert_eq!(problem.code, ErrorCode::InvalidField);
        }
    }

    #[test]
    fn arrays_are_not_read_as_objects() {
        for (body, pointer) in [("[]", ""), (r#"{"invitedContacts":[{},[8]]}"#, "/invitedContacts/1")] {
            let problem = from_slice::<CreateCallRequest>(body.as_bytes()).unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (ErrorCode::InvalidField, Some(pointer)), "{body}");
        }
    }

    #[test]
    fn a_nul_in_a_text_is_refused_where_it_stands() {
        let body = r#"{"invitedContacts":[{"displayName":"a\u0000b"}]}"#;
        let problem = from_slice::<CreateCallRequest>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.pointer.as_deref(), Some("/invitedContacts/0/displayName"));
    }

    #[test]
    fn deep_json_is_refused_not_followed() {
        let deep = "[".repeat(100_000);
        let problem = from_slice::<CreateCallRequest>(deep.as_bytes()).unwrap_err();
        assert_eq!(problem.code, ErrorCode::MalformedJson);
    }
}
