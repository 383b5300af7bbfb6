//! The answer as clients get it: with the addresses this server is reached at instead of the engine's own.

use std::{fmt::Write, net::SocketAddr};

/// RFC 8445, section 5.1.2.1: a host candidate over UDP; over TCP less wanted (RFC 6544, section 4.2).
const UDP_PREFERENCE: u32 = 126 << 24;
const TCP_PREFERENCE: u32 = 90 << 24;

/// Asks senders of sound to keep it for a while, and to send again what is asked for (RFC 4585, section 4.2). Offers do not name this for sound;
/// browsers that know it do it if the answer does.
pub(crate) fn with_resent_sound(answer: &str) -> String {
    let sections: Vec<String> = answer.split("\r\nm=").map(resent).collect();
    sections.join("\r\nm=")
}

fn resent(section: &str) -> String {
    let opus = |line: &str| {
        let (payload_type, codec) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        codec.starts_with("opus/").then(|| format!("\r\na=rtcp-fb:{payload_type} nack"))
    };
    let comes_in = section.starts_with("audio") && section.lines().any(|line| line == "a=recvonly");
    let lines = section.split("\r\n").map(|line| {
        let more = Some(line).filter(|_| comes_in).and_then(opus).unwrap_or_default();
        format!("{line}{more}")
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

/// Replaces the candidates. They stand in the first m-line, which carries all others (BUNDLE).
pub(crate) fn with_candidates(answer: &str, udp: &[SocketAddr], tcp: &[SocketAddr]) -> String {
    let mut told = String::with_capacity(answer.len() + 512);
    let mut lines = 0;
    for line in answer.lines() {
        if line.starts_with("a=candidate:") || line == "a=end-of-candidates" {
            continue;
        }
        if line.starts_with("m=") {
            lines += 1;
            if lines == 2 {
                told.push_str(&candidates(udp, tcp));
            }
        }
        told.push_str(line);
        told.push_str("\r\n");
    }
    if lines == 1 {
        told.push_str(&candidates(udp, tcp));
    }
    told
}

fn candidates(udp: &[SocketAddr], tcp: &[SocketAddr]) -> String {
    let mut lines = String::new();
    let all = udp.iter().map(|address| (address, "udp", UDP_PREFERENCE, ""));
    let all = all.chain(tcp.iter().map(|address| (address, "tcp", TCP_PREFERENCE, " tcptype passive")));
    for (index, (address, protocol, preference, more)) in all.enumerate() {
        let rank = u32::try_from(index).unwrap_or(u32::MAX).min(0xffff);
        let priority = preference + ((0xffff - rank) << 8) + 255;
        let (ip, port) = (address.ip(), address.port());
        // Writing to a string cannot fail.
        let _ = write!(lines, "a=candidate:{} 1 {protocol} {priority} {ip} {port} typ host{more}\r\n", index + 1);
    }
    lines.push_str("a=end-of-candidates\r\n");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\nm=audio 9 X 1\r\na=candidate:own 1 udp 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\na=mid:0\r\nm=video 9 X 2\r\na=mid:1\r\n";

    #[test]
    fn clients_are_told_the_addresses_that_lead_here_and_not_the_engines_own() {
        let udp = ["192.0.2.1:443".parse().unwrap(), "[2001:db8::1]:443".parse().unwrap()];
        let tcp = ["192.0.2.1:443".parse().unwrap()];
        let told = with_candidates(ANSWER, &udp, &tcp);
        let expected = "v=0\r\nm=audio 9 X 1\r\na=mid:0\r\n\
            a=candidate:1 1 udp 2130706431 192.0.2.1 443 typ host\r\n\
            a=candidate:2 1 udp 2130706175 2001:db8::1 443 typ host\r\n\
            a=candidate:3 1 tcp 1526726143 192.0.2.1 443 typ host tcptype passive\r\n\
            a=end-of-candidates\r\nm=video 9 X 2\r\na=mid:1\r\n";
        assert_eq!(told, expected);
    }

    #[test]
    fn senders_of_sound_are_told_to_send_again_what_got_lost() {
        let line = |kind: &str, direction: &str, codec: &str| {
            format!("m={kind} 9 X 111\r\na={direction}\r\na=rtpmap:111 {codec}\r\n")
        };
        let others = line("audio", "sendonly", "opus/48000/2") + &line("video", "recvonly", "VP8/90000");
        let told = with_resent_sound(&format!("v=0\r\n{}{others}", line("audio", "recvonly", "opus/48000/2")));
        let expected = "v=0\r\nm=audio 9 X 111\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\n";
        assert_eq!(told, format!("{expected}{others}"));
    }

    #[test]
    fn a_single_line_gets_them_at_its_end() {
        let told = with_candidates("v=0\r\nm=audio 9 X 1\r\na=mid:0\r\n", &[], &[]);
        assert!(told.ends_with("a=mid:0\r\na=end-of-candidates\r\n"), "{told}");
    }
}
