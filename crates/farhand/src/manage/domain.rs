//! `farhand domain`

use clap::Subcommand;
use farhand_server::admin;
use farhand_store::{StoreError, model::DomainChange};

use super::{
    budget::{self, BudgetArgs},
    find_domain, open,
};
use crate::{chosen::Failure, cli::Place};

#[derive(Subcommand)]
pub enum DomainCommand {
    /// Adds a domain.
    Add {
        #[command(flatten)]
        place: Place,
        name: String,
    },
    /// Lists the domains.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Says whether people without an account may be invited.
    Guests {
        #[command(flatten)]
        place: Place,
        name: String,
        #[arg(value_parser = ["allowed", "refused"])]
        setting: String,
    },
    /// Limits what each person's media may take in a call; without a limit given, there is none.
    Budget {
        #[command(flatten)]
        place: Place,
        name: String,
        #[command(flatten)]
        budget: BudgetArgs,
    },
}

pub async fn domain(command: DomainCommand) -> Result<(), Failure> {
    match command {
        DomainCommand::Add { place, name } => {
            admin::check_login_name(&name)?;
            let domain = open(&place).await?.create_domain(&name).await.map_err(|error| match error {
                StoreError::Constraint(_) => Failure::new(format!("the domain {name} exists already")),
                StoreError::Unavailable(_) | StoreError::Corrupt(_) => error.into(),
            })?;
            println!("Added {} (id {}).", domain.name, domain.id);
            Ok(())
        }
        DomainCommand::List { place } => {
            for domain in open(&place).await?.domains().await? {
                let guests = if domain.guests_allowed { "guests allowed" } else { "guests refused" };
                println!("{:>6}  {:<24} {guests}  {}", domain.id, domain.name, budget::words(domain.budget));
            }
            Ok(())
        }
        DomainCommand::Budget { place, name, budget } => budget::of_domain(&place, &name, &budget).await,
        DomainCommand::Guests { place, name, setting } => {
            let store = open(&place).await?;
            let domain = find_domain(&store, &name).await?;
            let change = DomainChange { guests_allowed: Some(setting == "allowed"), ..DomainChange::default() };
            store.change_domain(domain.id, change).await?;
            println!("Guests are {setting} in {name}.");
            Ok(())
        }
    }
}
