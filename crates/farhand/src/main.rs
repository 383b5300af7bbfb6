//! The command line. What the commands do stands in their own files; the server is a library.

mod chosen;
mod cli;
mod demo;
mod lock;
mod manage;
mod open_files;
mod selftest;
mod serve;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("farhand: {error}");
            ExitCode::FAILURE
        }
    }
}
