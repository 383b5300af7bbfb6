//! `farhand domain`

use std::{
    fs, io,
    path::{Path, PathBuf},
};

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
    /// Sets the page of terms that guests have to accept; without a file there is none. Whoever has accepted another text is asked again.
    Terms {
        #[command(flatten)]
        place: Place,
        name: String,
        /// The text; `-` for the standard input.
        #[arg(long)]
        file: Option<PathBuf>,
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

fn read_text(file: &Path) -> Result<String, Failure> {
    let text = if file == Path::new("-") { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
    text.map_err(|error| Failure::new(format!("{}: {error}", file.display())))
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
                let guests = match (domain.guests_allowed, &domain.guest_terms) {
                    (false, _) => "guests refused",
                    (true, None) => "guests allowed",
                    (true, Some(_)) => "guests allowed on terms",
                };
                println!("{:>6}  {:<24} {guests}  {}", domain.id, domain.name, budget::words(domain.budget));
            }
            Ok(())
        }
        DomainCommand::Budget { place, name, budget } => budget::of_domain(&place, &name, &budget).await,
        DomainCommand::Terms { place, name, file } => {
            let text = file.map(|file| read_text(&file)).transpose()?;
            let terms = admin::checked_terms(text)?;
            let said = if terms.is_some() { "have to accept them" } else { "have no terms to accept" };
            let store = open(&place).await?;
            let domain = find_domain(&store, &name).await?;
            let change = DomainChange { guest_terms: Some(terms), ..DomainChange::default() };
            store.change_domain(domain.id, change).await?;
            println!("Guests of {name} {said}.");
            Ok(())
        }
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
