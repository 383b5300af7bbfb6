//! A person's device: one WebSocket session and the media of the call it has a seat in. It carries signals between the
//! two and follows the media plan; what to do about rings and calls is its owner's business.

use std::collections::VecDeque;

use farhand_protocol::frame::{CallView, ClientFrame, Seat, ServerFrame};
use uuid::Uuid;

use crate::{
    media::{IncomingSignal, MediaEvent, MediaOptions, MediaSession},
    socket::{Hello, Socket, SocketError},
};

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
    /// Signals that are to be sent.
    outbox: VecDeque<ClientFrame>,
}

struct SeatedCall {
    call_id: Uuid,
    version: u64,
}

impl Device {
    pub fn new(socket: Socket, media: MediaOptions) -> Self {
        Self { socket, media: MediaSession::new(media), seat: None, outbox: VecDeque::new() }
    }

    /// For everything that is not about the media of the joined call.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    pub fn media(&mut self) -> &mut MediaSession {
        &mut self.media
    }

    /// Takes a seat, and lets media follow from now on.
    pub async fn join(&mut self, call_id: Uuid) -> Result<Option<Box<CallView>>, SocketError> {
        let joined = self.socket.join(call_id).await?;
        self.sit_down(call_id, joined.as_deref());
        Ok(joined)
    }

    /// Media follows the plan of this call from now on: after a join by REST, or a call created on this socket.
    pub fn sit_down(&mut self, call_id: Uuid, view: Option<&CallView>) {
        self.seat = Some(SeatedCall { call_id, version: 0 });
        if let Some(view) = view {
            self.follow(view);
        }
    }

    /// Hangs up.
    pub async fn leave(&mut self, call_id: Uuid) -> Result<(), SocketError> {
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
        while let Some(frame) = self.outbox.front() {
            self.socket.send(frame).await?;
            self.outbox.pop_front();
        }
        let event = tokio::select! {
            frame = self.socket.next() => DeviceEvent::Frame(frame?),
            event = self.media.next_event() => DeviceEvent::Media(event),
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
            _ => {}
        }
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
        if let (MediaEvent::Signal { epoch, to, signal }, Some(seat)) = (event, &self.seat) {
            let (call_id, epoch, to, signal) = (seat.call_id, *epoch, *to, signal.clone());
            self.outbox.push_back(ClientFrame::Signal { call_id, epoch, to, signal });
        }
    }
}

#[cfg(test)]
mod tests;
