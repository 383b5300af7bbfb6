//! Reading server frames. A frame of a type this client does not know counts, but is ignored.

use farhand_protocol::frame::ServerMessage;
use serde::Deserialize;

use super::SocketError;

/// Every type of `ServerFrame`. A frame of one of these that cannot be read is an error, not news from a newer server.
const KNOWN: [&str; 18] = [
    "welcome",
    "ok",
    "error",
    "ring",
    "ringEnd",
    "call",
    "overtaken",
    "moved",
    "signal",
    "slots",
    "speaker",
    "pathLost",
    "still",
    "requestPlace",
    "requests",
    "callBackDue",
    "presence",
    "pong",
];

#[derive(Debug)]
pub(super) enum Read {
    Known(Box<ServerMessage>),
    /// With its `seq`.
    Unknown(Option<u64>),
}

#[derive(Deserialize)]
struct Outline {
    seq: Option<u64>,
    #[serde(rename = "type")]
    kind: String,
}

pub(super) fn read(text: &str) -> Result<Read, SocketError> {
    let error = match serde_json::from_str(text) {
        Ok(message) => return Ok(Read::Known(Box::new(message))),
        Err(error) => error,
    };
    match serde_json::from_str::<Outline>(text) {
        Ok(outline) if !KNOWN.contains(&outline.kind.as_str()) => {
            tracing::debug!(kind = outline.kind, "frame of an unknown type ignored");
            Ok(Read::Unknown(outline.seq))
        }
        Ok(outline) => Err(SocketError::Unreadable(format!("{}: {error}", outline.kind))),
        Err(_) => Err(SocketError::Unreadable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_an_unknown_type_counts_but_one_that_is_wrong_is_an_error() {
        assert!(matches!(read(r#"{"seq":7,"type":"fromTheFuture","x":[1]}"#), Ok(Read::Unknown(Some(7)))));
        assert!(matches!(read(r#"{"type":"pong"}"#), Ok(Read::Known(_))));
        for wrong in [r#"{"seq":7,"type":"ring","ring":{}}"#, r#"{"seq":7}"#, "[]", "hello"] {
            assert!(matches!(read(wrong), Err(SocketError::Unreadable(_))), "{wrong}");
        }
    }

    #[test]
    fn the_list_of_known_types_is_the_protocols() {
        let unknown = serde_json::from_str::<ServerMessage>(r#"{"type":"fromTheFuture"}"#).unwrap_err().to_string();
        let listed: Vec<&str> = unknown.split('`').skip(3).step_by(2).collect();
        assert_eq!(listed, KNOWN);
    }
}
