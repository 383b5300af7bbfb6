//! Errors as RFC 9457 problem documents with a stable code, shared by REST and the WebSocket.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

macro_rules! error_codes {
    ($($name:ident $text:literal $status:literal $title:literal;)+) => {
        /// Every way Farhand says no. Codes are stable; `docs/errors.md` has a row for each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $(#[doc = $title] #[serde(rename = $text)] $name,)+
        }

        impl ErrorCode {
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The HTTP status the code is answered with.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

error_codes! {
    MalformedJson "malformed_json" 400 "The body is not JSON";
    InvalidField "invalid_field" 400 "A field has a wrong value";
    BadFrame "bad_frame" 400 "The WebSocket frame cannot be read";
    HelloRequired "hello_required" 401 "The first frame must be hello";
    Unauthenticated "unauthenticated" 401 "Log in first";
    TokenExpired "token_expired" 401 "The token has expired";
    InvalidCredentials "invalid_credentials" 401 "Domain, user or password is wrong";
    RefreshReused "refresh_reused" 401 "The refresh token was used before";
    GuestLinkUnknown "guest_link_unknown" 401 "The link is not from this server";
    GuestLinkExpired "guest_link_expired" 401 "The link has expired";
    GuestLinkRevoked "guest_link_revoked" 401 "The link was taken back";
    RequestLinkUnknown "request_link_unknown" 401 "The link leads nowhere";
    Forbidden "forbidden" 403 "Not allowed";
    CrossSiteRefused "cross_site_refused" 403 "Cross-site request refused";
    ConnectorRoleRequired "connector_role_required" 403 "Calling on behalf of others needs the connector role";
    BrokerHasNoSeat "broker_has_no_seat" 403 "A broker has no seat in its call";
    GuestForbidden "guest_forbidden" 403 "Not for guests";
    TermsRequired "terms_required" 403 "Terms have to be accepted first";
    NotInvited "not_invited" 403 "You are not invited to this call";
    CodeUnknown "code_unknown" 404 "The code leads nowhere";
    NotFound "not_found" 404 "Nothing there";
    CallNotFound "call_not_found" 404 "No such call";
    MethodNotAllowed "method_not_allowed" 405 "Method not allowed";
    CallFull "call_full" 409 "The call is full";
    CallEnded "call_ended" 409 "The call has ended";
    CallNotBegun "call_not_begun" 409 "The call has not begun";
    NotWaiting "not_waiting" 409 "Nobody of that kind waits";
    AnonymousNotAllowed "anonymous_not_allowed" 409 "The call is not open to anonymous people";
    LobbyFull "lobby_full" 409 "Too many people wait already";
    CallAlreadyStarted "call_already_started" 409 "The call has started already";
    NotInCall "not_in_call" 409 "You are not in this call";
    NotPlanned "not_planned" 409 "The call is not a planned one";
    SeatMoved "seat_moved" 409 "The call was taken over on another device";
    SessionRequired "session_required" 409 "Open the WebSocket first";
    StaleEpoch "stale_epoch" 409 "The media plan has changed";
    NoPeer "no_peer" 409 "Nobody to signal to yet";
    AlreadyExists "already_exists" 409 "It exists already";
    WebhookDisabled "webhook_disabled" 409 "The webhook is disabled";
    AlreadyClaimed "already_claimed" 409 "Somebody else has claimed the request";
    NotClaimable "not_claimable" 409 "The call is no request that waits";
    RequestLinkClosed "request_link_closed" 409 "The link takes no requests";
    StillReplaced "still_replaced" 412 "There is a newer still picture";
    SdpRefused "sdp_refused" 422 "The media offer cannot be used";
    BodyTooLarge "body_too_large" 413 "The body is too large";
    UnknownContact "unknown_contact" 422 "Unknown contact";
    ContactMismatch "contact_mismatch" 422 "The contact's ids disagree";
    ContactUnreachable "contact_unreachable" 422 "The contact has no account and no address";
    UnknownTeam "unknown_team" 422 "Unknown team";
    TeamMismatch "team_mismatch" 422 "The team's id and name disagree";
    TeamLoop "team_loop" 422 "Teams follow each other in a circle";
    UnknownCreator "unknown_creator" 422 "Unknown creatorUser";
    NobodyToCall "nobody_to_call" 422 "Nobody left to call";
    GuestsNotAllowed "guests_not_allowed" 422 "The domain does not allow guests";
    PlannedInPast "planned_in_past" 422 "The planned time is past";
    NoSuchTime "no_such_time" 422 "The clocks never show this time";
    AmbiguousTime "ambiguous_time" 422 "The clocks show this time twice";
    UnknownTimeZone "unknown_time_zone" 422 "Unknown time zone";
    EscalatesInCircles "escalates_in_circles" 422 "The escalation comes back to the team";
    TooManyInvited "too_many_invited" 422 "Too many people invited";
    TooManyBrowsers "too_many_browsers" 422 "Too many browsers ring for this user";
    IdempotencyMismatch "idempotency_mismatch" 422 "The key was used with another body";
    LastAdministrator "last_administrator" 422 "The domain's last administrator";
    TooManyWebhooks "too_many_webhooks" 422 "Too many webhooks";
    TooManyRequestLinks "too_many_request_links" 422 "Too many links for requests";
    TooManyRequests "too_many_requests" 429 "Too many requests for help";
    TooManyAttempts "too_many_attempts" 429 "Too many attempts";
    TooManySessions "too_many_sessions" 429 "Too many open connections";
    SlowReader "slow_reader" 429 "The client reads too slowly";
    Internal "internal" 500 "Something went wrong here";
    StorageUnavailable "storage_unavailable" 503 "The database cannot be written";
    Overloaded "overloaded" 503 "Too busy";
    ShuttingDown "shutting_down" 503 "The server is stopping";
}

// By hand: the derive does not see the names through the macro.
impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Every way Farhand says no. Codes are stable."))
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for ErrorCode {}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A problem document (RFC 9457). `detail` tells a person what to do; `pointer` names the bad field (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{code}: {detail}")]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub code: ErrorCode,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Seconds to wait before trying again, with 429 and 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Problem {
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:farhand:error:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            pointer: None,
            retry_after: None,
        }
    }

    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_read_back_as_written() {
        let mut seen = std::collections::HashSet::new();
        for code in ErrorCode::ALL {
            assert!(seen.insert(code.as_str()), "{code} twice");
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
            assert_eq!(&serde_json::from_str::<ErrorCode>(&json).unwrap(), code);
        }
    }
}
