//! `farhand team`

use clap::Subcommand;
use farhand_server::admin;
use farhand_store::model::NewTeam;

use super::{find_domain, open};
use crate::{chosen::Failure, cli::Place};

#[derive(Subcommand)]
pub enum TeamCommand {
    /// Adds a team, or replaces its members.
    Set {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        domain: String,
        #[arg(long)]
        name: String,
        /// Login name of a member, in the order of ringing; can be given several times.
        #[arg(long)]
        member: Vec<String>,
    },
    /// Lists a domain's teams.
    List {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        domain: String,
    },
    /// Removes a team.
    Remove {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        domain: String,
        #[arg(long)]
        name: String,
    },
}

pub async fn team(command: TeamCommand) -> Result<(), Failure> {
    match command {
        TeamCommand::Set { place, domain, name, member } => {
            admin::check_name("/name", &name)?;
            let store = open(&place).await?;
            let domain = find_domain(&store, &domain).await?;
            let mut members = Vec::new();
            for login in &member {
                let user = store.user_by_login(&domain.name, login).await?;
                members.push(user.ok_or_else(|| Failure::new(format!("{} has no user {login}", domain.name)))?.id);
            }
            let known = store.teams(domain.id).await?.into_iter().find(|team| team.name == name);
            // How it is rung stays as it is.
            let kept = known.as_ref().map(|team| (team.settings.clone(), team.next));
            let (settings, next) = kept.unwrap_or_default();
            let new = NewTeam { name, members, settings, next };
            let id = match known {
                Some(team) => store.replace_team(team.id, &new).await?.map(|team| team.id),
                None => Some(store.create_team(domain.id, &new).await?.id),
            };
            let id = id.ok_or_else(|| Failure::new("the team was removed meanwhile"))?;
            println!("Team {} has {} members (id {id}).", new.name, new.members.len());
            Ok(())
        }
        TeamCommand::List { place, domain } => {
            let store = open(&place).await?;
            let domain = find_domain(&store, &domain).await?;
            for team in store.teams(domain.id).await? {
                let members: Vec<_> = team.members.iter().map(i64::to_string).collect();
                println!("{:>6}  {:<24} members {}", team.id, team.name, members.join(","));
            }
            Ok(())
        }
        TeamCommand::Remove { place, domain, name } => {
            let store = open(&place).await?;
            let domain = find_domain(&store, &domain).await?;
            let team = store.teams(domain.id).await?.into_iter().find(|team| team.name == name);
            let team = team.ok_or_else(|| Failure::new(format!("{} has no team {name}", domain.name)))?;
            store.delete_team(team.id).await?;
            println!("Removed.");
            Ok(())
        }
    }
}
