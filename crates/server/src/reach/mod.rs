//! How somebody is reached beside the ring on open pages, and whether there is to be quiet: the settings of the user and of the domain,
//! read and put together.

mod settings;

use std::time::Duration;

use farhand_domain::{
    hours::Span,
    ids::TeamId,
    reach::{self, Quiet, Rung},
    time::Timestamp,
};
use farhand_protocol::reach::{DomainReach, ReachSettings, StoredAddresses};
use farhand_store::model::{Domain, User};

use crate::{
    notify::is_read,
    planned::zone::{self, Zone},
};

pub use settings::{check_domain, check_hours, check_settings, rungs_of, spans_of, team_of, wire_rungs};

/// How one person is reached.
pub struct Ways {
    pub rungs: Vec<Rung>,
    /// The team that is asked when this person has not answered for so long.
    pub team: Option<(TeamId, Duration)>,
    own_language: Option<String>,
    usual_language: Option<String>,
    undisturbed_until: Option<Timestamp>,
    hours: Vec<Span>,
    zone: Option<Zone>,
}

impl Ways {
    /// A guest is nobody's user.
    pub fn of(domain: Option<&Domain>, user: Option<&User>) -> Self {
        let (domain, user) = (domain.map(of_domain).unwrap_or_default(), user.map(of_user).unwrap_or_default());
        let own = user.rungs.or(domain.rungs);
        let quiet = user.quiet_hours.as_ref();
        Self {
            rungs: own.as_deref().map_or_else(reach::usual, rungs_of),
            team: own.as_deref().and_then(team_of),
            own_language: user.language,
            usual_language: domain.language,
            undisturbed_until: user.do_not_disturb_until.map(|until| until.0),
            hours: quiet.map(|hours| spans_of(&hours.spans)).unwrap_or_default(),
            zone: quiet.and_then(|hours| zone::find(&hours.time_zone).ok()),
        }
    }

    /// In which to write, if that was said: by the person, else by whoever has invited (`asked`), else by the domain.
    pub fn language<'a>(&'a self, asked: Option<&'a str>) -> Option<&'a str> {
        let asked = asked.filter(|tag| is_read(tag));
        self.own_language.as_deref().or(asked).or(self.usual_language.as_deref())
    }

    /// Whether the person wants quiet now.
    pub fn quiet(&self, now: Timestamp) -> Option<Quiet> {
        let wall = self.zone.as_ref().map(|zone| zone.wall(now));
        reach::quiet(now, self.undisturbed_until, &self.hours, wall)
    }
}

/// Whether a call may use the addresses of accounts.
pub fn uses_stored(domain: Option<&Domain>, own_client: bool) -> bool {
    match domain.map(of_domain).unwrap_or_default().stored_addresses {
        StoredAddresses::Never => false,
        StoredAddresses::OwnClient => own_client,
        StoredAddresses::Always => true,
    }
}

pub fn of_user(user: &User) -> ReachSettings {
    user.reach.as_deref().map(read).unwrap_or_default()
}

pub fn of_domain(domain: &Domain) -> DomainReach {
    domain.reach.as_deref().map(read).unwrap_or_default()
}

/// What nobody can read any more is as if it had never been set: people are rather reached in the usual way than not at all.
fn read<T: serde::de::DeserializeOwned + Default>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::error!(%error, "settings of how people are reached are unreadable");
        T::default()
    })
}

/// As it is stored; what says nothing is not stored at all.
pub fn written<T: serde::Serialize + Default + PartialEq>(settings: &T) -> Option<String> {
    // Texts and numbers: this cannot fail.
    (*settings != T::default()).then(|| serde_json::to_string(settings).unwrap_or_default())
}
