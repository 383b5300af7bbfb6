//! The two cookies of a browser's login. `HttpOnly`, so that no script reads them; `SameSite=Lax`, so that no other
//! site's form carries them; with https also `Secure` and bound to the host.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::auth::Granted;

const ACCESS: &str = "farhand_session";
const REFRESH: &str = "farhand_refresh";
const SECURE_ACCESS: &str = "__Host-farhand_session";
/// Not `__Host-`, which would send it with every request: it is for `/auth` only.
const SECURE_REFRESH: &str = "__Secure-farhand_refresh";

pub fn access(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, SECURE_ACCESS).or_else(|| cookie(headers, ACCESS))
}

pub fn refresh(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, SECURE_REFRESH).or_else(|| cookie(headers, REFRESH))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Sets both cookies.
pub fn set(headers: &mut HeaderMap, granted: &Granted, refresh_seconds: u64, secure: bool) {
    append(headers, &write(Kind::Access, granted.access.reveal(), granted.expires_in.as_secs(), secure));
    append(headers, &write(Kind::Refresh, granted.refresh.reveal(), refresh_seconds, secure));
}

/// Makes the browser forget both.
pub fn clear(headers: &mut HeaderMap, secure: bool) {
    append(headers, &write(Kind::Access, "", 0, secure));
    append(headers, &write(Kind::Refresh, "", 0, secure));
}

#[derive(Clone, Copy)]
enum Kind {
    Access,
    Refresh,
}

fn write(kind: Kind, value: &str, max_age: u64, secure: bool) -> String {
    let (name, path) = match (kind, secure) {
        (Kind::Access, true) => (SECURE_ACCESS, "/"),
        (Kind::Access, false) => (ACCESS, "/"),
        (Kind::Refresh, true) => (SECURE_REFRESH, "/auth"),
        (Kind::Refresh, false) => (REFRESH, "/auth"),
    };
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

fn append(headers: &mut HeaderMap, cookie: &str) {
    // Tokens are URL-safe base64 and the rest is written above, so this is always a valid header.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        headers.append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_hidden_from_scripts_and_bound_to_the_host_with_https() {
        let plain = write(Kind::Access, "x", 9, false);
        assert_eq!(plain, "farhand_session=x; Path=/; Max-Age=9; HttpOnly; SameSite=Lax");
        let secure = write(Kind::Access, "x", 9, true);
        assert_eq!(secure, "__Host-farhand_session=x; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=1; farhand_session=tok; b=2"));
        assert_eq!(access(&headers), Some("tok"));
        assert_eq!(refresh(&headers), None);
    }
}
