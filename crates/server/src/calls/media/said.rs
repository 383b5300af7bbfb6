//! What people say of their microphones and cameras, and of the pictures they want to see. Who says it too fast is heard a little
//! later.

use farhand_domain::{
    ids::{ContactId, DeviceId},
    time::Timestamp,
};
use farhand_protocol::frame::{MediaState, MediaView};
use farhand_sfu::View;

use super::{CallMedia, slots::source};

/// Pictures somebody can want to see: more than there can be people and screens.
const MAX_VIEWS: usize = 64;

impl CallMedia {
    /// What somebody wants to see, and how large: now, or soon.
    pub fn views_said(&mut self, now: Timestamp, contact: ContactId, device: DeviceId, mut views: Vec<MediaView>) {
        views.truncate(MAX_VIEWS);
        if let Some(views) = self.said_views.said(now, (contact, device), views) {
            self.views(contact, device, &views);
        }
    }

    fn views(&self, contact: ContactId, device: DeviceId, views: &[MediaView]) {
        let (Some(connection), Some(room)) = (self.connection(contact, device), &self.room) else { return };
        let view = |view: &MediaView| {
            let shown = self.connections.iter().find(|c| c.is_live() && c.contact.0 == view.contact)?;
            Some(View { peer: shown.peer, source: source(view.source), height: view.height })
        };
        room.views(connection.peer, views.iter().filter_map(view).collect());
    }

    /// True if that is news to be told now; otherwise it is told soon.
    pub fn state_said(&mut self, now: Timestamp, contact: ContactId, state: MediaState) -> bool {
        let state = self.said_states.said(now, contact, state);
        state.is_some_and(|state| self.set_state(contact, state))
    }

    /// When something that was said too fast is due.
    pub fn due(&self) -> Option<Timestamp> {
        self.said_states.due().into_iter().chain(self.said_views.due()).min()
    }

    /// Does what is due. True if there is news.
    pub fn catch_up(&mut self, now: Timestamp) -> bool {
        for ((contact, device), views) in self.said_views.take_due(now) {
            self.views(contact, device, &views);
        }
        let states = self.said_states.take_due(now).into_iter();
        states.fold(false, |news, (contact, state)| self.set_state(contact, state) | news)
    }

    fn set_state(&mut self, contact: ContactId, state: MediaState) -> bool {
        let before = self.states.insert(contact, state);
        if before.is_some_and(|before| before.screen) != state.screen {
            // `follow` tells the worker, if there is anything to tell.
            self.told &= self.connections.is_empty();
        }
        before != Some(state)
    }

    pub fn state(&self, contact: ContactId) -> Option<MediaState> {
        self.states.get(&contact).copied()
    }
}
