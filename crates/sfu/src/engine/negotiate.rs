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
            let offer = SdpOffer::from_sdp_string(offer).map_err(|e| broken(&e))?;
            let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|e| broken(&e))?;
            let mut answer = answer.to_sdp_string();
            let now = self.rtc.direct_api().local_ice_credentials();
            if now != self.credentials {
                // The engine has made up credentials that would not say where they belong.
                answer = answer.replace(&now.ufrag, &fresh.ufrag).replace(&now.pass, &fresh.pass);
                self.rtc.direct_api().set_local_ice_credentials(fresh.clone());
                self.credentials = fresh;
            }
            for (mid, video) in lines {
                self.take_stream(mid, video);
            }
            self.touched = true;
            Ok(answer)
        })
    }

    /// The answer names the streams as the engine knows them.
    fn lend_streams(&mut self) {
        for (mid, ssrc, rtx) in self.sender.sources() {
            if self.rtc.media(mid).is_some() {
                self.rtc.direct_api().declare_stream_tx(ssrc.into(), rtx.map(Ssrc::from), mid, None);
            }
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
