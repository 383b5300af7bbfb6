//! What can be said on the command line.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{chosen::Failure, demo, manage, serve};

/// Remote-assistance calls on your own server: a technician shows, an expert sees, speaks and helps.
///
/// `farhand demo` shows it on this machine in a second, with made-up people and nothing to configure. `farhand serve` is
/// the real thing: it keeps its data in ./farhand-data and tells on its first start how to make the first
/// administrator.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server.
    Serve(serve::ServeArgs),
    /// Runs the server with made-up people, reachable from this machine only.
    Demo(demo::DemoArgs),
    /// Adds, lists and changes users.
    #[command(subcommand)]
    User(manage::UserCommand),
    /// Adds, lists and removes teams.
    #[command(subcommand)]
    Team(manage::TeamCommand),
    /// Adds, lists and changes domains, the tenants of the server.
    #[command(subcommand)]
    Domain(manage::DomainCommand),
    /// Creates, lists and revokes API keys.
    #[command(subcommand)]
    ApiKey(manage::ApiKeyCommand),
    /// Prints the configuration reference, in Markdown.
    Configuration,
    /// Prints the OpenAPI 3.1 document.
    Openapi {
        /// Print the schemas of the WebSocket frames instead.
        #[arg(long)]
        frames: bool,
    },
}

/// Where configuration and data are.
#[derive(Args, Clone, Default)]
pub struct Place {
    /// A configuration file (TOML). Every setting can also be given in the environment, such as
    /// `FARHAND_CALLS__GRACE_SECONDS=20`.
    #[arg(long, env = "FARHAND_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the database and all other files are kept [default: ./farhand-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Where to listen.
#[derive(Args, Clone)]
pub struct Listen {
    /// Address and port to serve on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Get a certificate for this name by ACME, and renew it; may be given several times
    #[arg(long, value_name = "DOMAIN")]
    pub acme: Vec<String>,
}

impl Cli {
    pub async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Serve(args) => serve::run(args).await.map(|()| ExitCode::SUCCESS),
            Command::Demo(args) => demo::run(args).await,
            Command::User(command) => manage::user(command).await.map(|()| ExitCode::SUCCESS),
            Command::Team(command) => manage::team(command).await.map(|()| ExitCode::SUCCESS),
            Command::Domain(command) => manage::domain(command).await.map(|()| ExitCode::SUCCESS),
            Command::ApiKey(command) => manage::api_key(command).await.map(|()| ExitCode::SUCCESS),
            Command::Configuration => {
                print!("{}", farhand_server::config_reference()?);
                Ok(ExitCode::SUCCESS)
            }
            Command::Openapi { frames } => {
                let document =
                    if frames { farhand_server::frames_document() } else { farhand_server::openapi_document() };
                println!("{}", serde_json::to_string_pretty(&document)?);
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
