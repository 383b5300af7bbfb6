//! The stages of `cargo xtask test`, in the order in which they run.

use std::path::Path;

use super::counts::{self, Counts};
use super::java;
use crate::console::note;
use crate::packages::{self, Group};
use crate::process::{Job, Outcome, Said, fail};
use crate::python;
use crate::{codegen, demo, tidy, web};

/// Does a stage's work in the checkout; the arguments are for its test runner.
pub(crate) type Run = fn(&Path, &[String], &mut Counts) -> Outcome;

pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Runs whatever was selected, and nothing runs after it has failed.
    pub(crate) needed_by_all: bool,
    /// Whether it runs tests, and so must have run some.
    pub(crate) counts: bool,
    pub(crate) run: Run,
}

const fn check(name: &'static str, title: &'static str, run: Run) -> Stage {
    Stage { name, title, needed_by_all: false, counts: false, run }
}

const fn tests(name: &'static str, title: &'static str, run: Run) -> Stage {
    Stage { name, title, needed_by_all: false, counts: true, run }
}

pub(crate) const STAGES: &[Stage] = &[
    Stage {
        name: "packages",
        title: "What the tests need is on this machine",
        needed_by_all: true,
        counts: false,
        run: packages,
    },
    check("fmt", "Rust is formatted", fmt),
    check("tidy", "House rules", tidy),
    tests("web", "The web client: types, lints, unit tests, build", web),
    check("clippy", "Lints", clippy),
    check("fuzz", "The fuzz targets compile", fuzz),
    check("doc", "Rust documentation has no warnings", doc),
    tests("cargo", "Rust tests", cargo_tests),
    check("codegen", "The web client's types are those of the server", codegen),
    tests("examples", "The connectors in examples/ against a running server", examples),
    tests("e2e", "Stories in a real browser", stories),
];

fn packages(root: &Path, _: &[String], _: &mut Counts) -> Outcome {
    packages::ensure(root, &[Group::Build, Group::Test])?;
    web::check_node(root)?;
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        ensure_component(root, command, component)?;
    }
    note("everything is there");
    Ok(())
}

/// A minimal Rust installation lacks these two.
fn ensure_component(root: &Path, command: &str, component: &str) -> Outcome {
    let is_there = || Job::new("cargo", root).args([command, "--version"]).succeeds();
    if is_there() {
        return Ok(());
    }
    note(&format!("adding {component} to the Rust installation"));
    if Job::new("rustup", root).args(["component", "add", component]).run().is_ok() && is_there() {
        return Ok(());
    }
    fail(format!("`cargo {command}` is missing and could not be added. Install {component}, then try again"))
}

fn fmt(root: &Path, _: &[String], _: &mut Counts) -> Outcome {
    Job::new("cargo", root).args(["fmt", "--all", "--check"]).run()?;
    Job::new("cargo", root).args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]).run()
}

fn tidy(root: &Path, _: &[String], _: &mut Counts) -> Outcome {
    tidy::check(root)
}

fn web(root: &Path, rest: &[String], counts: &mut Counts) -> Outcome {
    let project = root.join("web");
    web::install(&project)?;
    web::npm(&project).args(["run", "--silent", "check"]).run()?;
    let said = web::npm(&project).args(["run", "--silent", "test", "--"]).args(rest).tee()?;
    take(&said, counts::of_vitest, counts, "unit tests of the web client")?;
    web::build(root)
}

fn clippy(root: &Path, _: &[String], _: &mut Counts) -> Outcome {
    Job::new("cargo", root).args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]).run()
}

fn fuzz(root: &Path, _: &[String], _: &mut Counts) -> Outcome {
    // Where the server is built, too: what both need is built once.
    Job::new("cargo", root)
        .args(["check", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--bins"])
        .env("CARGO_TARGET_DIR", demo::target(root))
        .run()
}

fn doc(root: &Path, _: &[String], _: &mut Counts) -> Outcome {
    Job::new("cargo", root)
        .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()
}

fn cargo_tests(root: &Path, rest: &[String], counts: &mut Counts) -> Outcome {
    web::build(root)?;
    let (mail, calendars) = (python::with_mail_server(root)?, python::with_calendar_reader(root)?);
    let tests = Job::new("cargo", root).args(["test", "--workspace", "--no-fail-fast"]).args(rest);
    let tests = tests.env("FARHAND_TEST_PYTHON", mail).env("FARHAND_TEST_ICALENDAR", calendars);
    let tests = tests.env("FARHAND_TEST_HTTP_ECE", python::with_seal_opener(root)?);
    let tests = tests.env("FARHAND_TEST_WEBHOOKS", python::with_webhook_reader(root)?);
    let said = tests.tee()?;
    take(&said, counts::of_cargo, counts, "Rust tests")
}

fn codegen(root: &Path, _: &[String], _: &mut Counts) -> Outcome {
    demo::build_server(root)?;
    codegen::check(root)
}

fn examples(root: &Path, rest: &[String], counts: &mut Counts) -> Outcome {
    server_for_stories(root)?;
    let classes = java::build(root)?;
    play(root, "examples", rest, counts, |job| job.env("E2E_JAVA_CLASSPATH", &classes))
}

fn stories(root: &Path, rest: &[String], counts: &mut Counts) -> Outcome {
    server_for_stories(root)?;
    web::npm(&root.join("e2e")).args(["run", "--silent", "check"]).run()?;
    // For its bad links.
    Job::new("cargo", root).args(["build", "--package", "farhand-bench"]).run()?;
    play(root, "stories", rest, counts, |job| job.env("BENCH_PROGRAM", demo::target(root).join("debug/farhand-bench")))
}

fn server_for_stories(root: &Path) -> Outcome {
    web::build(root)?;
    demo::build_server(root)?;
    web::install(&root.join("e2e"))
}

fn play(root: &Path, project: &str, rest: &[String], counts: &mut Counts, with: impl FnOnce(Job) -> Job) -> Outcome {
    let job = web::npm(&root.join("e2e"))
        .args(["run", "--silent", "stories", "--", &format!("--project={project}")])
        .args(rest)
        .env("E2E_BINARY", demo::server(root));
    take(&with(job).tee()?, counts::of_stories, counts, project)
}

fn take(said: &Said, count: fn(&str) -> Counts, counts: &mut Counts, what: &str) -> Outcome {
    *counts += count(&said.text);
    if said.ok { Ok(()) } else { fail(format!("{what} failed")) }
}
