//! `cargo xtask test`: every check and every test, from the quickest to the slowest.

mod counts;
mod java;
mod stages;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::console::{duration, header, listing};
use crate::process::{Outcome, fail};
use counts::Counts;
use stages::{STAGES, Stage};

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// Empty: all.
    only: Vec<String>,
    skip: Vec<String>,
    keep_going: bool,
    /// For the test runner of each stage.
    rest: Vec<String>,
}

struct Ran {
    name: &'static str,
    time: Duration,
    counts: Counts,
    outcome: Outcome,
}

pub(crate) fn run(root: &Path, args: &[String]) -> Outcome {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{}", usage());
        return Ok(());
    }
    let plan = parse(args)?;
    let mut ran = Vec::new();
    for stage in STAGES.iter().filter(|stage| plan.wants(stage)) {
        let result = run_stage(root, stage, &plan.rest);
        let go_on = result.outcome.is_ok() || (plan.keep_going && !stage.needed_by_all);
        ran.push(result);
        if !go_on {
            break;
        }
    }
    finish(&ran)
}

fn run_stage(root: &Path, stage: &Stage, rest: &[String]) -> Ran {
    header(stage.title);
    let begun = Instant::now();
    let mut counts = Counts::default();
    let outcome = (stage.run)(root, rest, &mut counts);
    let outcome = match outcome {
        Ok(()) if stage.counts && counts.total() == 0 => fail("no test ran at all"),
        other => other,
    };
    if let Err(failure) = &outcome {
        eprintln!("\nerror in stage \"{}\": {failure}", stage.name);
    }
    Ran { name: stage.name, time: begun.elapsed(), counts, outcome }
}

fn finish(ran: &[Ran]) -> Outcome {
    header("What took how long");
    let mut all = Counts::default();
    let mut time = Duration::ZERO;
    for stage in ran {
        println!("{}", row(stage));
        all += stage.counts;
        time += stage.time;
    }
    println!("  {:<10} {:>14}", "all", duration(time));
    let broken: Vec<_> = ran.iter().filter(|stage| stage.outcome.is_err()).map(|stage| stage.name).collect();
    // A stage that fails without a failed test (a lint, a build) must not leave a closing line that reads as green.
    if !broken.is_empty() && all.failed == 0 {
        all.failed = 1;
    }
    println!("\n{} passed, {} failed", all.passed, all.failed);
    if broken.is_empty() { Ok(()) } else { fail(format!("failed: {}", broken.join(", "))) }
}

fn row(stage: &Ran) -> String {
    let tests = if stage.counts.total() == 0 {
        String::new()
    } else {
        format!("{} passed, {} failed", stage.counts.passed, stage.counts.failed)
    };
    let verdict = if stage.outcome.is_ok() { "ok" } else { "FAILED" };
    format!("  {:<10} {:>14}  {verdict:<6}  {tests}", stage.name, duration(stage.time)).trim_end().to_owned()
}

impl Plan {
    fn wants(&self, stage: &Stage) -> bool {
        let listed = |list: &[String]| list.iter().any(|name| name == stage.name);
        stage.needed_by_all || ((self.only.is_empty() || listed(&self.only)) && !listed(&self.skip))
    }
}

fn parse(args: &[String]) -> Outcome<Plan> {
    let mut plan = Plan::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--only" => plan.only.extend(names(args.next())?),
            "--skip" => plan.skip.extend(names(args.next())?),
            "--keep-going" => plan.keep_going = true,
            "--" => plan.rest = args.by_ref().cloned().collect(),
            _ => return fail(format!("there is no option \"{arg}\"\n\n{}", usage())),
        }
    }
    if !plan.rest.is_empty() && plan.only.len() != 1 {
        return fail("arguments after \"--\" go to one stage's test runner: name it with --only");
    }
    Ok(plan)
}

fn names(arg: Option<&String>) -> Outcome<Vec<String>> {
    let names: Vec<_> = arg.map(String::as_str).unwrap_or_default().split(',').map(str::to_owned).collect();
    match names.iter().find(|name| STAGES.iter().all(|stage| stage.name != **name)) {
        None => Ok(names),
        Some(unknown) => fail(format!("there is no stage \"{unknown}\"\n\n{}", usage())),
    }
}

fn usage() -> String {
    let stages = listing(STAGES.iter().map(|stage| (stage.name, stage.title)));
    format!(
        "Usage: cargo xtask test [--only STAGE[,STAGE]] [--skip STAGE[,STAGE]] [--keep-going] [-- ARGS]\n\n\
         ARGS go to the test runner of the one stage named with --only: `--only e2e -- -g decline`.\n\n\
         Stages:\n{stages}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Outcome<Plan> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn wanted(plan: &Plan) -> Vec<&'static str> {
        STAGES.iter().filter(|stage| plan.wants(stage)).map(|stage| stage.name).collect()
    }

    #[test]
    fn all_stages_run_unless_some_are_named() -> Outcome {
        assert_eq!(wanted(&plan("")?).len(), STAGES.len());
        assert_eq!(wanted(&plan("--only tidy,e2e")?), ["packages", "tidy", "e2e"]);
        assert!(!wanted(&plan("--skip clippy")?).contains(&"clippy"));
        Ok(())
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for line in ["--only", "--only nonsense", "--skip nonsense", "--onyl e2e", "-- -g decline"] {
            assert!(plan(line).is_err(), "{line}");
        }
        assert_eq!(plan("--only e2e -- -g decline").map(|plan| plan.rest), Ok(vec!["-g".into(), "decline".into()]));
    }

    fn stage(counts: bool, run: stages::Run) -> Stage {
        Stage { name: "s", title: "S", needed_by_all: false, counts, run }
    }

    #[test]
    fn a_stage_of_tests_that_runs_none_fails() {
        let silent = stage(true, |_, _, _| Ok(()));
        assert_eq!(run_stage(Path::new("/"), &silent, &[]).outcome, fail("no test ran at all"));
        let check = stage(false, |_, _, _| Ok(()));
        assert_eq!(run_stage(Path::new("/"), &check, &[]).outcome, Ok(()));
        let one = stage(true, |_, _, counts| {
            counts.passed += 1;
            Ok(())
        });
        assert_eq!(run_stage(Path::new("/"), &one, &[]).outcome, Ok(()));
    }

    #[test]
    fn a_row_tells_stage_time_verdict_and_tests() {
        let mut ran = Ran {
            name: "e2e",
            time: Duration::from_secs(75),
            counts: Counts { passed: 7, failed: 1 },
            outcome: fail("one failed"),
        };
        assert_eq!(row(&ran), "  e2e            1 min 15 s  FAILED  7 passed, 1 failed");
        (ran.counts, ran.outcome) = (Counts::default(), Ok(()));
        assert_eq!(row(&ran), "  e2e            1 min 15 s  ok");
    }

    #[test]
    fn a_failed_stage_fails_the_command() {
        let ran = |outcome| Ran { name: "x", time: Duration::ZERO, counts: Counts::default(), outcome };
        assert_eq!(finish(&[ran(Ok(())), ran(fail("no"))]), fail("failed: x"));
        assert_eq!(finish(&[ran(Ok(()))]), Ok(()));
    }
}
