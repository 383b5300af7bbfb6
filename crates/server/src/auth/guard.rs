//! Turns a token into a login, and ends logins.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use farhand_domain::time::Timestamp;
use farhand_protocol::{ErrorCode, Problem, auth::Role};
use farhand_store::{
    Store, StoreResult,
    model::{NewLoginSession, Rotation, TokenPair, User},
};
use uuid::Uuid;

use super::{Secret, hash_token, mint};
use crate::{
    config::LoginConfig,
    directory::Directory,
    http::{Fail, Outcome},
    world::{SharedClock, new_id},
};

/// How long a token's answer is believed without asking the database again. Longer is cheaper; a key that is revoked from the
/// command line works that much longer. What this process revokes itself is forgotten at once.
const BELIEVED_FOR: Duration = Duration::from_secs(3);
/// Tokens remembered at most, about 20 MB.
const MAX_REMEMBERED: usize = 100_000;

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    Session { family: Uuid },
    ApiKey { id: i64 },
}

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Login {
    pub user: Arc<User>,
    pub credential: Credential,
}

impl Login {
    pub fn has(&self, role: Role) -> bool {
        has_role(&self.user, role)
    }

    pub fn require(&self, role: Role) -> Outcome<()> {
        if self.has(role) {
            return Ok(());
        }
        Err(Problem::new(ErrorCode::Forbidden, format!("This needs the role {}.", role_name(role))).into())
    }
}

pub fn has_role(user: &User, role: Role) -> bool {
    user.roles.iter().any(|r| r == role_name(role))
}

pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Expert => "expert",
        Role::Technician => "technician",
        Role::Connector => "connector",
    }
}

#[derive(Clone, Copy)]
struct Believed {
    user_id: i64,
    credential: Credential,
    expires: Option<Timestamp>,
    until: Timestamp,
}

/// A fresh pair of tokens.
pub struct Granted {
    pub access: Secret,
    pub refresh: Secret,
    pub expires_in: Duration,
}

pub struct Auth {
    store: Arc<dyn Store>,
    directory: Arc<Directory>,
    clock: SharedClock,
    config: LoginConfig,
    believed: RwLock<HashMap<[u8; 32], Believed>>,
}

impl Auth {
    pub fn new(store: Arc<dyn Store>, directory: Arc<Directory>, clock: SharedClock, config: LoginConfig) -> Self {
        Self { store, directory, clock, config, believed: RwLock::default() }
    }

    /// Who the token belongs to.
    pub async fn check(&self, token: &str) -> Outcome<Login> {
        let now = self.clock.now();
        let hash = hash_token(token);
        let believed = self.believed.read().unwrap_or_else(PoisonError::into_inner).get(&hash).copied();
        let believed = match believed.filter(|b| b.until > now) {
            Some(believed) => believed,
            None => self.look_up(token, hash, now).await?,
        };
        if believed.expires.is_some_and(|at| at <= now) {
            return Err(
                Problem::new(ErrorCode::TokenExpired, "The token has expired: refresh it or log in again.").into()
            );
        }
        let user = self.directory.user(believed.user_id).await?.filter(|user| !user.disabled);
        let user = user.ok_or_else(unauthenticated)?;
        Ok(Login { user, credential: believed.credential })
    }

    async fn look_up(&self, token: &str, hash: [u8; 32], now: Timestamp) -> Outcome<Believed> {
        let until = now + BELIEVED_FOR;
        let found = if token.starts_with(API_KEY_PREFIX) {
            self.store.api_key_by_hash(&hash).await?.filter(|key| !key.revoked).map(|key| Believed {
                user_id: key.user_id,
                credential: Credential::ApiKey { id: key.id },
                expires: None,
                until,
            })
        } else {
            self.store.session_by_access(&hash).await?.filter(|session| !session.revoked).map(|session| Believed {
                user_id: session.user_id,
                credential: Credential::Session { family: session.family },
                expires: Some(session.access_expires),
                until,
            })
        };
        let found = found.ok_or_else(unauthenticated)?;
        let mut believed = self.believed.write().unwrap_or_else(PoisonError::into_inner);
        if believed.len() >= MAX_REMEMBERED {
            believed.clear();
        }
        believed.insert(hash, found);
        Ok(found)
    }

    /// Opens a login session.
    pub async fn grant(&self, user_id: i64) -> Outcome<Granted> {
        let (granted, pair) = self.fresh_pair()?;
        let session = NewLoginSession { family: new_id(), user_id, pair, created_at: self.clock.now() };
        self.store.create_session(&session).await?;
        Ok(granted)
    }

    /// Swaps a refresh token for a new pair. One used twice ends the whole login: somebody else has a copy.
    pub async fn refresh(&self, refresh: &str) -> Outcome<Refreshed> {
        let (granted, pair) = self.fresh_pair()?;
        let now = self.clock.now();
        match self.store.rotate_session(&hash_token(refresh), &pair, now).await? {
            Rotation::Rotated(session) => {
                self.forget();
                let user = self.directory.user(session.user_id).await?.filter(|user| !user.disabled);
                Ok(Refreshed::Granted(granted, user.ok_or_else(unauthenticated)?))
            }
            Rotation::Reused { family, user_id } => {
                tracing::warn!(user_id, %family, "a refresh token was used twice; the login is revoked");
                self.forget();
                Ok(Refreshed::Reused { family })
            }
            Rotation::Expired => {
                Err(Problem::new(ErrorCode::TokenExpired, "The login has expired: log in again.").into())
            }
            Rotation::Unknown => Err(unauthenticated().into()),
        }
    }

    pub async fn end_family(&self, family: Uuid) -> StoreResult<()> {
        self.store.revoke_family(family).await?;
        self.forget();
        Ok(())
    }

    /// Asks the database again about every token.
    pub fn forget(&self) {
        self.believed.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn fresh_pair(&self) -> Outcome<(Granted, TokenPair)> {
        let no_chance = |e| Fail::internal(format!("no random numbers: {e}"));
        let access = mint(ACCESS_PREFIX).map_err(no_chance)?;
        let refresh = mint(REFRESH_PREFIX).map_err(no_chance)?;
        let now = self.clock.now();
        let pair = TokenPair {
            access_hash: access.hash(),
            access_expires: now + Duration::from_secs(self.config.access_seconds),
            refresh_hash: refresh.hash(),
            refresh_expires: now + Duration::from_secs(self.config.refresh_seconds),
        };
        let expires_in = Duration::from_secs(self.config.access_seconds);
        Ok((Granted { access, refresh, expires_in }, pair))
    }
}

/// What came of a refresh token.
pub enum Refreshed {
    Granted(Granted, Arc<User>),
    Reused { family: Uuid },
}

pub const ACCESS_PREFIX: &str = "fha_";
pub const REFRESH_PREFIX: &str = "fhr_";
pub const API_KEY_PREFIX: &str = "fhk_";

fn unauthenticated() -> Problem {
    Problem::new(ErrorCode::Unauthenticated, "The token is not known here, or no longer good: log in again.")
}
