//! Picture ids in VP8's payload descriptor (RFC 7741, section 4.2): what is shown in a slot changes, its ids go on.

/// Bytes of a payload that are replaced as it goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Patch {
    picture: Option<(u8, Picture)>,
    tl0: Option<(u8, u8)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Picture {
    /// 7 bits.
    Short(u8),
    /// 15 bits.
    Long(u16),
}

impl Patch {
    /// Where the descriptor has them, `picture` and `tl0` take the places of its picture id and TL0PICIDX.
    pub(crate) fn new(payload: &[u8], picture: u16, tl0: u8) -> Self {
        Self::read(payload, picture, tl0).unwrap_or_default()
    }

    fn read(payload: &[u8], picture: u16, tl0: u8) -> Option<Self> {
        const EXTENDED: u8 = 0x80;
        const HAS_PICTURE: u8 = 0x80;
        const HAS_TL0: u8 = 0x40;
        const LONG: u8 = 0x80;
        if payload.first()? & EXTENDED == 0 {
            return None;
        }
        let has = *payload.get(1)?;
        let mut patch = Self::default();
        let mut at = 2;
        if has & HAS_PICTURE != 0 {
            let long = *payload.get(2)? & LONG != 0;
            let [high, low] = picture.to_be_bytes();
            let id =
                if long { Picture::Long(u16::from_be_bytes([high | LONG, low])) } else { Picture::Short(low & !LONG) };
            patch.picture = Some((at, id));
            at += if long { 2 } else { 1 };
        }
        if has & HAS_TL0 != 0 {
            patch.tl0 = Some((at, tl0));
            at += 1;
        }
        payload.get(..usize::from(at)).map(|_| patch)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `payload` is the one it was made for.
    pub(crate) fn apply(&self, payload: &mut [u8]) {
        let mut put = |at: u8, bytes: &[u8]| {
            let at = usize::from(at);
            if let Some(place) = payload.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        match self.picture {
            Some((at, Picture::Short(id))) => put(at, &[id]),
            Some((at, Picture::Long(id))) => put(at, &id.to_be_bytes()),
            None => {}
        }
        if let Some((at, tl0)) = self.tl0 {
            put(at, &[tl0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(payload: &[u8], picture: u16, tl0: u8) -> Vec<u8> {
        let mut copy = payload.to_vec();
        Patch::new(payload, picture, tl0).apply(&mut copy);
        copy
    }

    #[test]
    fn ids_are_replaced_where_they_are() {
        let long = [0x90, 0xe0, 0x80, 0x01, 7, 0x00, 0xaa];
        assert_eq!(patched(&long, 0x1234, 9), [0x90, 0xe0, 0x92, 0x34, 9, 0x00, 0xaa]);
        let short = [0x90, 0x80, 0x05, 0xaa];
        assert_eq!(patched(&short, 0x1234, 9), [0x90, 0x80, 0x34, 0xaa], "short ids stay short");
        let only_tl0 = [0x90, 0x40, 7, 0xaa];
        assert_eq!(patched(&only_tl0, 0x1234, 9), [0x90, 0x40, 9, 0xaa]);
    }

    #[test]
    fn a_descriptor_without_ids_or_cut_off_stays_as_it_is() {
        for payload in [&[][..], &[0x10, 0xaa], &[0x90], &[0x90, 0x80], &[0x90, 0xc0, 0x81, 0x00], &[0x90, 0x00, 0xaa]]
        {
            assert!(Patch::new(payload, 1, 1).is_empty(), "{payload:?}");
        }
    }
}
