//! `cargo xtask bench`: the figures of docs/benchmarks.md, each beside its floor, measured on a release build.

use std::path::{Path, PathBuf};

use crate::console::{header, listing};
use crate::packages::{self, Group};
use crate::process::{Job, Outcome, fail};
use crate::{demo, files, python, web};

struct Figure {
    name: &'static str,
    about: &'static str,
    run: fn(&Bench) -> Outcome,
}

const FIGURES: &[Figure] = &[
    Figure {
        name: "ring",
        about: "createCall sent until the callee's device rings",
        run: |bench| bench.generate("ring", &[]),
    },
    Figure {
        name: "silence",
        about: "an answer until all other devices of that person are silent",
        run: |bench| bench.generate("silence", &[]),
    },
    Figure { name: "mails", about: "letters lost and repeated while the server is killed again and again", run: mails },
    Figure { name: "create", about: "durable createCall per second, on SQLite and PostgreSQL", run: create },
    Figure {
        name: "claim",
        about: "claiming a service request while 100,000 wait",
        run: |bench| bench.generate("claim", &[]),
    },
    Figure { name: "accept", about: "accept clicked until the first picture, in Chromium", run: accept },
    Figure { name: "badnet", about: "what people see on bad networks, in Chromium", run: badnet },
    Figure { name: "memory", about: "memory per idle connected user", run: |bench| bench.generate("memory", &[]) },
    Figure { name: "start", about: "start-up to ready", run: |bench| bench.generate("start", &[]) },
    Figure { name: "sfu", about: "forwarding media, beside Janus and mediasoup", run: sfu },
    Figure { name: "flood", about: "calls that go on while forged packets come", run: flood },
];

struct Bench {
    root: PathBuf,
    /// Each figure adds its rows.
    report: PathBuf,
    /// For the figure's own program.
    rest: Vec<String>,
}

pub(crate) fn run(root: &Path, args: &[String]) -> Outcome {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{}", usage());
        return Ok(());
    }
    let split = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    let (names, rest) = args.split_at(split);
    let figures = chosen(names)?;
    // Of this run alone, should there be another.
    let report = demo::target(root).join(format!("bench-report-{}.md", std::process::id()));
    files::write(&report, b"")?;
    let bench = Bench { root: root.to_owned(), report, rest: rest.iter().skip(1).cloned().collect() };
    build(root)?;
    for figure in figures {
        header(&format!("{}: {}", figure.name, figure.about));
        (figure.run)(&bench)?;
    }
    header("Summary, for docs/benchmarks.md");
    println!("\n{}\n", machine(root)?);
    println!("| figure | measured | floor in the same run | aim | |\n|---|---|---|---|---|");
    print!("{}", files::read(&bench.report)?);
    std::fs::remove_file(&bench.report).map_err(|error| files::unreadable(&bench.report, &error))
}

/// All of them if none is named.
fn chosen(names: &[String]) -> Outcome<Vec<&'static Figure>> {
    if let Some(unknown) = names.iter().find(|name| !FIGURES.iter().any(|figure| figure.name == **name)) {
        return fail(format!("there is no figure \"{unknown}\"\n\n{}", usage()));
    }
    Ok(FIGURES.iter().filter(|figure| names.is_empty() || names.iter().any(|name| name == figure.name)).collect())
}

fn usage() -> String {
    let figures = listing(FIGURES.iter().map(|figure| (figure.name, figure.about)));
    format!(
        "Usage: cargo xtask bench [<figure>…] [-- <options of the figure's program>]\n\n{figures}\n\n\
         Without a name all are measured, which takes some ten minutes after the build. Let the machine do nothing\n\
         else meanwhile. Databases lie below /var/tmp, or where BENCH_DIR says; they must be on a disk.\n"
    )
}

fn build(root: &Path) -> Outcome {
    header("Building the release binaries (the first time takes several minutes)");
    packages::ensure(root, &[Group::Build, Group::Test])?;
    web::check_node(root)?;
    web::build(root)?;
    // In one go: each choice of packages has its own choice of features, and would build its own dependencies.
    let packages = ["farhand", "farhand-bench", "farhand-store"].into_iter().flat_map(|name| ["--package", name]);
    Job::new("cargo", root)
        .args(["build", "--release"])
        .args(packages)
        .args(["--bin", "farhand", "--bin", "farhand-bench", "--example", "save_calls"])
        .run()
}

