//! A person's device: one WebSocket session and the media of the call it has a seat in. It carries signals between the
//! two and follows the media plan; what to do about rings and calls is its owner's business.

use std::{collections::VecDeque, time::Duration};

use farhand_protocol::frame::{CallView, ClientFrame, Seat, ServerFrame};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::{
    media::{IncomingSignal, MediaEvent, MediaOptions, MediaSession},
    socket::{Granted, Hello, Socket, SocketError},
};

/// How often the server is told how the media go.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// How often to look whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What happened. Everything is told, also what the device has dealt with itself.
#[derive(Debug)]
pub enum DeviceEvent {
    Frame(ServerFrame),
    Media(MediaEvent),
}

/// See the module's head.
pub struct Device {
    socket: Socket,
    media: MediaSession,
    seat: Option<SeatedCall>,
    /// The call a connection is being made for while it rings.
    preparing: Option<Uuid>,
    /// Signals that are to be sent.
    outbox: VecDeque<ClientFrame>,
    /// The SFU has not answered it yet: the frame's id and the plan's epoch.
    offer: Option<(u32, u64)>,
}

struct SeatedCall {
    call_id: Uuid,
    version: u64,
    /// When to look whether there is something to report.
    report_at: Instant,
}

impl Device {
    pub fn new(socket: Socket, media: MediaOptions) -> Self {
        Self {
            socket,
            media: MediaSession::new(media),
            seat: None,
            preparing: None,
            outbox: VecDeque::new(),
            offer: None,
        }
    }

