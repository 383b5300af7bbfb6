//! `cargo xtask tidy`: the house rules that no compiler and no linter checks.

mod arrows;
mod codes;
mod lengths;
mod words;

use std::path::{Path, PathBuf};

use crate::console::{header, note};
use crate::files;
use crate::process::{Outcome, fail};

pub(crate) fn run(root: &Path, args: &[String]) -> Outcome {
    if !args.is_empty() {
        return fail("tidy takes no arguments");
    }
    header("House rules");
    check(root)
}

pub(crate) fn check(root: &Path) -> Outcome {
    let tree = Tree::read(root)?;
    let mut complaints = arrows::check(&tree);
    complaints.extend(lengths::check(&tree));
    complaints.extend(words::check(&tree));
    complaints.extend(codes::check(&tree));
    if complaints.is_empty() {
        note(&format!("{} files are tidy", tree.texts.len()));
        return Ok(());
    }
    for complaint in &complaints {
        println!("  {complaint}");
    }
    fail(format!("{} untidy places", complaints.len()))
}

/// The text files of a checkout, by their path below its root.
pub(crate) struct Tree {
    texts: Vec<(PathBuf, String)>,
}

impl Tree {
    fn read(root: &Path) -> Outcome<Self> {
        let mut texts = Vec::new();
        for file in files::sources(root)? {
            let bytes = std::fs::read(&file).map_err(|error| files::unreadable(&file, &error))?;
            // What is not text, an image say, has no rules here.
            if let (Ok(text), Ok(name)) = (String::from_utf8(bytes), file.strip_prefix(root)) {
                texts.push((name.to_owned(), text));
            }
        }
        Ok(Self { texts })
    }

    fn all(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.texts.iter().map(|(name, text)| (name.as_path(), text.as_str()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.all().find(|(found, _)| *found == Path::new(name)).map(|(_, text)| text)
    }

    #[cfg(test)]
    fn of(texts: &[(&str, &str)]) -> Self {
        Self { texts: texts.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned())).collect() }
    }
}
