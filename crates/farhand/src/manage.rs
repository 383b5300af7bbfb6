//! `farhand user|team|domain|api-key`: administration without a running server, or beside one, which sees the change within
//! a second.

mod api_key;
mod budget;
mod domain;
mod team;
mod user;

use std::sync::Arc;

use clap::Args;
use farhand_store::{
    Store,
    model::{Domain, User},
};

pub use self::{
    api_key::{ApiKeyCommand, api_key},
    domain::{DomainCommand, domain},
    team::{TeamCommand, team},
    user::{UserCommand, user},
};
use crate::{
    chosen::{self, Failure},
    cli::Place,
};

/// Names a user.
#[derive(Args)]
pub struct WhichUser {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    domain: String,
    /// Login name.
    #[arg(long)]
    user: String,
}

async fn open(place: &Place) -> Result<Arc<dyn Store>, Failure> {
    chosen::start_log("warn");
    chosen::open_store(&chosen::config(place, None)?).await
}

async fn find_domain(store: &Arc<dyn Store>, name: &str) -> Result<Domain, Failure> {
    store.domain_by_name(name).await?.ok_or_else(|| Failure::new(format!("there is no domain {name}")))
}

async fn find_user(which: &WhichUser) -> Result<(Arc<dyn Store>, User), Failure> {
    let store = open(&which.place).await?;
    let user = store.user_by_login(&which.domain, &which.user).await?;
    let user = user.ok_or_else(|| Failure::new(format!("there is no user {} in {}", which.user, which.domain)))?;
    Ok((store, user))
}