    /// For everything that is not about the media of the joined call.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    pub fn media(&mut self) -> &mut MediaSession {
        &mut self.media
    }

    /// Makes a connection to the SFU while the call rings.
    pub fn prepare(&mut self, call_id: Uuid) {
        self.preparing = Some(call_id);
        self.media.prepare();
    }

    /// Takes a seat, and lets media follow from now on.
    pub async fn join(&mut self, call_id: Uuid) -> Result<Option<Box<CallView>>, SocketError> {
        let prepared = self.preparing.take() == Some(call_id) && self.media.is_prepared();
        let joined =
            if prepared { self.socket.join_prepared(call_id).await? } else { self.socket.join(call_id).await? };
        self.sit_down(call_id, joined.as_deref());
        Ok(joined)
    }

    /// The same for a call that is known to go through the SFU: the offer goes out with the join, which saves a round trip.
    pub async fn join_sfu(&mut self, call_id: Uuid) -> Result<Option<Box<CallView>>, SocketError> {
        self.preparing = None;
        let Some(offer) = self.media.offer_ahead().await else { return self.join(call_id).await };
        let offer = Some(Box::new(offer));
        let join = |id| ClientFrame::Join { id, call_id, rejoin: None, prepared: false, offer };
        let granted = self.socket.ask(join).await;
        let Granted { call, sdp } = granted.inspect_err(|_| self.media.close())?;
        if let Some((sdp, plan)) = sdp.zip(call.as_ref().and_then(|call| call.media_plan.as_ref())) {
            self.media.answered_ahead(plan, sdp);
        }
        self.sit_down(call_id, call.as_deref());
        Ok(call)
    }

    /// Media follows the plan of this call from now on: after a join by REST, or a call created on this socket.
    pub fn sit_down(&mut self, call_id: Uuid, view: Option<&CallView>) {
        self.seat = Some(SeatedCall { call_id, version: 0, report_at: Instant::now() + LOOK_EVERY });
        if let Some(view) = view {
            self.follow(view);
        }
    }

    /// Hangs up.
    pub async fn leave(&mut self, call_id: Uuid) -> Result<(), SocketError> {
        if let Some(report) = self.media.report() {
            self.socket.send(&ClientFrame::MediaReport { call_id, report: Box::new(report) }).await?;
        }
        self.stand_up();
        self.socket.leave(call_id).await
    }

    /// Connects again after a lost connection; media goes on meanwhile.
    pub async fn reconnect(&mut self, base_url: &str, hello: Hello) -> Result<(), SocketError> {
        self.socket = Socket::connect(base_url, hello).await?;
        Ok(())
    }

    /// The next thing that happens. Can be dropped and called again; a signal may then be sent twice, which does no harm.
    pub async fn next(&mut self) -> Result<DeviceEvent, SocketError> {
        let event = loop {
            while let Some(frame) = self.outbox.front() {
                self.socket.send(frame).await?;
                self.outbox.pop_front();
            }
            let report_at = self.seat.as_ref().map(|seat| seat.report_at);
            tokio::select! {
                frame = self.socket.next() => break DeviceEvent::Frame(frame?),
                event = self.media.next_event() => break DeviceEvent::Media(event),
                () = sleep_until(report_at.unwrap_or_else(Instant::now)), if report_at.is_some() => self.report(),
            }
        };
        match &event {
            DeviceEvent::Frame(frame) => self.take(frame),
            DeviceEvent::Media(event) => self.carry(event),
        }
        Ok(event)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the other frames are the owner's business")]
    fn take(&mut self, frame: &ServerFrame) {
        let seated = |call_id: &Uuid| self.seat.as_ref().is_some_and(|seat| seat.call_id == *call_id);
        match frame {
            ServerFrame::Call { call } => self.follow(call),
            ServerFrame::Moved { call_id } if seated(call_id) => self.stand_up(),
            ServerFrame::Signal { call_id, epoch, from, signal } if seated(call_id) => {
                self.media.receive(IncomingSignal { epoch: *epoch, from: *from, signal: signal.clone() });
            }
            ServerFrame::PathLost { call_id, epoch } if seated(call_id) => self.media.path_lost(*epoch),
            ServerFrame::Slots { call_id, epoch, slots, .. } if seated(call_id) => self.media.slots(*epoch, slots),
            ServerFrame::Ok { id, sdp: Some(sdp), .. } => {
                if let Some(epoch) = self.offered(*id) {
                    self.media.answered(epoch, sdp.clone());
                }
            }
            ServerFrame::Error { id: Some(id), detail, .. } => {
                if let Some(epoch) = self.offered(*id) {
                    self.media.refused(epoch, detail.clone());
                }
            }
            _ => {}
        }
    }

    fn report(&mut self) {
        let Some(seat) = &mut self.seat else { return };
        let report = self.media.report();
        seat.report_at = Instant::now() + if report.is_some() { REPORT_EVERY } else { LOOK_EVERY };
        let call_id = seat.call_id;
        self.outbox.extend(report.map(|report| ClientFrame::MediaReport { call_id, report: Box::new(report) }));
    }

    /// The epoch of the offer that was sent with this id.
    fn offered(&mut self, id: u32) -> Option<u64> {
        self.offer.take_if(|(known, _)| *known == id).map(|(_, epoch)| epoch)
    }

    fn follow(&mut self, view: &CallView) {
        let Some(seat) = &mut self.seat else { return };
        if seat.call_id != view.call_id || view.version <= seat.version {
            return;
        }
        seat.version = view.version;
        self.media.apply(view.media_plan.as_ref().filter(|_| view.seat == Seat::Here));
    }

    fn stand_up(&mut self) {
        self.seat = None;
        self.media.close();
        self.outbox.clear();
    }

    fn carry(&mut self, event: &MediaEvent) {
        let seated = self.seat.as_ref().map(|seat| seat.call_id);
        let Some(call_id) = seated.or(self.preparing) else { return };
        match event {
            MediaEvent::Signal { epoch, to, signal } => {
                let (epoch, to, signal) = (*epoch, *to, signal.clone());
                self.outbox.push_back(ClientFrame::Signal { call_id, epoch, to, signal });
            }
            MediaEvent::Offer { epoch, sdp, tracks } => {
                let (id, epoch) = (self.socket.next_id(), *epoch);
                self.offer = Some((id, epoch));
                let (sdp, tracks) = (sdp.clone(), tracks.clone());
                self.outbox.push_back(ClientFrame::MediaOffer { id, call_id, epoch, sdp, tracks });
            }
            // Only rung yet.
            MediaEvent::Connected { .. } if seated.is_none() => {}
            MediaEvent::Connected { .. } => {
                self.outbox.push_back(ClientFrame::MediaState { call_id, state: self.media.state() });
            }
            MediaEvent::ChannelOpen { .. } | MediaEvent::RemoteClosed { .. } | MediaEvent::Failed { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
