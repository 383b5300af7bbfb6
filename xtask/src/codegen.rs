//! `cargo xtask codegen`: the web client's types and the configuration reference, made from the server's own description of
//! what it speaks and takes.

use std::path::Path;

use crate::console::{header, note};
use crate::process::{Job, Outcome, fail};
use crate::{demo, files, web};

/// What is made, and what makes it.
const DOCUMENTS: [(&str, &[&str]); 3] = [
    ("web/src/api/openapi.json", &["openapi"]),
    ("web/src/api/frames.json", &["openapi", "--frames"]),
    ("docs/configuration.md", &["configuration"]),
];
const TYPES: [&str; 2] = ["web/src/api/rest.d.ts", "web/src/api/frames.d.ts"];

pub(crate) fn run(root: &Path, args: &[String]) -> Outcome {
    header("Generated types and documents");
    demo::build_server(root)?;
    match args {
        [] => generate(root),
        [only] if only == "--check" => check(root),
        _ => fail("usage: cargo xtask codegen [--check]"),
    }
}

fn generate(root: &Path) -> Outcome {
    for (name, args) in DOCUMENTS {
        let document = Job::new(demo::server(root), root).args(args).capture()?;
        files::write(&root.join(name), &document)?;
    }
    let web = root.join("web");
    web::install(&web)?;
    web::npm(&web).args(["run", "--silent", "codegen"]).run()?;
    note("written");
    Ok(())
}

/// Generates over what is there and puts it back: the generator knows no other place to write to.
pub(crate) fn check(root: &Path) -> Outcome {
    let all = DOCUMENTS.iter().map(|(name, _)| *name).chain(TYPES);
    let before: Vec<_> = all.map(|name| (name, std::fs::read(root.join(name)).ok())).collect();
    let generated = generate(root);
    let mut stale = Vec::new();
    for (name, old) in before {
        let file = root.join(name);
        if std::fs::read(&file).ok() == old {
            continue;
        }
        stale.push(name);
        match old {
            Some(old) => files::write(&file, &old)?,
            None => drop(std::fs::remove_file(&file)),
        }
    }
    generated?;
    if stale.is_empty() {
        return Ok(());
    }
    fail(format!("not what the server says: {}. Run `cargo xtask codegen`", stale.join(", ")))
}
