//! The commands a person needs to work on Farhand: `cargo xtask <command>`.
//!
//! Plain standard library, so that it compiles in seconds on a machine that has nothing yet. What it needs beside Rust,
//! Node.js and npm, it installs.

mod bench;
mod codegen;
mod console;
mod demo;
mod files;
mod packages;
mod process;
mod python;
mod test;
mod tidy;
mod web;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use process::{Outcome, fail};

struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&Path, &[String]) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        about: "Builds Farhand and runs it with demo accounts; further arguments go to `farhand demo`",
        run: demo::run,
    },
    Command { name: "test", about: "Runs every check and test; `test --help` tells how to run some", run: test::run },
    Command {
        name: "bench",
        about: "Measures the figures of docs/benchmarks.md; `bench --help` lists them",
        run: bench::run,
    },
    Command { name: "tidy", about: "Checks the house rules no compiler checks", run: tidy::run },
    Command {
        name: "codegen",
        about: "Writes the web client's types from the server's; `--check` only compares",
        run: codegen::run,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&root(), &args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(root: &Path, args: &[String]) -> Outcome {
    let Some((name, rest)) = args.split_first() else {
        print!("{}", usage());
        return Ok(());
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", usage());
        return Ok(());
    }
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(root, rest),
        None => fail(format!("there is no command \"{name}\"\n\n{}", usage())),
    }
}

fn usage() -> String {
    let commands = console::listing(COMMANDS.iter().map(|command| (command.name, command.about)));
    format!(
        "Usage: cargo xtask <command>\n\n{commands}\n\n\
         On a fresh Debian 12, Rust, Node.js and npm are enough: what else is missing is installed.\n"
    )
}

/// The checkout: Cargo says where this package is, also after the checkout has moved.
fn root() -> PathBuf {
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_lists_every_command_and_an_unknown_one_shows_it() {
        for command in COMMANDS {
            assert!(usage().contains(command.about));
        }
        let failure = dispatch(&root(), &["tset".to_owned()]);
        assert!(failure.is_err_and(|failure| failure.0.contains("\"tset\"") && failure.0.contains("Usage")));
    }

    #[test]
    fn the_root_is_the_checkout() {
        assert!(root().join("xtask/packages.txt").is_file());
    }
}
