//! Still pictures for links that carry no video: the newest of each participant, in memory, as long as its sender sits in the call. They come
//! in pieces and are fetched in pieces, so that a break costs a piece and not a picture.

use std::{collections::HashMap, ops::Range, sync::Arc, time::Duration};

use axum::body::Bytes;
use farhand_domain::{ids::ContactId, time::Timestamp};
use farhand_protocol::{ErrorCode, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::pace::Pace;
use crate::http::{Fail, Outcome};

/// A picture of 1080 lines in good quality takes half of it.
pub const MAX_STILL: u32 = 512 * 1024;
/// Kilobytes for all calls together: five hundred of the largest pictures.
const ALL_KILOBYTES: usize = 256 * 1024;
/// Kilobytes for those of one person, with all that are still being fetched: eight of the largest. So nobody takes all of that room by fetching
/// slowly what a friend sends fast.
const EACH_KILOBYTES: usize = 4 * 1024;
/// How often somebody may begin a new one. Clients do each few seconds.
const INTERVAL: Duration = Duration::from_secs(1);
const BURST: u32 = 5;
/// How a JPEG begins.
const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];

/// What there is for the pictures of all calls, or of one person.
#[derive(Clone)]
pub struct Room(Arc<Semaphore>);

impl Room {
    fn take(&self, bytes: u32) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_many_owned(bytes.div_ceil(1024)).ok()
    }
}

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL_KILOBYTES)))
    }
}

/// A picture that has come whole.
#[derive(Debug)]
struct Still {
    id: Uuid,
    /// Takes its room until the last part that was fetched has left.
    bytes: Bytes,
    /// When its first piece came, which is about when it was taken.
    taken: Timestamp,
}

/// Bytes, and the room they take: of one person and of all.
struct Held {
    bytes: Vec<u8>,
    _room: [OwnedSemaphorePermit; 2],
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

struct Coming {
    id: Uuid,
    size: usize,
    held: Held,
    taken: Timestamp,
}

struct OfOne {
    pace: Pace,
    room: Room,
    coming: Option<Coming>,
    newest: Option<Arc<Still>>,
    /// Whoever has begun to fetch a picture gets the rest of it, too, even if it is not the newest any more. Otherwise somebody whose link is
    /// slower than the sender's would never see a whole one.
    read: HashMap<ContactId, Arc<Still>>,
}

/// Of one call.
pub struct Stills {
    room: Room,
    of: HashMap<ContactId, OfOne>,
}

/// A piece on its way in.
#[derive(Debug)]
pub struct Piece {
    pub id: Uuid,
    pub offset: u32,
    /// Of the whole picture.
    pub size: u32,
    pub bytes: Vec<u8>,
}

/// What came of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// So much of the picture is here: the next piece begins there.
    pub bytes: u32,
    /// With this it is whole.
    pub whole: bool,
}

/// A piece on its way out.
#[derive(Debug)]
pub struct Part {
    pub id: Uuid,
    pub range: Range<usize>,
    pub of: usize,
    pub taken: Timestamp,
    pub bytes: Bytes,
}

impl Stills {
    pub fn new(room: Room) -> Self {
        Self { room, of: HashMap::new() }
    }

    /// Forgets the pictures of those who sit here no more.
    pub fn keep(&mut self, seated: impl Fn(ContactId) -> bool) {
        self.of.retain(|contact, one| {
            one.read.retain(|reader, _| seated(*reader));
            seated(*contact)
        });
    }

    /// A piece that begins elsewhere than where the last one ended changes nothing: the answer says where to go on.
    pub fn put(&mut self, now: Timestamp, from: ContactId, piece: Piece) -> Outcome<Received> {
        let Piece { id, offset, size, bytes } = piece;
        let one = self.of.entry(from).or_insert_with(|| OfOne::new(now));
        if one.newest.as_ref().is_some_and(|newest| newest.id == id) {
            // The answer to the last piece was lost.
            return Ok(Received { bytes: size, whole: false });
        }
        if one.coming.as_ref().is_none_or(|coming| coming.id != id) {
            one.begin(now, id, size, &self.room)?;
        }
        one.take(offset, &bytes)
    }

