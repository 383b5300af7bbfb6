//! `farhand user|team|domain|api-key`: administration without a running server, or beside one, which sees the change within
//! a second.

mod budget;

use std::{io::Read, sync::Arc};

use clap::{Args, Subcommand, ValueEnum};
use farhand_server::{
    admin,
    auth::mint,
    world::{Clock, SystemClock},
};
use farhand_store::{
    Store, StoreError,
    model::{Domain, DomainChange, NewUser, User, UserChange},
};

use self::budget::BudgetArgs;
use crate::{
    chosen::{self, Failure},
    cli::Place,
};

#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    Admin,
    Expert,
    Technician,
    Connector,
}

impl Role {
    fn name(self) -> String {
        match self {
            Self::Admin => "admin",
            Self::Expert => "expert",
            Self::Technician => "technician",
            Self::Connector => "connector",
        }
        .to_owned()
    }
}

/// Where the password comes from. Never from an argument, which other users of the machine can see.
#[derive(Args)]
pub struct PasswordSource {
    /// Read the password from standard input. Otherwise `FARHAND_PASSWORD` is taken, or a password made and printed.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args)]
pub struct NewUserArgs {
    #[command(flatten)]
    place: Place,
    /// The user's domain; it is made if it does not exist.
    #[arg(long)]
    domain: String,
    /// Login name.
    #[arg(long)]
    user: String,
    /// Display name; the login name when left out.
    #[arg(long)]
    name: Option<String>,
    /// What the user may do; can be given several times.
    #[arg(long, required = true)]
    role: Vec<Role>,
    #[arg(long)]
    email: Option<String>,
    #[arg(long)]
    phone: Option<String>,
    /// May manage the server's domains.
    #[arg(long)]
    operator: bool,
    #[command(flatten)]
    password: PasswordSource,
}

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

#[derive(Subcommand)]
pub enum UserCommand {
    /// Adds a user, and the domain if it is new.
    Add(Box<NewUserArgs>),
    /// Lists a domain's users.
    List {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        domain: String,
    },
    /// Sets a new password and ends the user's logins.
    Password {
        #[command(flatten)]
        which: WhichUser,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Limits what the user's media may take in a call; without a limit given, there is none.
    Budget {
        #[command(flatten)]
        which: WhichUser,
        #[command(flatten)]
        budget: BudgetArgs,
    },
    /// Disables a user: logins, keys and connections end within seconds.
    Disable {
        #[command(flatten)]
        which: WhichUser,
    },
    /// Enables a disabled user.
    Enable {
        #[command(flatten)]
        which: WhichUser,
    },
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
        /// Login name of a member; can be given several times.
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

pub async fn user(command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Add(args) => add_user(*args).await,
        UserCommand::List { place, domain } => {
            let store = open(&place).await?;
            for user in store.users(find_domain(&store, &domain).await?.id).await? {
                let state = if user.disabled { "disabled" } else { "" };
                let (id, login, name, roles) = (user.id, &user.login, &user.display_name, user.roles.join(","));
                let budget = budget::words(user.budget);
                println!("{id:>6}  {login:<24} {name:<32} {roles:<24} {state:<8} {budget}");
            }
            Ok(())
        }
        UserCommand::Password { which, password } => {
            let (store, user) = find_user(&which).await?;
            let password = choose_password(&password)?;
            let hash = admin::checked_password_hash(password.clone()).await?;
            let change = UserChange { password_hash: Some(hash), ..UserChange::default() };
            change_user(&store, &user, change).await?;
            store.revoke_sessions_of_user(user.id).await?;
            Ok(())
        }
        UserCommand::Budget { which, budget } => budget::of_user(&which, &budget).await,
        UserCommand::Disable { which } => set_disabled(&which, true).await,
        UserCommand::Enable { which } => set_disabled(&which, false).await,
    }
}

async fn add_user(args: NewUserArgs) -> Result<(), Failure> {
    admin::check_login_name(&args.user)?;
    admin::check_login_name(&args.domain)?;
    let password = choose_password(&args.password)?;
    let password_hash = Some(admin::checked_password_hash(password).await?);
    let store = open(&args.place).await?;
    let domain = match store.domain_by_name(&args.domain).await? {
        Some(domain) => domain,
        None => store.create_domain(&args.domain).await?,
    };
    let user = NewUser {
        id: None,
        domain_id: domain.id,
        display_name: args.name.unwrap_or_else(|| args.user.clone()),
        login: args.user,
        email: args.email,
        phone: args.phone,
        password_hash,
        roles: args.role.into_iter().map(Role::name).collect(),
        operator: args.operator,
    };
    let login = user.login.clone();
    let user = store.create_user(&user).await.map_err(|error| match error {
        StoreError::Constraint(_) => Failure::new(format!("{login} exists already in {}", args.domain)),
        StoreError::Unavailable(_) | StoreError::Corrupt(_) => error.into(),
    })?;
    println!("Added {} to {} with database id {}.", user.login, user.domain, user.id);
    Ok(())
}

async fn set_disabled(which: &WhichUser, disabled: bool) -> Result<(), Failure> {
    let (store, user) = find_user(which).await?;
    change_user(&store, &user, UserChange { disabled: Some(disabled), ..UserChange::default() }).await?;
    if disabled {
        store.revoke_sessions_of_user(user.id).await?;
    }
    Ok(())
}

async fn change_user(store: &Arc<dyn Store>, user: &User, change: UserChange) -> Result<(), Failure> {
    let changed = store.change_user(user.id, &change).await?;
    changed.map(|_| println!("Done.")).ok_or_else(|| Failure::new("the user is gone"))
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
            let id = match known {
                Some(team) => store.replace_team(team.id, &name, &members).await?.map(|team| team.id),
                None => Some(store.create_team(domain.id, &name, &members).await?.id),
            };
            let id = id.ok_or_else(|| Failure::new("the team was removed meanwhile"))?;
            println!("Team {name} has {} members (id {id}).", members.len());
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

fn choose_password(source: &PasswordSource) -> Result<String, Failure> {
    if source.password_stdin {
        let mut password = String::new();
        std::io::stdin().read_to_string(&mut password)?;
        return Ok(password.trim_end_matches(['\r', '\n']).to_owned());
    }
    if let Ok(password) = std::env::var("FARHAND_PASSWORD") {
        return Ok(password);
    }
    let password = mint("").map_err(|e| Failure::new(format!("no random numbers: {e}")))?;
    println!("Password: {}", password.reveal());
    Ok(password.reveal().to_owned())
}
