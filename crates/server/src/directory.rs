//! Users, teams and contacts, remembered between requests. Everything is forgotten as soon as the database's directory
//! version changes, so that a change from the command line is seen within a second.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use farhand_store::{
    Store, StoreResult,
    model::{Contact, Domain, Team, TeamQueue, User},
};

/// Users remembered at most, about 100 MB. Beyond that everything is forgotten and read again.
const MAX_REMEMBERED: usize = 200_000;

#[derive(Default)]
struct Remembered {
    users: HashMap<i64, Arc<User>>,
    logins: HashMap<(String, String), i64>,
    contacts: HashMap<i64, Contact>,
    teams: HashMap<i64, Arc<Vec<Team>>>,
    domains: HashMap<i64, Arc<Domain>>,
    queues: HashMap<i64, Arc<Vec<TeamQueue>>>,
}

pub struct Directory {
    store: Arc<dyn Store>,
    version: AtomicI64,
    remembered: RwLock<Remembered>,
}

impl Directory {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, version: AtomicI64::new(0), remembered: RwLock::default() }
    }

    /// Looks whether anything changed; true if what was remembered is gone.
    pub async fn refresh(&self) -> StoreResult<bool> {
        let version = self.store.directory_version().await?;
        // Whoever knows the new version reads nothing of the old one any more.
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        let changed = self.version.swap(version, Ordering::AcqRel) != version;
        if changed {
            *remembered = Remembered::default();
        }
        Ok(changed)
    }

    /// While it is the same, so is all that can be read here.
    pub fn version(&self) -> i64 {
        self.version.load(Ordering::Acquire)
    }

    pub async fn user(&self, id: i64) -> StoreResult<Option<Arc<User>>> {
        if let Some(user) = self.read(|r| r.users.get(&id).cloned()) {
            return Ok(Some(user));
        }
        let version = self.version.load(Ordering::Acquire);
        let user = self.store.user(id).await?.map(Arc::new);
        Ok(user.inspect(|user| self.remember_user(version, user)))
    }

    pub async fn user_by_login(&self, domain: &str, login: &str) -> StoreResult<Option<Arc<User>>> {
        let key = (domain.to_owned(), login.to_owned());
        if let Some(user) = self.read(|r| r.logins.get(&key).and_then(|id| r.users.get(id)).cloned()) {
            return Ok(Some(user));
        }
        let version = self.version.load(Ordering::Acquire);
        let user = self.store.user_by_login(domain, login).await?.map(Arc::new);
        Ok(user.inspect(|user| self.remember_user(version, user)))
    }

    /// The contacts of users of one domain, in the order asked; made in the database where they are missing.
    pub async fn contacts(&self, users: &[i64]) -> StoreResult<Vec<Contact>> {
        let known: Option<Vec<_>> = self.read(|r| users.iter().map(|id| r.contacts.get(id).cloned()).collect());
        if let Some(contacts) = known {
            return Ok(contacts);
        }
        let version = self.version.load(Ordering::Acquire);
        let contacts = self.store.contacts_of_users(users).await?;
        self.remember(version, |r| {
            r.contacts.extend(contacts.iter().filter_map(|c| Some((c.user_id?, c.clone()))));
        });
        Ok(contacts)
    }

    pub async fn teams(&self, domain: i64) -> StoreResult<Arc<Vec<Team>>> {
        if let Some(teams) = self.read(|r| r.teams.get(&domain).cloned()) {
            return Ok(teams);
        }
        let version = self.version.load(Ordering::Acquire);
        let teams = Arc::new(self.store.teams(domain).await?);
        self.remember(version, |r| {
            r.teams.insert(domain, teams.clone());
        });
        Ok(teams)
    }

    /// How service requests wait for the domain's teams.
    pub async fn team_queues(&self, domain: i64) -> StoreResult<Arc<Vec<TeamQueue>>> {
        if let Some(queues) = self.read(|r| r.queues.get(&domain).cloned()) {
            return Ok(queues);
        }
        let version = self.version.load(Ordering::Acquire);
        let queues = Arc::new(self.store.team_queues(domain).await?);
        self.remember(version, |r| {
            r.queues.insert(domain, queues.clone());
        });
        Ok(queues)
    }

    pub async fn domain(&self, id: i64) -> StoreResult<Option<Arc<Domain>>> {
        if let Some(domain) = self.read(|r| r.domains.get(&id).cloned()) {
            return Ok(Some(domain));
        }
        let version = self.version.load(Ordering::Acquire);
        let all: Vec<_> = self.store.domains().await?.into_iter().map(Arc::new).collect();
        self.remember(version, |r| r.domains.extend(all.iter().map(|d| (d.id, d.clone()))));
        Ok(all.into_iter().find(|d| d.id == id))
    }

    fn remember_user(&self, version: i64, user: &Arc<User>) {
        self.remember(version, |r| {
            r.logins.insert((user.domain.clone(), user.login.clone()), user.id);
            r.users.insert(user.id, user.clone());
        });
    }

    fn read<T>(&self, look: impl FnOnce(&Remembered) -> T) -> T {
        look(&self.remembered.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what was read, unless something changed while it was being read.
    fn remember(&self, version: i64, keep: impl FnOnce(&mut Remembered)) {
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if self.version.load(Ordering::Acquire) != version {
            return;
        }
        if remembered.users.len() + remembered.contacts.len() > MAX_REMEMBERED {
            *remembered = Remembered::default();
        }
        keep(&mut remembered);
    }
}
