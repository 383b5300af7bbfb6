//! `cargo xtask demo`: from a checkout to a running server.

use std::path::{Path, PathBuf};

use crate::console::{header, note};
use crate::packages::{self, Group};
use crate::process::{Job, Outcome};
use crate::web;

pub(crate) fn run(root: &Path, args: &[String]) -> Outcome {
    header("Building Farhand (the first time takes several minutes)");
    packages::ensure(root, &[Group::Build])?;
    web::check_node(root)?;
    web::build(root)?;
    build_server(root)?;
    header("Starting the demo (Ctrl-C ends it)");
    // The demo takes this process's place, so that signals and the exit code are its own.
    Err(Job::new(server(root), root).args(["demo"]).args(args).become_it())
}

/// Builds the binary that demo, examples and stories run.
pub(crate) fn build_server(root: &Path) -> Outcome {
    note("building the server");
    Job::new("cargo", root).args(["build", "--package", "farhand"]).run()
}

pub(crate) fn server(root: &Path) -> PathBuf {
    target(root).join("debug/farhand")
}

/// Where Cargo builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}
