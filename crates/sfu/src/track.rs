//! What a participant sends: one track per line of its offer, each with its layers.

use std::time::{Duration, Instant};

use str0m::media::{Mid, Rid};

use crate::{
    fit::Fit,
    gaps::{Gaps, Overtaken},
    ids::Source,
    keyframe::Wish,
    layers::Offered,
    red::History,
    temporal::{self, Temporal},
};

/// How long a layer may send nothing before it counts as switched off by the sender.
const STALLED: Duration = Duration::from_millis(1_500);
/// Over which a layer's rate is measured.
const WINDOW: Duration = Duration::from_millis(500);
/// For a layer nothing has been measured of: what Chromium sends of each of three layers of a 720p camera.
const USUAL: [u64; 3] = [150_000, 500_000, 1_700_000];
/// Heights of the layers, lowest first, if the top one is a 720p camera's, each half of the next.
const TOP_HEIGHT: u32 = 720;
/// A sender that says nothing of temporal layers for so long has none any more. Of a screen on which little moves a frame of the lowest comes
/// each few seconds.
const UNTOLD: Duration = Duration::from_secs(15);
/// UDP, IP and SRTP around each packet's payload, which the link has to carry as well.
const OVERHEAD: usize = 50;

pub(crate) struct Track {
    pub(crate) mid: Mid,
    pub(crate) source: Source,
    /// Lowest first; one without a name if there is no simulcast.
    pub(crate) layers: Vec<Layer>,
    /// Who watches: peer and slot, as positions in their lists. Made anew by every `reconcile`.
    pub(crate) viewers: Vec<(usize, usize)>,
    /// The newest sounds, if it is one.
    pub(crate) sounds: History,
    /// What its layers should take.
    pub(crate) fit: Fit,
}

pub(crate) struct Layer {
    pub(crate) rid: Option<Rid>,
    pub(crate) keyframe: Wish,
    pub(crate) gaps: Gaps,
    pub(crate) overtaken: Overtaken,
    rate: Rate,
    /// Of its lower temporal layers, each with those below, where it has any.
    slower: [Rate; temporal::SLOWER.len()],
    /// The highest temporal layer that has come.
    top: u8,
}

impl Track {
    pub(crate) fn new(mid: Mid, source: Source, rids: &[String]) -> Self {
        let layer = |rid| Layer {
            rid,
            keyframe: Wish::default(),
            gaps: Gaps::default(),
            overtaken: Overtaken::default(),
            rate: Rate::default(),
            slower: Default::default(),
            top: 0,
        };
        let mut layers: Vec<Layer> = rids.iter().map(|rid| layer(Some(Rid::from(rid.as_str())))).collect();
        if layers.is_empty() {
            layers.push(layer(None));
        }
        Self { mid, source, layers, viewers: Vec::new(), sounds: History::default(), fit: Fit::default() }
    }

    pub(crate) fn is_sound(&self) -> bool {
        matches!(self.source, Source::Microphone | Source::ScreenAudio)
    }

    pub(crate) fn layer_of(&self, rid: Option<Rid>) -> Option<usize> {
        self.layers.iter().position(|layer| layer.rid == rid)
    }

    /// True if the layer starts to flow with this.
    pub(crate) fn received(&mut self, layer: usize, now: Instant, bytes: usize, temporal: Option<Temporal>) -> bool {
        let starts = !self.flows(layer, now);
        let still = self.source == Source::Screen;
        let layer = &mut self.layers[layer];
        layer.rate.count(now, bytes + OVERHEAD, still);
        if let Some(Temporal { layer: of, .. }) = temporal {
            layer.top = layer.top.max(of);
            let counting = layer.slower.iter_mut().zip(temporal::SLOWER).filter(|(_, pace)| of <= *pace);
            counting.for_each(|(rate, _)| rate.count(now, bytes + OVERHEAD, still));
        }
        starts
    }

    /// Whether packets come. A still screen sends little, and has no other layer to turn to.
    pub(crate) fn flows(&self, layer: usize, now: Instant) -> bool {
        let rate = &self.layers[layer].rate;
        if self.source == Source::Screen && self.layers.len() == 1 { rate.ever() } else { rate.flows(now) }
    }

