//! What the media of a user, or of everybody in a domain, may take in a call.

use clap::Args;
use farhand_protocol::call::DataBudget;
use farhand_server::admin;
use farhand_store::model::{Budget, DomainChange, UserChange};

use super::{WhichUser, find_domain, find_user, open, user::change_user};
use crate::{chosen::Failure, cli::Place};

/// What is left out is not limited.
#[derive(Args)]
pub struct BudgetArgs {
    /// What may pass in a second, in kbit.
    #[arg(long, value_name = "NUMBER")]
    kbit: Option<u32>,
    /// What may pass in a whole call; then there is sound only.
    #[arg(long, value_name = "NUMBER")]
    megabytes: Option<u32>,
}

impl BudgetArgs {
    fn checked(&self) -> Result<Budget, Failure> {
        let budget = DataBudget { kbit_per_second: self.kbit, megabytes: self.megabytes };
        admin::check_budget(budget)?;
        Ok(admin::budget(budget))
    }
}

pub async fn of_domain(place: &Place, name: &str, budget: &BudgetArgs) -> Result<(), Failure> {
    let budget = Some(budget.checked()?);
    let store = open(place).await?;
    let domain = find_domain(&store, name).await?;
    store.change_domain(domain.id, DomainChange { budget, ..DomainChange::default() }).await?;
    println!("Done.");
    Ok(())
}

pub async fn of_user(which: &WhichUser, budget: &BudgetArgs) -> Result<(), Failure> {
    let budget = Some(budget.checked()?);
    let (store, user) = find_user(which).await?;
    change_user(&store, &user, UserChange { budget, ..UserChange::default() }).await
}

/// For a list.
pub fn words(budget: Budget) -> String {
    let rate = budget.kbit.map(|kbit| format!("{kbit} kbit/s"));
    let volume = budget.megabytes.map(|megabytes| format!("{megabytes} MB a call"));
    let words: Vec<_> = rate.into_iter().chain(volume).collect();
    words.join(", ")
}