    /// The newest picture from its beginning, or more of the one whose beginning was fetched.
    pub fn get(&mut self, reader: ContactId, of: ContactId, range: Range<usize>, id: Option<Uuid>) -> Outcome<Part> {
        let nothing = || Fail::new(ErrorCode::NotFound, "There is no still picture of this person.");
        let one = self.of.get_mut(&of).ok_or_else(nothing)?;
        let begun = one.read.get(&reader).or(one.newest.as_ref()).cloned();
        let still = match id {
            Some(id) => begun.filter(|begun| begun.id == id).ok_or_else(|| {
                Fail::new(ErrorCode::StillReplaced, "There is a newer picture; fetch that from its beginning.")
            })?,
            None => one.newest.clone().ok_or_else(nothing)?,
        };
        let end = range.end.min(still.bytes.len());
        let start = range.start.min(end);
        if end == still.bytes.len() {
            one.read.remove(&reader);
        } else {
            one.read.insert(reader, still.clone());
        }
        let bytes = still.bytes.slice(start..end);
        Ok(Part { id: still.id, of: still.bytes.len(), taken: still.taken, bytes, range: start..end })
    }
}

impl OfOne {
    fn new(now: Timestamp) -> Self {
        let room = Room(Arc::new(Semaphore::new(EACH_KILOBYTES)));
        Self { pace: Pace::new(now), room, coming: None, newest: None, read: HashMap::new() }
    }

    fn begin(&mut self, now: Timestamp, id: Uuid, size: u32, room: &Room) -> Outcome<()> {
        if size == 0 || size > MAX_STILL {
            let detail = format!("A still picture has 1 to {MAX_STILL} bytes.");
            return Err(Problem::new(ErrorCode::InvalidField, detail).at("/size").into());
        }
        // The one before will not be finished: there is something newer to see.
        self.coming = None;
        if !self.pace.allows(now, INTERVAL, BURST) {
            return Err(Fail::new(ErrorCode::TooManyAttempts, "Too many still pictures; wait a second."));
        }
        let slow = || Fail::new(ErrorCode::TooManyAttempts, "Your last still pictures are still being fetched; wait.");
        let full = || Fail::new(ErrorCode::Overloaded, "There is no room for more still pictures; try again.");
        let room = [self.room.take(size).ok_or_else(slow)?, room.take(size).ok_or_else(full)?];
        let size = usize::try_from(size).map_err(Fail::internal)?;
        let held = Held { bytes: Vec::new(), _room: room };
        self.coming = Some(Coming { id, size, held, taken: now });
        Ok(())
    }

