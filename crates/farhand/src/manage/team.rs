//! `farhand team`

use clap::{Args, Subcommand, ValueEnum};
use farhand_protocol::team::TeamStrategy;
use farhand_server::{TeamSettings, admin};
use farhand_store::model::{NewTeam, Team};

use super::{find_domain, open};
use crate::{chosen::Failure, cli::Place};

/// What is left out stays as it is.
#[derive(Args)]
pub struct RingingArgs {
    /// In which order its people are rung.
    #[arg(long)]
    strategy: Option<StrategyArg>,
    /// How long each is rung before the next, if not all are at once.
    #[arg(long, value_name = "NUMBER")]
    seconds: Option<u32>,
    /// The team that is called when nobody of this one answers; "" for none.
    #[arg(long, value_name = "NAME")]
    next: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum StrategyArg {
    All,
    OneAfterAnother,
    LongestIdle,
}

impl RingingArgs {
    /// How the team is rung from now on.
    fn settings(&self, known: Option<&Team>, members: &[i64]) -> Result<Option<String>, Failure> {
        let mut settings = known.map(TeamSettings::of).unwrap_or_default();
        settings.profiles.retain(|profile| members.contains(&profile.user_db_id));
        settings.ringing.strategy = match self.strategy {
            Some(StrategyArg::All) => TeamStrategy::All,
            Some(StrategyArg::OneAfterAnother) => TeamStrategy::OneAfterAnother,
            Some(StrategyArg::LongestIdle) => TeamStrategy::LongestIdle,
            None => settings.ringing.strategy,
        };
        settings.ringing.seconds = self.seconds.or(settings.ringing.seconds);
        Ok(settings.checked(members)?.written())
    }

    fn next(&self, teams: &[Team], known: Option<&Team>) -> Result<Option<i64>, Failure> {
        match self.next.as_deref() {
            None => Ok(known.and_then(|team| team.next)),
            Some("") => Ok(None),
            Some(name) => {
                let team = teams.iter().find(|team| team.name == name);
                Ok(Some(team.ok_or_else(|| Failure::new(format!("there is no team {name}")))?.id))
            }
        }
    }
}

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
        #[command(flatten)]
        ringing: RingingArgs,
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

/// How a team is rung, for a list.
fn words(team: &Team, teams: &[Team]) -> String {
    let settings = TeamSettings::of(team);
    let each = settings.turn().as_secs();
    let order = match settings.ringing.strategy {
        TeamStrategy::All => "all".to_owned(),
        TeamStrategy::OneAfterAnother => format!("one-after-another, {each} s each"),
        TeamStrategy::LongestIdle => format!("longest-idle, {each} s each"),
    };
    let next = teams.iter().find(|next| Some(next.id) == team.next);
    order + &next.map(|next| format!(", then {}", next.name)).unwrap_or_default()
}

pub async fn team(command: TeamCommand) -> Result<(), Failure> {
    match command {
        TeamCommand::Set { place, domain, name, member, ringing } => {
            admin::check_name("/name", &name)?;
            let store = open(&place).await?;
            let domain = find_domain(&store, &domain).await?;
            let mut members = Vec::new();
            for login in &member {
                let user = store.user_by_login(&domain.name, login).await?;
                members.push(user.ok_or_else(|| Failure::new(format!("{} has no user {login}", domain.name)))?.id);
            }
            let teams = store.teams(domain.id).await?;
            let known = teams.iter().find(|team| team.name == name);
            let (settings, next) = (ringing.settings(known, &members)?, ringing.next(&teams, known)?);
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
            let teams = store.teams(domain.id).await?;
            for team in &teams {
                let members: Vec<_> = team.members.iter().map(i64::to_string).collect();
                let rung = words(team, &teams);
                println!("{:>6}  {:<24} members {:<20} {rung}", team.id, team.name, members.join(","));
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
