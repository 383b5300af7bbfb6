//! The ICE username fragment tells every datagram's place: which worker, which room, which peer. It can be read before
//! anything is known about the sender; that the sender may use it is shown by the message integrity, not by it.

use crate::ids::{PeerId, RoomId};

/// What a username fragment of ours says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub worker: u8,
    pub room: RoomId,
    pub peer: PeerId,
}

const WORKER: usize = 2;
const ROOM: usize = 32;
const PEER: usize = 16;

impl Place {
    /// `generation` tells the ICE restarts of one connection apart.
    pub fn ufrag(self, generation: u32) -> String {
        format!("{:02x}{:032x}{:016x}{generation:x}", self.worker, self.room.0, self.peer.0)
    }

    pub fn read(ufrag: &str) -> Option<Self> {
        let worker = u8::from_str_radix(ufrag.get(..WORKER)?, 16).ok()?;
        let room = u128::from_str_radix(ufrag.get(WORKER..WORKER + ROOM)?, 16).ok()?;
        let peer = u64::from_str_radix(ufrag.get(WORKER + ROOM..WORKER + ROOM + PEER)?, 16).ok()?;
        Some(Self { worker, room: RoomId(room), peer: PeerId(peer) })
    }

    /// The place a STUN request was sent to. Looks at nothing but the USERNAME (RFC 8489, section 14.3).
    pub fn of_stun(datagram: &[u8]) -> Option<Self> {
        let username = stun_username(datagram)?;
        Self::read(username.split(':').next()?)
    }
}

const STUN_HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const USERNAME: [u8; 2] = [0x00, 0x06];
const USE_CANDIDATE: [u8; 2] = [0x00, 0x25];

/// Whether these are the first bytes of a STUN Binding request.
pub fn is_binding_request(datagram: &[u8]) -> bool {
    datagram.len() >= STUN_HEADER && datagram[..2] == BINDING_REQUEST && datagram[4..8] == MAGIC_COOKIE
}

/// The USERNAME of a Binding request.
pub fn stun_username(datagram: &[u8]) -> Option<&str> {
    std::str::from_utf8(attribute(datagram, USERNAME)?).ok()
}

/// Whether a Binding request says that this is the path to use (USE-CANDIDATE, RFC 8445, section 7.1.2).
pub(crate) fn nominates(datagram: &[u8]) -> bool {
    attribute(datagram, USE_CANDIDATE).is_some()
}

fn attribute(datagram: &[u8], wanted: [u8; 2]) -> Option<&[u8]> {
    if !is_binding_request(datagram) {
        return None;
    }
    let mut rest = &datagram[STUN_HEADER..];
    while let [t0, t1, l0, l1, ..] = *rest {
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let value = rest.get(4..4 + length)?;
        if [t0, t1] == wanted {
            return Some(value);
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { worker: 3, room: RoomId(0xdead_beef), peer: PeerId(42) };

    fn binding(username: &str) -> Vec<u8> {
        let mut datagram = vec![0x00, 0x01, 0x00, 0x00];
        datagram.extend(MAGIC_COOKIE);
        datagram.extend([7; 12]);
        // PRIORITY stands before it.
        datagram.extend([0x00, 0x24, 0x00, 0x04, 1, 2, 3, 4]);
        datagram.extend(USERNAME);
        datagram.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
        datagram.extend(username.as_bytes());
        datagram.resize(datagram.len().next_multiple_of(4), 0);
        let length = u16::try_from(datagram.len() - STUN_HEADER).unwrap().to_be_bytes();
        datagram[2..4].copy_from_slice(&length);
        datagram
    }

    #[test]
    fn a_fragment_says_where_it_belongs() {
        assert_eq!(Place::read(&PLACE.ufrag(0)), Some(PLACE));
        assert_eq!(Place::read(&PLACE.ufrag(9)), Some(PLACE), "whatever the generation");
        assert!(PLACE.ufrag(u32::MAX).len() <= 256, "RFC 8839, section 5.4");
        assert!(PLACE.ufrag(0).bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn foreign_fragments_belong_nowhere() {
        for foreign in ["", "abcd", "zz", &"g".repeat(60), "é"] {
            assert_eq!(Place::read(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_stun_request_is_found_by_its_username() {
        let datagram = binding(&format!("{}:remote", PLACE.ufrag(1)));
        assert_eq!(Place::of_stun(&datagram), Some(PLACE));
    }

    #[test]
    fn cut_datagrams_are_nobodys() {
        let username = format!("{}:remote", PLACE.ufrag(1));
        let datagram = binding(&username);
        let padding = username.len().next_multiple_of(4) - username.len();
        for length in 0..datagram.len() - padding {
            let found = Place::of_stun(&datagram[..length]);
            assert!(found.is_none(), "cut to {length}");
        }
        assert_eq!(stun_username(&binding("")), Some(""));
    }

    #[test]
    fn a_request_says_whether_its_path_is_to_be_used() {
        let mut datagram = binding("x:y");
        assert!(!nominates(&datagram));
        datagram.extend([0x00, 0x25, 0x00, 0x00]);
        assert!(nominates(&datagram));
    }

    #[test]
    fn answers_and_other_protocols_have_no_username() {
        let mut answer = binding("x:y");
        answer[0] = 0x01;
        assert_eq!(stun_username(&answer), None);
        assert_eq!(stun_username(&[0x80; 40]), None);
    }
}
