//! The three who take part.

use std::{collections::BTreeMap, sync::Arc};

use farhand_client::{
    Token,
    clip::{Checker, Clip, Tally},
    device::{Device, DeviceEvent},
    media::{MediaEvent, MediaOptions, Reach, stun_server},
    rest::Rest,
    socket::{Hello, Socket, SocketError},
};
use farhand_protocol::{
    auth::User,
    frame::{CallView, ClientFrame, MediaMode, MediaView, Ring, ServerFrame, Slot, Source},
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Failure, Options, story::Story};

/// Somebody who is logged in.
pub(super) struct Account {
    pub(super) rest: Rest,
    pub(super) user: User,
    token: Token,
}

pub(super) async fn log_in(server: &Rest, options: &Options, name: &str) -> Result<Account, Failure> {
    let answer = server.login(&options.domain, name, &options.password).await;
    let login = answer.map_err(|error| Failure::Rest { what: format!("Logging in as {name}"), error })?;
    let token = Token::new(&login.access_token);
    Ok(Account { rest: server.with_token(token.clone()), user: login.user, token })
}

/// What is peculiar about somebody's media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quirk {
    None,
    LiesAboutItsFingerprint,
    /// As behind a firewall that lets nothing else through.
    HasOnlyTcp,
    HasOnlyTheRelay,
}

/// Somebody with a device that can be rung.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) account: Account,
    device: Device,
    tally: watch::Receiver<Tally>,
    by_sender: watch::Receiver<BTreeMap<i64, Tally>>,
    /// The call as it was seen last.
    view: Option<Box<CallView>>,
    /// What the SFU sends on which line.
    slots: Vec<Slot>,
    clip: Arc<Clip>,
}

impl Person {
    pub(super) async fn connect(
        account: Account,
        clip: &Arc<Clip>,
        quirk: Quirk,
        options: &Options,
    ) -> Result<Self, Failure> {
        let name = account.user.user_id.clone();
        let failed = |error| Failure::Socket { who: name.clone(), error };
        let hello = Hello::new(account.token.clone());
        let socket = Socket::connect(account.rest.base_url(), hello).await.map_err(failed)?;

        let asked = account.rest.ice_servers().await;
        let ice = asked.map_err(|error| Failure::Rest { what: format!("getIceServers of {name}"), error })?;
        let checker = Arc::new(Checker::new(clip));
        let (tally, by_sender) = (checker.tally(), checker.by_sender());
        let media = MediaOptions {
            stun_server: stun_server(&ice.ice_servers).await,
            clip: Some(Arc::clone(clip)),
            sink: checker,
            connect_timeout: options.media_limit(),
            tamper_fingerprint: quirk == Quirk::LiesAboutItsFingerprint,
            reach: match quirk {
                Quirk::None | Quirk::LiesAboutItsFingerprint => Reach::Udp,
                Quirk::HasOnlyTcp => Reach::Tcp,
                Quirk::HasOnlyTheRelay => Reach::Turn,
            },
            ..MediaOptions::default()
        };
        Ok(Self {
            name,
            account,
            device: Device::new(socket, media),
            tally,
            by_sender,
            view: None,
            slots: Vec::new(),
            clip: Arc::clone(clip),
        })
    }

    fn broken(&self, error: SocketError) -> Failure {
        Failure::Socket { who: self.name.clone(), error }
    }

    /// Waits for the ring of this call.
    pub(super) async fn rung(&mut self, call_id: Uuid, story: &Story) -> Result<Ring, Failure> {
        story.waits_for(&format!("{}'s ring", self.name));
        loop {
            if let DeviceEvent::Frame(ServerFrame::Ring { ring }) = self.next().await?
                && ring.call_id == call_id
            {
                return Ok(ring);
            }
        }
    }

    /// Whether everything the server has had for this device so far is free of a ring of this call.
    pub(super) async fn has_not_been_rung(&mut self, call_id: Uuid) -> Result<bool, Failure> {
        let socket = self.device.socket();
        let done = socket.round_trip().await;
        let rung = socket.holds(|frame| matches!(frame, ServerFrame::Ring { ring } if ring.call_id == call_id));
        done.map_err(|error| self.broken(error))?;
        Ok(!rung)
    }