fn create(bench: &Bench) -> Outcome {
    let save_calls = bench.release("examples/save_calls").display().to_string();
    bench.generate("create", &["--save-calls", &save_calls])
}

fn mails(bench: &Bench) -> Outcome {
    let python = python::with_mail_server(&bench.root)?;
    bench.generator("mails").env("FARHAND_TEST_PYTHON", python).run()
}

/// The peers are installed and built the first time, which takes some six minutes.
fn sfu(bench: &Bench) -> Outcome {
    packages::ensure(&bench.root, &[Group::Peers])?;
    let args = peers(bench);
    let [_, peers, _, mediasoup] = &args;
    Job::new("bash", &bench.root).args([format!("{peers}/mediasoup.sh"), mediasoup.clone()]).run()?;
    bench.generate("sfu", &args.each_ref().map(String::as_str))
}

/// The same program; the peers have no part in it.
fn flood(bench: &Bench) -> Outcome {
    let [a, b, c, d] = peers(bench);
    bench.generate("sfu", &[&a, &b, &c, &d, "--flood", "100000"])
}

/// Where they are.
fn peers(bench: &Bench) -> [String; 4] {
    let peers = bench.root.join("bench").join("peers");
    let mediasoup = demo::target(&bench.root).join("bench").join("mediasoup");
    ["--peers".to_owned(), peers.display().to_string(), "--mediasoup".to_owned(), mediasoup.display().to_string()]
}

fn accept(bench: &Bench) -> Outcome {
    in_browser(bench, "accept")
}

fn badnet(bench: &Bench) -> Outcome {
    in_browser(bench, "badnet")
}

/// The browser and the harness are those of the stories.
fn in_browser(bench: &Bench, figure: &str) -> Outcome {
    let e2e = bench.root.join("e2e");
    web::install(&e2e)?;
    let node = |args: &[&str]| web::npm(&e2e).args(["exec", "--"]).args(args);
    node(&["tsc", "--noEmit", "--project", "../bench/browser"]).run()?;
    node(&["playwright", "test", "--config", "../bench/browser/playwright.config.ts", "--project", figure])
        .args(&bench.rest)
        .env("E2E_BINARY", bench.release("farhand"))
        .env("BENCH_PROGRAM", bench.release("farhand-bench"))
        .env("BENCH_REPORT", &bench.report)
        .run()
}

impl Bench {
    fn release(&self, file: &str) -> PathBuf {
        demo::target(&self.root).join("release").join(file)
    }

    fn generator(&self, figure: &str) -> Job {
        Job::new(self.release("farhand-bench"), &self.root)
            .args([figure, "--server"])
            .args([self.release("farhand")])
            .args(["--report"])
            .args([&self.report])
            .args(&self.rest)
    }

    fn generate(&self, figure: &str, args: &[&str]) -> Outcome {
        self.generator(figure).args(args).run()
    }
}

/// When and on what it was measured.
fn machine(root: &Path) -> Outcome<String> {
    let said = |program: &str, args: &[&str]| -> Outcome<String> {
        let output = Job::new(program, root).args(args).capture()?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    };
    let (date, cores) = (said("date", &["-u", "+%F"])?, said("nproc", &[])?);
    let kernel = said("uname", &["-sr"])?;
    let commit = said("git", &["rev-parse", "--short", "HEAD"])?;
    let changed = !said("git", &["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    let changed = if changed { " with uncommitted changes" } else { "" };
    Ok(format!("{date}, {cores} cores, {kernel}, commit {commit}{changed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &[&str]) -> Outcome<Vec<&'static str>> {
        let asked: Vec<_> = asked.iter().map(|&name| name.to_owned()).collect();
        Ok(chosen(&asked)?.iter().map(|figure| figure.name).collect())
    }

    #[test]
    fn all_figures_are_measured_unless_some_are_named() -> Outcome {
        assert_eq!(
            names(&[])?,
            ["ring", "silence", "mails", "create", "claim", "accept", "badnet", "memory", "start", "sfu", "flood"]
        );
        assert_eq!(names(&["start", "ring"])?, ["ring", "start"]);
        assert!(names(&["rings"]).is_err_and(|failure| failure.0.contains("\"rings\"")));
        Ok(())
    }
}