    /// The layers as they flow now. A camera is made smaller first and slower then: it is about motion. A screen keeps its size as long
    /// as it can: it is about letters.
    pub(crate) fn offered(&self, now: Instant) -> Vec<Offered> {
        let top = self.layers.len().saturating_sub(1);
        let lowest = (0..self.layers.len()).find(|&index| self.flows(index, now));
        let bits = |rate: &Rate| if self.source == Source::Screen { rate.lately(now) } else { rate.bits };
        let offered = self.layers.iter().enumerate().flat_map(|(index, layer)| {
            let whole = Offered {
                layer: index,
                pace: temporal::ALL,
                bitrate: bits(&layer.rate).unwrap_or_else(|| usual(index, top)),
                height: TOP_HEIGHT >> (top - index).min(3),
                flows: self.flows(index, now),
            };
            let slows = whole.flows && (self.source == Source::Screen || lowest == Some(index));
            // What comes now may have no such layers any more: another codec, or a sender that was told otherwise.
            let told = |rate: &Rate| {
                rate.last.zip(layer.rate.last).is_some_and(|(said, last)| last.saturating_duration_since(said) < UNTOLD)
            };
            let slower = temporal::SLOWER.into_iter().zip(&layer.slower);
            let slower = slower.filter(move |(pace, rate)| slows && *pace < layer.top && told(rate));
            let slower = slower.filter_map(move |(pace, rate)| Some(Offered { pace, bitrate: bits(rate)?, ..whole }));
            slower.chain([whole])
        });
        offered.collect()
    }
}

fn usual(index: usize, top: usize) -> u64 {
    // A single layer without simulcast: in the middle.
    if top == 0 { USUAL[1] } else { USUAL[index.min(USUAL.len() - 1)] }
}

/// Bits per second, smoothed.
#[derive(Debug, Default)]
struct Rate {
    window: Option<Instant>,
    last: Option<Instant>,
    bytes: usize,
    bits: Option<u64>,
}

impl Rate {
    /// `still`: a pause does not mean that it was switched off, but that nothing moved.
    fn count(&mut self, now: Instant, bytes: usize, still: bool) {
        let window = *self.window.get_or_insert(now);
        let passed = now.saturating_duration_since(window);
        if passed >= WINDOW {
            let measured = self.measured(passed);
            let long_pause = passed > STALLED;
            self.bits = Some(match self.bits {
                Some(before) if !long_pause => before.midpoint(measured),
                Some(before) if !still => before,
                Some(_) | None => measured,
            });
            (self.window, self.bytes) = (Some(now), 0);
        }
        self.bytes += bytes;
        self.last = Some(now);
    }

    fn measured(&self, passed: Duration) -> u64 {
        u64::try_from(self.bytes as u128 * 8_000_000 / passed.as_micros().max(1)).unwrap_or(u64::MAX)
    }

    /// The same, less as time goes by without anything.
    fn lately(&self, now: Instant) -> Option<u64> {
        let passed = self.window.map(|window| now.saturating_duration_since(window));
        passed.filter(|passed| *passed > STALLED).map(|passed| self.measured(passed)).or(self.bits)
    }

    fn ever(&self) -> bool {
        self.last.is_some()
    }

    fn flows(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) < STALLED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Track {
        Track::new(Mid::from("1"), Source::Camera, &["q".to_owned(), "h".to_owned(), "f".to_owned()])
    }