    pub(super) async fn join(&mut self, call_id: Uuid, story: &Story) -> Result<Box<CallView>, Failure> {
        story.waits_for(&format!("the answer to {}'s join", self.name));
        let joined = self.device.join(call_id).await.map_err(|error| self.broken(error))?;
        let missing = || Failure::Deviation(format!("{}'s join was answered without the call", self.name));
        let view = joined.ok_or_else(missing)?;
        self.follow(&view);
        Ok(view)
    }

    pub(super) async fn hang_up(&mut self, call_id: Uuid, story: &Story) -> Result<(), Failure> {
        story.waits_for(&format!("the answer to {}'s leave", self.name));
        self.device.leave(call_id).await.map_err(|error| self.broken(error))
    }

    /// Waits until the server says the call has ended.
    pub(super) async fn told_of_the_end(&mut self, call_id: Uuid, story: &Story) -> Result<Box<CallView>, Failure> {
        story.waits_for(&format!("the news at {}'s that the call has ended", self.name));
        loop {
            if let DeviceEvent::Frame(ServerFrame::Call { call }) = self.next().await?
                && call.call_id == call_id
                && call.end_reason.is_some()
            {
                return Ok(call);
            }
        }
    }

    /// What happens next; a refusal or a broken media connection is a failure.
    pub(super) async fn next(&mut self) -> Result<DeviceEvent, Failure> {
        let event = self.device.next().await.map_err(|error| self.broken(error))?;
        match event {
            DeviceEvent::Frame(ServerFrame::Error { code, detail, .. }) => {
                Err(Failure::Deviation(format!("The server told {} {code}: {detail}", self.name)))
            }
            DeviceEvent::Media(MediaEvent::Failed { error, .. }) => {
                Err(Failure::Media { who: self.name.clone(), error })
            }
            event @ (DeviceEvent::Frame(_) | DeviceEvent::Media(_)) => Ok(event),
        }
    }

    pub(super) async fn end_for_all(&mut self, call_id: Uuid, story: &Story) -> Result<(), Failure> {
        story.waits_for(&format!("the answer to {}'s end", self.name));
        let ended = self.device.socket().request(|id| ClientFrame::End { id, call_id }).await;
        ended.map(|_| ()).map_err(|error| self.broken(error))
    }

    /// Remembers how the call stands.
    pub(super) fn follow(&mut self, view: &CallView) {
        self.view = Some(Box::new(view.clone()));
    }

    /// This person's contact id in the call.
    pub(super) fn contact(&self) -> Option<i64> {
        self.view.as_ref()?.you
    }

    /// How this person's media go.
    pub(super) fn mode(&self) -> Option<MediaMode> {
        self.view.as_ref()?.media_plan.as_ref().map(|plan| plan.mode)
    }

    /// What this person sends.
    pub(super) fn clip(&self) -> Arc<Clip> {
        Arc::clone(&self.clip)
    }

    /// Says how large the others are shown.
    pub(super) async fn shows(&mut self, call_id: Uuid, others: &[i64], height: u32) -> Result<(), Failure> {
        let view = |contact: &i64| MediaView { contact: *contact, source: Source::Camera, height };
        let views = ClientFrame::MediaViews { call_id, views: others.iter().map(view).collect() };
        self.device.socket().send(&views).await.map_err(|error| self.broken(error))
    }

    /// The lines on which somebody's sound and picture come.
    pub(super) fn lines_of(&self, contact: i64) -> Vec<&str> {
        self.slots.iter().filter(|slot| slot.contact == contact).map(|slot| slot.mid.as_str()).collect()
    }

    /// Follows the call until something breaks.
    pub(super) async fn live(&mut self) -> Result<(), Failure> {
        loop {
            match self.next().await? {
                DeviceEvent::Frame(ServerFrame::Call { call }) => self.follow(&call),
                DeviceEvent::Frame(ServerFrame::Slots { slots, .. }) => self.slots = slots,
                DeviceEvent::Frame(_) | DeviceEvent::Media(_) => {}
            }
        }
    }

    /// What has been received of each of the others.
    pub(super) fn by_sender(&self) -> watch::Receiver<BTreeMap<i64, Tally>> {
        self.by_sender.clone()
    }

    /// What has been received from the other end.
    pub(super) fn tally(&self) -> watch::Receiver<Tally> {
        self.tally.clone()
    }
}
