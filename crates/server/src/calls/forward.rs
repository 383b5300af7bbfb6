//! What clients and the SFU tell a call of its media.

use farhand_domain::{
    call::{Event, Path},
    ids::{ContactId, DeviceId},
};
use farhand_protocol::{
    ErrorCode,
    frame::{MediaOffer, MediaTrack, ServerFrame},
};
use farhand_sfu::{Gone, Notice, PeerId};

use super::{
    actor::{CallActor, Given},
    ask::{By, MediaAsk},
    change::Extra,
    media::{Connection, PREPARED},
};
use crate::http::{Fail, Outcome};

impl CallActor {
    /// An SDP, if it was an offer.
    pub(super) async fn media_ask(&mut self, by: By, ask: MediaAsk) -> Outcome<Option<String>> {
        let contact = by.asker.contact;
        if let MediaAsk::Offer { epoch: PREPARED, sdp, tracks } = ask {
            return self.prepare(by, sdp, &tracks).await.map(Some);
        }
        let device = self.seated_device(by)?;
        match ask {
            MediaAsk::Offer { epoch, sdp, tracks } => {
                let now = self.shared.clock.now();
                return self.media.offer(now, contact, device, epoch, sdp, &tracks).await.map(Some);
            }
            MediaAsk::Views(views) => self.media.views_said(self.shared.clock.now(), contact, device, views),
            MediaAsk::State(state) => {
                if self.media.state_said(self.shared.clock.now(), contact, state) {
                    self.show_call_to_all();
                }
            }
            MediaAsk::PathFailed { epoch } => {
                self.step(Event::PathFailed { contact, epoch }, Extra::default()).await?;
            }
        }
        Ok(None)
    }

    /// The answer to an offer that came with a join. Whoever gets none makes another, and is told what is wrong with that.
    pub(super) async fn offered_with_join(
        &mut self,
        contact: ContactId,
        device: DeviceId,
        offer: Option<Box<MediaOffer>>,
    ) -> Given {
        // One that was prepared has its offer, and another would change it.
        let plan = self.call.media_plan(contact).filter(|_| !self.media.is_prepared(contact, device));
        let Some((plan, offer)) = plan.filter(|plan| plan.path == Path::Sfu).zip(offer) else { return Given::Nothing };
        let MediaOffer { sdp, tracks } = *offer;
        let now = self.shared.clock.now();
        match self.media.offer(now, contact, device, plan.epoch, sdp, &tracks).await {
            Ok(answer) => Given::Sdp(answer),
            Err(fail) => {
                tracing::debug!(call_id = %self.record.call_id, problem = %fail.0, "the offer of a join");
                Given::Nothing
            }
        }
    }

    /// A connection for whoever is rung, so that accepting costs no handshake.
    async fn prepare(&mut self, by: By, sdp: String, tracks: &[MediaTrack]) -> Outcome<String> {
        let contact = by.asker.contact;
        let rings = self.call.rings().iter().any(|ring| ring.contact == contact);
        let device = by.device.filter(|_| rings);
        let device = device.ok_or_else(|| Fail::new(ErrorCode::NotInCall, "The call does not ring here."))?;
        if !self.call.is_through_sfu() {
            return Err(Fail::new(ErrorCode::NoPeer, "This call's media do not go through the server."));
        }
        self.media.prepare(self.shared.clock.now(), contact, device, sdp, tracks).await
    }

    fn seated_device(&self, by: By) -> Outcome<DeviceId> {
        let device = by.device.filter(|device| self.call.seat_on(by.asker.contact, *device).is_some());
        device.ok_or_else(|| Fail::new(ErrorCode::NotInCall, "Join the call on this device first."))
    }

    /// What the SFU has noticed.
    pub(super) async fn notice(&mut self, notice: Notice) {
        let call_id = self.record.call_id;
        match notice {
            Notice::Slots { peer, shown, missing, rates } => {
                if let Some((to, frame)) = self.media.slots(peer, &shown, missing, &rates) {
                    self.to_device(to.contact, to.device, &frame);
                }
            }
            Notice::Speaker { peer } => {
                let contact = peer.and_then(|peer| self.media.contact_of(peer)).map(|contact| contact.0);
                for (seated, seat) in self.call.seated() {
                    self.to_device(seated, seat.device, &ServerFrame::Speaker { call_id, contact });
                }
            }
            Notice::Connected { peer } => tracing::debug!(%call_id, %peer, "connected to the SFU"),
            Notice::PathLost { peer } => self.path(peer, true),
            Notice::PathFound { peer } => self.path(peer, false),
            Notice::Gone { peer, why: Gone::Closed } => {
                tracing::debug!(%call_id, %peer, "left the SFU");
                self.media.lost(peer);
            }
            Notice::Gone { peer, why: Gone::Broken(error) } => {
                tracing::warn!(%call_id, %peer, error, "a connection to the SFU broke");
                self.media.lost(peer);
            }
            Notice::Receives { peer, rung, why } => self.receives(peer, rung, why),
            Notice::Used { peer, bytes } => self.used_by_peer(peer, bytes).await,
            // Goes straight to whoever waits for it.
            Notice::Answer { .. } => {}
        }
    }

    /// Others read that it reconnects; the device itself tries another way.
    fn path(&mut self, peer: PeerId, silent: bool) {
        let Some(Connection { contact, device, epoch, .. }) = self.media.set_silent(peer, silent) else { return };
        let call_id = self.record.call_id;
        tracing::info!(%call_id, contact = contact.0, silent, "the path from a participant to the SFU");
        if silent {
            self.to_device(contact, device, &ServerFrame::PathLost { call_id, epoch });
        }
        if self.call.is_seated(contact) {
            self.show_call_to_all();
        }
    }

    /// For a device that may have missed what it is shown.
    pub(super) fn show_slots_again(&self, contact: ContactId, device: DeviceId) {
        if let Some(slots) = self.media.slots_of(contact, device) {
            self.to_device(contact, device, slots);
        }
    }
}
