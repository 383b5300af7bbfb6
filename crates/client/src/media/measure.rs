//! What a connection has measured of itself, and the report of it to the server. Received pictures are not decoded here, so nothing is known of
//! freezes and sizes.

use std::time::{Duration, Instant};

use farhand_protocol::statistics::{MediaPath, MediaReport};
use str0m::{
    net::Protocol,
    stats::{MediaIngressStats, PeerStats},
};

use super::Reach;

/// How often a connection measures itself.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// Counts since the connection was made; the rest as it is now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    at: Instant,
    path: Option<MediaPath>,
    rtt: Option<Duration>,
    jitter_ms: Option<f64>,
    loss_in: Option<f32>,
    loss_out: Option<f32>,
    bytes_in: u64,
    bytes_out: u64,
}

impl Measured {
    pub(super) fn nothing(at: Instant) -> Self {
        Self { at, path: None, rtt: None, jitter_ms: None, loss_in: None, loss_out: None, bytes_in: 0, bytes_out: 0 }
    }

    pub(super) fn peer(&mut self, stats: &PeerStats) {
        let pair = stats.selected_candidate_pair.as_ref();
        *self = Self {
            at: stats.timestamp,
            path: pair.map(|pair| path(pair.protocol)),
            // Whoever only receives learns it from the connectivity checks.
            rtt: stats.rtt.or(pair.and_then(|pair| pair.current_round_trip_time)),
            jitter_ms: None,
            loss_in: stats.ingress_loss_fraction,
            loss_out: stats.egress_loss_fraction,
            bytes_in: stats.peer_bytes_rx,
            bytes_out: stats.peer_bytes_tx,
        };
    }

    /// What the engine takes for its own address may be the relay's.
    pub(super) fn by(mut self, reach: &Reach) -> Self {
        let relayed = match reach {
            Reach::Udp | Reach::Tcp => None,
            Reach::Turn => Some(MediaPath::Tcp),
            Reach::TurnTls(_) => Some(MediaPath::Tls),
        };
        self.path = self.path.map(|path| relayed.unwrap_or(path));
        self
    }

    /// The worst of all that comes; told after [`Self::peer`], once for each. `clock` is that of the line's timestamps.
    pub(super) fn incoming(&mut self, stats: &MediaIngressStats, clock: u32) {
        let jitter = f64::from(stats.jitter) * 1_000.0 / f64::from(clock);
        self.jitter_ms = Some(self.jitter_ms.unwrap_or_default().max(jitter));
    }

    /// What there is to say since an earlier measurement; nothing, if this is the same, or nothing is connected yet.
    pub(super) fn since(&self, earlier: &Self) -> Option<MediaReport> {
        let path = self.path?;
        let time = self.at.checked_duration_since(earlier.at).filter(|time| !time.is_zero())?;
        let kbit = |now: u64, then: u64| {
            let bytes = u32::try_from(now.saturating_sub(then)).unwrap_or(u32::MAX);
            Some(f64::from(bytes) * 8.0 / 1_000.0 / time.as_secs_f64())
        };
        let percent = |fraction: Option<f32>| fraction.map(|fraction| f64::from(fraction) * 100.0);
        Some(MediaReport {
            path: Some(path),
            rtt_ms: self.rtt.map(|rtt| rtt.as_secs_f64() * 1_000.0),
            jitter_ms: self.jitter_ms,
            loss_in_percent: percent(self.loss_in),
            loss_out_percent: percent(self.loss_out),
            kbit_per_second_in: kbit(self.bytes_in, earlier.bytes_in),
            kbit_per_second_out: kbit(self.bytes_out, earlier.bytes_out),
            ..MediaReport::default()
        })
    }
}

fn path(protocol: Protocol) -> MediaPath {
    match protocol {
        Protocol::Udp => MediaPath::Direct,
        Protocol::Tcp | Protocol::SslTcp => MediaPath::Tcp,
        Protocol::Tls => MediaPath::Tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_since_the_last_report_and_the_rest_is_as_it_is() {
        let start = Instant::now();
        let earlier = Measured { bytes_in: 1_000, bytes_out: 5_000, ..Measured::nothing(start) };
        let now = Measured {
            at: start + Duration::from_secs(5),
            path: Some(MediaPath::Tcp),
            rtt: Some(Duration::from_millis(30)),
            loss_in: Some(0.25),
            bytes_in: 126_000,
            bytes_out: 5_000,
            ..earlier.clone()
        };
        let report = now.since(&earlier).unwrap();
        assert_eq!((report.kbit_per_second_in, report.kbit_per_second_out), (Some(200.0), Some(0.0)));
        assert_eq!((report.path, report.rtt_ms), (Some(MediaPath::Tcp), Some(30.0)));
        assert_eq!((report.loss_in_percent, report.loss_out_percent), (Some(25.0), None));
        assert_eq!(now.since(&now), None);
        let unconnected = Measured { path: None, ..now };
        assert_eq!(unconnected.since(&earlier), None, "there is nothing to tell of yet");
    }

    #[test]
    fn through_the_relay_the_path_is_the_one_to_it() {
        let connected = Measured { path: Some(MediaPath::Direct), ..Measured::nothing(Instant::now()) };
        let paths = [Reach::Udp, Reach::Turn].map(|reach| connected.clone().by(&reach).path);
        assert_eq!(paths, [Some(MediaPath::Direct), Some(MediaPath::Tcp)]);
        assert_eq!(Measured { path: None, ..connected }.by(&Reach::Turn).path, None, "not connected yet");
    }
}
