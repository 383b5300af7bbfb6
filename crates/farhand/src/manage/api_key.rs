//! `farhand api-key`

use clap::Subcommand;
use farhand_server::{
    admin,
    world::{Clock, SystemClock},
};

use super::{WhichUser, find_domain, find_user, open};
use crate::{chosen::Failure, cli::Place};

#[derive(Subcommand)]
pub enum ApiKeyCommand {
    /// Creates a key that acts as a user, and prints it this once.
    Create {
        #[command(flatten)]
        which: WhichUser,
        /// What the key is for.
        #[arg(long)]
        name: String,
    },
    /// Lists a domain's keys.
    List {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        domain: String,
    },
    /// Revokes a key.
    Revoke {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        domain: String,
        /// The key's number, from `list`.
        id: i64,
    },
}

pub async fn api_key(command: ApiKeyCommand) -> Result<(), Failure> {
    match command {
        ApiKeyCommand::Create { which, name } => {
            admin::check_name("/name", &name)?;
            let (store, user) = find_user(&which).await?;
            let now = SystemClock.now();
            let (key, record) = admin::create_api_key(store.as_ref(), now, user.id, &name).await?;
            eprintln!("Key {} acts as {}. It is shown only now:", record.id, user.login);
            println!("{}", key.reveal());
            Ok(())
        }
        ApiKeyCommand::List { place, domain } => {
            let store = open(&place).await?;
            for key in store.api_keys(find_domain(&store, &domain).await?.id).await? {
                let state = if key.revoked { "revoked" } else { "" };
                println!("{:>6}  {}…  user {:<8} {:<32} {state}", key.id, key.prefix, key.user_id, key.name);
            }
            Ok(())
        }
        ApiKeyCommand::Revoke { place, domain, id } => {
            let store = open(&place).await?;
            let domain = find_domain(&store, &domain).await?;
            if !store.revoke_api_key(domain.id, id).await? {
                return Err(Failure::new(format!("{} has no key {id}", domain.name)));
            }
            println!("Revoked; it stops working within seconds.");
            Ok(())
        }
    }
}
