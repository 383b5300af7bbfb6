//! Datagrams on a TCP stream, each with its length before it (RFC 4571).

use tokio::io::{AsyncRead, AsyncReadExt};

/// Larger than any datagram of an MTU of 1,500.
const LONGEST: usize = 2048;
/// The shortest there are: RTP and DTLS headers. A length of nothing would cost a sender two bytes and this server a datagram.
const SHORTEST: usize = 12;

/// The next datagram; none if the other end has gone or speaks something else.
pub async fn read(reader: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let length = usize::from(reader.read_u16().await.ok()?);
    if !(SHORTEST..=LONGEST).contains(&length) {
        return None;
    }
    let mut contents = vec![0; length];
    reader.read_exact(&mut contents).await.ok()?;
    Some(contents)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn what_is_too_long_too_short_or_cut_is_no_datagram() {
        for (length, good) in [(0, false), (1, false), (11, false), (12, true), (2_048, true), (2_049, false)] {
            let (mut here, mut there) = tokio::io::duplex(4_096);
            here.write_u16(length).await.unwrap();
            here.write_all(&vec![7; usize::from(length)]).await.unwrap();
            assert_eq!(read(&mut there).await.is_some(), good, "{length}");
        }
        let (mut here, mut there) = tokio::io::duplex(4_096);
        here.write_all(&[0, 20, 1, 2, 3]).await.unwrap();
        drop(here);
        assert_eq!(read(&mut there).await, None);
    }
}