    #[test]
    fn a_layers_rate_is_measured_with_what_the_link_carries_around_it() {
        let (start, mut track) = (Instant::now(), camera());
        for packet in 0..200 {
            track.received(0, start + Duration::from_millis(packet * 10), 200, None);
        }
        let offered = track.offered(start + Duration::from_secs(2));
        assert_eq!(offered[0].bitrate / 1_000, 200, "250 bytes each 10 ms are 200 kbit/s");
        assert_eq!(offered[2].bitrate, USUAL[2], "not measured yet");
        assert_eq!(offered.iter().map(|layer| layer.flows).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(offered.iter().map(|layer| layer.height).collect::<Vec<_>>(), [180, 360, 720]);
    }

    #[test]
    fn a_layer_that_pauses_flows_no_more_and_keeps_its_rate() {
        let (start, mut track) = (Instant::now(), camera());
        for packet in 0..100 {
            track.received(1, start + Duration::from_millis(packet * 10), 575, None);
        }
        let before = track.offered(start)[1].bitrate;
        let later = start + Duration::from_secs(10);
        assert!(!track.offered(later)[1].flows);
        track.received(1, later, 575, None);
        let after = track.offered(later)[1];
        assert_eq!((after.bitrate, after.flows), (before, true));
    }

    #[test]
    fn a_still_screen_flows_however_little_it_sends() {
        let mut track = Track::new(Mid::from("2"), Source::Screen, &[]);
        let start = Instant::now();
        assert!(!track.offered(start)[0].flows);
        track.received(0, start, 100, None);
        assert!(track.offered(start + Duration::from_mins(1))[0].flows);
    }

    #[test]
    fn a_screen_takes_little_as_soon_as_nothing_moves_on_it() {
        let (start, mut track) = (Instant::now(), Track::new(Mid::from("2"), Source::Screen, &[]));
        for packet in 0..200 {
            track.received(0, start + Duration::from_millis(packet * 10), 1_200, None);
        }
        let kbit = |track: &Track, seconds| track.offered(start + Duration::from_secs(seconds))[0].bitrate / 1_000;
        assert_eq!(kbit(&track, 2), 1_000, "somebody scrolls");
        assert!(kbit(&track, 12) < 50, "{}", kbit(&track, 12));
        track.received(0, start + Duration::from_secs(12), 1_200, None);
        assert!(kbit(&track, 12) < 50, "{}, although something moves now and then", kbit(&track, 12));
    }

    /// A quarter of the frames each in the lowest two temporal layers, half of them in the highest.
    fn send_in_three(track: &mut Track, layer: usize, start: Instant) {
        for packet in 0..200_u64 {
            let of = [0, 2, 1, 2][usize::try_from(packet % 4).unwrap()];
            let temporal = Some(Temporal { layer: of, sync: false, long: true });
            track.received(layer, start + Duration::from_millis(packet * 10), 200, temporal);
        }
    }

    fn steps(track: &Track, now: Instant) -> Vec<(usize, u8, u64)> {
        let flowing = track.offered(now).into_iter().filter(|step| step.flows);
        flowing.map(|step| (step.layer, step.pace, (step.bitrate + 5_000) / 10_000)).collect()
    }

    #[test]
    fn a_camera_can_be_slowed_down_in_its_smallest_size_and_a_screen_in_each() {
        let (start, mut track) = (Instant::now(), camera());
        let now = start + Duration::from_secs(2);
        send_in_three(&mut track, 0, start);
        send_in_three(&mut track, 1, start);
        assert_eq!(steps(&track, now), [(0, 0, 5), (0, 1, 10), (0, temporal::ALL, 20), (1, temporal::ALL, 20)]);
        track.source = Source::Screen;
        assert_eq!(steps(&track, now).len(), 6);
        let later = start + Duration::from_secs(20);
        track.source = Source::Camera;
        track.received(1, later, 200, Some(Temporal { layer: 0, sync: false, long: true }));
        assert_eq!(
            steps(&track, later).iter().map(|step| step.0).collect::<Vec<_>>(),
            [1, 1, 1],
            "the smallest it sends"
        );
    }

    #[test]
    fn frames_that_are_of_no_layer_any_more_cannot_be_left_out() {
        let (start, mut track) = (Instant::now(), camera());
        send_in_three(&mut track, 0, start);
        let paces = |track: &Track, now| steps(track, now).iter().map(|step| step.1).collect::<Vec<_>>();
        track.source = Source::Screen;
        track.layers.truncate(1);
        let still = start + Duration::from_mins(1);
        assert_eq!(paces(&track, still), [0, 1, temporal::ALL], "it stands still, and will go on as it was");
        track.received(0, still, 200, None);
        assert_eq!(paces(&track, still), [temporal::ALL], "another codec");
    }
}
