//! `farhand user`

use std::{io::Read, sync::Arc};

use clap::{Args, Subcommand, ValueEnum};
use farhand_server::{admin, auth::mint};
use farhand_store::{
    Store, StoreError,
    model::{NewUser, User, UserChange},
};

use super::{
    WhichUser,
    budget::{self, BudgetArgs},
    find_domain, find_user, open,
};
use crate::{chosen::Failure, cli::Place};

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

pub async fn change_user(store: &Arc<dyn Store>, user: &User, change: UserChange) -> Result<(), Failure> {
    let changed = store.change_user(user.id, &change).await?;
    changed.map(|_| println!("Done.")).ok_or_else(|| Failure::new("the user is gone"))
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
