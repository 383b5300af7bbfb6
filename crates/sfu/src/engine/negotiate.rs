//! Offers, and who has the streams that come of them.

use str0m::{IceCreds, change::SdpOffer, media::Mid, rtp::Ssrc};

use super::{Engine, EngineError, broken, guarded};
use crate::send::{Extensions, Terms};

impl Engine {
    /// The answer still names the engine's own addresses; see [`crate::answer`]. `fresh` are credentials for the case that the offer restarts ICE.
    /// `lines` are those the other end wants to be sent something on.
    pub(crate) fn answer(
        &mut self,
        offer: &str,
        fresh: IceCreds,
        lines: impl Iterator<Item = (Mid, bool)>,
    ) -> Result<String, EngineError> {
        guarded(|| {
            self.lend_streams();
            let accepted = self.accept(offer);
            for (mid, video) in lines {
                self.take_stream(mid, video);
            }
            self.take_back_streams();
            let mut answer = accepted?;
            let now = self.rtc.direct_api().local_ice_credentials();
            if now != self.credentials {
                // The engine has made up credentials that would not say where they belong.
                answer = answer.replace(&now.ufrag, &fresh.ufrag).replace(&now.pass, &fresh.pass);
                self.rtc.direct_api().set_local_ice_credentials(fresh.clone());
                self.credentials = fresh;
            }
            self.touched = true;
            Ok(answer)
        })
    }

    fn accept(&mut self, offer: &str) -> Result<String, EngineError> {
        let offer = SdpOffer::from_sdp_string(offer).map_err(|e| broken(&e))?;
        Ok(self.rtc.sdp_api().accept_offer(offer).map_err(|e| broken(&e))?.to_sdp_string())
    }

    /// The answer names the streams as the engine knows them.
    fn lend_streams(&mut self) {
        for (mid, ssrc, rtx) in self.sender.sources() {
            if self.rtc.media(mid).is_some() {
                self.rtc.direct_api().declare_stream_tx(ssrc.into(), rtx.map(Ssrc::from), mid, None);
            }
        }
    }

    /// Whatever came of the offer: of two who protect packets of one source, each would use the other's nonces.
    fn take_back_streams(&mut self) {
        for (_, ssrc, _) in self.sender.sources() {
            self.rtc.direct_api().remove_stream_tx(ssrc.into());
        }
    }

    /// The send half has the stream from here on; the engine would look at it at every turn.
    fn take_stream(&mut self, mid: Mid, video: bool) {
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else { return };
        let (ssrc, rtx) = (stream.ssrc(), stream.rtx());
        api.remove_stream_tx(ssrc);
        let Some(media) = self.rtc.media(mid) else { return };
        let agreed = media.remote_pts();
        let params = self.rtc.codec_config().params().iter().filter(|params| agreed.contains(&params.pt()));
        let resent_as = params.filter_map(|params| Some((*params.pt(), *params.resend()?))).collect();
        let extensions = Extensions::of(media.remote_extmap());
        let rtx = rtx.map(|rtx| *rtx).filter(|_| video);
        self.sender.agree(Terms { mid, ssrc: *ssrc, rtx, video, extensions, resent_as });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use str0m::{
        Rtc,
        media::{Direction, MediaKind},
    };

    use super::*;
    use crate::engine::Common;

    #[test]
    fn streams_are_the_send_halfs_whatever_becomes_of_an_offer() {
        let now = Instant::now();
        let mut client = Rtc::new(now);
        let mut api = client.sdp_api();
        let mid = api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        let offer = api.apply().unwrap().0.to_sdp_string();
        let credentials =
            |ufrag: &str| IceCreds { ufrag: ufrag.to_owned(), pass: "a-password-of-22-characters".to_owned() };
        let common = Common { certificate: None, udp: Vec::new(), tcp: Vec::new() };
        let mut engine = Engine::new(now, &common, credentials("one")).unwrap();
        let lines = || std::iter::once((mid, true));
        let first = engine.answer(&offer, credentials("two"), lines()).unwrap();
        let source = |engine: &Engine| engine.sender.sources().next().unwrap().1;
        let ssrc = source(&engine);
        assert!(first.contains(&format!("a=ssrc:{ssrc} ")), "the other end is told: {first}");
        for again in [offer.as_str(), "v=0\r\nnothing of an offer", &offer.replace("a=recvonly", "a=inactive")] {
            let answer = engine.answer(again, credentials("two"), lines().filter(|_| again == offer));
            assert_eq!(answer.is_ok(), again.contains("m=video"), "{answer:?}");
            assert_eq!(source(&engine), ssrc);
            assert!(engine.rtc.direct_api().stream_tx(&ssrc.into()).is_none(), "{again}");
        }
    }
}
