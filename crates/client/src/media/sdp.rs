//! The one thing done to an SDP by hand.

/// Changes the first digit of every certificate fingerprint.
pub(super) fn tamper_fingerprint(sdp: &str) -> String {
    sdp.split_inclusive('\n')
        .map(|line| if line.starts_with("a=fingerprint:") { lie(line) } else { line.to_owned() })
        .collect()
}

fn lie(line: &str) -> String {
    let Some((name, digits)) = line.split_once(' ') else { return line.to_owned() };
    let other = if digits.starts_with('0') { '1' } else { '0' };
    format!("{name} {other}{}", digits.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fingerprint_changes_and_keeps_its_form() {
        let sdp = "v=0\r\na=fingerprint:sha-256 AB:CD\r\na=fingerprint:sha-256 0B:CD\r\na=mid:0\r\n";
        let lie = "v=0\r\na=fingerprint:sha-256 0B:CD\r\na=fingerprint:sha-256 1B:CD\r\na=mid:0\r\n";
        assert_eq!(tamper_fingerprint(sdp), lie);
    }
}
