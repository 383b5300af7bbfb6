//! Offers, and who has the streams that come of them.

use str0m::{
    IceCreds,
    change::SdpOffer,
    media::{Mid, Rid},
    rtp::Ssrc,
};

use super::{Engine, EngineError, broken, guarded};
use crate::{
    offer::{self, Direction},
    receive,
    send::{Extensions, Terms},
};

impl Engine {
    /// The answer still names the engine's own addresses; see [`crate::answer`]. `fresh` are credentials for the case that the offer restarts ICE.
    /// `lines` are those of the offer.
    pub(crate) fn answer(
        &mut self,
        offer: &str,
        fresh: IceCreds,
        lines: &[offer::Line],
    ) -> Result<String, EngineError> {
        guarded(|| {
            self.lend_streams();
            let accepted = self.accept(offer);
            for line in lines.iter().filter(|line| line.direction == Direction::Receive) {
                self.take_stream(Mid::from(line.mid.as_str()), line.video);
            }
            self.take_back_streams();
            self.take_incoming(lines);
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

    /// The username fragment the other end is to use.
    pub(crate) fn ufrag(&self) -> &str {
        &self.credentials.ufrag
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

    /// What comes in is the receive half's: the engine would report on what it never sees.
    fn take_incoming(&mut self, lines: &[offer::Line]) {
        let incoming = lines.iter().filter(|line| line.direction == Direction::Send);
        let line = |line: &offer::Line| receive::Line {
            mid: Mid::from(line.mid.as_str()),
            video: line.video,
            rids: line.rids.iter().map(|rid| Rid::from(rid.as_str())).collect(),
            sources: line.sources.clone(),
        };
        let incoming: Vec<receive::Line> = incoming.map(line).collect();
        for (source, _) in incoming.iter().flat_map(|line| &line.sources) {
            self.rtc.direct_api().remove_stream_rx((*source).into());
        }
        let extensions = incoming.iter().filter_map(|line| Some(self.rtc.media(line.mid)?.remote_extmap()));
        let extensions: Vec<_> = extensions.cloned().collect();
        self.receiver.agree(incoming, self.rtc.codec_config().params(), extensions.iter());
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
        api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        let offer = api.apply().unwrap().0.to_sdp_string();
        let credentials =
            |ufrag: &str| IceCreds { ufrag: ufrag.to_owned(), pass: "a-password-of-22-characters".to_owned() };
        let common = Common { certificate: None, udp: Vec::new(), tcp: Vec::new() };
        let mut engine = Engine::new(now, &common, credentials("one")).unwrap();
        let lines = offer::read(&offer, &[]).unwrap();
        let first = engine.answer(&offer, credentials("two"), &lines).unwrap();
        let source = |engine: &Engine| engine.sender.sources().next().unwrap().1;
        let ssrc = source(&engine);
        assert!(first.contains(&format!("a=ssrc:{ssrc} ")), "the other end is told: {first}");
        for again in [offer.as_str(), "v=0\r\nnothing of an offer", &offer.replace("a=recvonly", "a=inactive")] {
            let lines = if again == offer { &lines[..] } else { &[] };
            let answer = engine.answer(again, credentials("two"), lines);
            assert_eq!(answer.is_ok(), again.contains("m=video"), "{answer:?}");
            assert_eq!(source(&engine), ssrc);
            assert!(engine.rtc.direct_api().stream_tx(&ssrc.into()).is_none(), "{again}");
        }
    }

    #[test]
    fn the_engine_expects_nothing_that_comes_in() {
        let now = Instant::now();
        let mut client = Rtc::new(now);
        let mut api = client.sdp_api();
        api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let offer = api.apply().unwrap().0.to_sdp_string();
        let lines = offer::read(&offer, &[]).unwrap();
        let [(named, _), ..] = lines[0].sources[..] else { unreachable!("{offer}") };
        let credentials = || IceCreds { ufrag: "one".to_owned(), pass: "a-password-of-22-characters".to_owned() };
        let common = Common { certificate: None, udp: Vec::new(), tcp: Vec::new() };
        let mut engine = Engine::new(now, &common, credentials()).unwrap();
        engine.answer(&offer, credentials(), &lines).unwrap();
        assert!(engine.rtc.direct_api().stream_rx(&named.into()).is_none(), "it would report on it");
    }
}