    fn take(&mut self, offset: u32, bytes: &[u8]) -> Outcome<Received> {
        let nothing = Received { bytes: 0, whole: false };
        let Some(coming) = &mut self.coming else { return Ok(nothing) };
        let here = &mut coming.held.bytes;
        let fits =
            usize::try_from(offset).is_ok_and(|offset| offset == here.len()) && here.len() + bytes.len() <= coming.size;
        if fits {
            here.extend_from_slice(bytes);
        }
        let received = u32::try_from(here.len()).map_err(Fail::internal)?;
        if here.len() < coming.size {
            return Ok(Received { bytes: received, whole: false });
        }
        let Some(Coming { id, mut held, taken, .. }) = self.coming.take() else { return Ok(nothing) };
        held.bytes.shrink_to_fit();
        if !held.bytes.starts_with(&JPEG) {
            return Err(Fail::new(ErrorCode::InvalidField, "A still picture is a JPEG."));
        }
        self.newest = Some(Arc::new(Still { id, bytes: Bytes::from_owner(held), taken }));
        Ok(Received { bytes: received, whole: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: ContactId = ContactId(1);
    const BOB: ContactId = ContactId(2);
    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn picture(length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
        bytes[..3].copy_from_slice(&JPEG);
        bytes
    }

    fn piece(id: u128, whole: &[u8], range: Range<usize>) -> Piece {
        Piece {
            id: Uuid::from_u128(id),
            offset: u32::try_from(range.start).unwrap(),
            size: u32::try_from(whole.len()).unwrap(),
            bytes: whole[range].to_vec(),
        }
    }

    fn at(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    fn code<T: std::fmt::Debug>(outcome: Outcome<T>) -> ErrorCode {
        outcome.unwrap_err().0.code
    }

    #[test]
    fn a_picture_comes_in_pieces_and_goes_on_where_a_break_has_left_it() {
        let mut stills = Stills::new(Room::default());
        let whole = picture(1_000);
        let mut put = |range| stills.put(NOW, ANN, piece(1, &whole, range)).unwrap();
        assert_eq!(put(0..400), Received { bytes: 400, whole: false });
        assert_eq!(put(0..400), Received { bytes: 400, whole: false }, "the answer was lost, and it is sent again");
        assert_eq!(put(500..900), Received { bytes: 400, whole: false }, "a piece is missing before it");
        assert_eq!(put(400..1_000), Received { bytes: 1_000, whole: true });
        assert_eq!(put(400..1_000), Received { bytes: 1_000, whole: false }, "told once only");
        let part = stills.get(BOB, ANN, 0..usize::MAX, None).unwrap();
        assert_eq!((part.id, part.bytes.to_vec()), (Uuid::from_u128(1), whole));
    }

    #[test]
    fn whoever_fetches_slowly_gets_one_whole_picture_although_newer_ones_come() {
        let mut stills = Stills::new(Room::default());
        let (first, second) = (picture(1_000), picture(600));
        stills.put(NOW, ANN, piece(1, &first, 0..1_000)).unwrap();
        let part = stills.get(BOB, ANN, 0..400, None).unwrap();
        assert_eq!((part.range.clone(), part.of), (0..400, 1_000));
        stills.put(at(5), ANN, piece(2, &second, 0..600)).unwrap();
        let rest = stills.get(BOB, ANN, 400..2_000, Some(part.id)).unwrap();
        assert_eq!([&part.bytes[..], &rest.bytes[..]].concat(), first);
        assert_eq!(
            code(stills.get(BOB, ANN, 400..500, Some(part.id))),
            ErrorCode::StillReplaced,
            "it has been fetched"
        );
        assert_eq!(stills.get(BOB, ANN, 0..10_000, None).unwrap().bytes[..], second[..]);
        stills.get(BOB, ANN, 0..10, None).unwrap();
        stills.keep(|contact| contact == ANN);
        assert!(stills.of[&ANN].read.is_empty(), "nothing is kept for those who are gone");
    }

    #[test]
    fn a_newer_picture_takes_the_place_of_one_that_has_not_come_whole() {
        let mut stills = Stills::new(Room::default());
        let whole = picture(1_000);
        stills.put(NOW, ANN, piece(1, &whole, 0..400)).unwrap();
        assert!(stills.put(NOW, ANN, piece(2, &whole, 0..1_000)).unwrap().whole);
        assert_eq!(code(stills.get(ANN, BOB, 0..1, None)), ErrorCode::NotFound);
    }

    #[test]
    fn what_is_no_picture_is_too_large_or_comes_too_often_is_refused() {
        let mut stills = Stills::new(Room::default());
        assert_eq!(code(stills.put(NOW, ANN, piece(1, &[0; 100], 0..100))), ErrorCode::InvalidField);
        let large = vec![0xff; 512 * 1024 + 1];
        assert_eq!(code(stills.put(NOW, ANN, piece(2, &large, 0..1))), ErrorCode::InvalidField);
        let more = Piece { size: 100, ..piece(3, &picture(200), 0..200) };
        assert_eq!(stills.put(NOW, ANN, more).unwrap(), Received { bytes: 0, whole: false }, "more than it said");
        let whole = picture(10);
        let taken = (10..20).filter(|id| stills.put(NOW, ANN, piece(*id, &whole, 0..10)).is_ok()).count();
        assert!((1..=5).contains(&taken), "{taken}");
        assert!(stills.put(at(10), ANN, piece(99, &whole, 0..10)).is_ok());
    }

    #[test]
    fn what_is_fetched_slowly_takes_its_room_until_it_has_left_and_its_senders_only() {
        let (room, large) = (Room::default(), picture(512 * 1024));
        let mut stills = Stills::new(room.clone());
        let mut leaving = Vec::new();
        let refused = (0..20_u64).find_map(|id| {
            let put = stills.put(at(10 * id), ANN, piece(id.into(), &large, 0..large.len()));
            leaving.extend(stills.get(BOB, ANN, 0..usize::MAX, None).ok());
            put.err()
        });
        assert_eq!(
            (refused.unwrap().0.code, leaving.len()),
            (ErrorCode::TooManyAttempts, 9),
            "eight, and one once more"
        );
        assert!(stills.put(NOW, BOB, piece(99, &large, 0..1)).is_ok(), "who has room of his own");
        stills.keep(|_| false);
        assert_eq!(room.0.available_permits(), ALL_KILOBYTES - EACH_KILOBYTES, "they have not left");
        leaving.clear();
        assert_eq!(room.0.available_permits(), ALL_KILOBYTES);
    }

    #[test]
    fn all_calls_together_have_so_much_room_and_get_it_back() {
        let room = Room::default();
        let mut calls: Vec<Stills> = Vec::new();
        let large = picture(512 * 1024);
        let refused = loop {
            let mut stills = Stills::new(room.clone());
            match stills.put(NOW, ANN, piece(1, &large, 0..1)) {
                Ok(_) => calls.push(stills),
                Err(fail) => break fail.0.code,
            }
        };
        assert_eq!((refused, calls.len()), (ErrorCode::Overloaded, 512));
        calls[0].keep(|_| false);
        assert!(Stills::new(room).put(NOW, ANN, piece(1, &large, 0..1)).is_ok());
    }
}
