//! Words that must not stand in the repository.
//!
//! The patterns are put together from pieces, so that this file does not contain what it looks for.

use std::path::Path;

use super::Tree;

struct Rule {
    patterns: &'static [&'static str],
    applies: fn(&Path) -> bool,
    /// Whether it only counts where a path begins: `/x/` but not `a/x/`.
    starts_path: bool,
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        patterns: &[concat!("#[", "allow("), concat!("#![", "allow(")],
        applies: is_rust,
        starts_path: false,
        why: "use `expect` with a reason",
    },
    Rule {
        patterns: &[concat!("#[", "ignore]"), concat!("#[", "ignore ="), concat!("#[", "ignore(")],
        applies: is_rust,
        starts_path: false,
        why: "a test that does not run proves nothing",
    },
    Rule {
        patterns: &[
            concat!("test.", "only("),
            concat!("test.", "skip("),
            concat!("test.", "fixme("),
            concat!("describe.", "only("),
            concat!("describe.", "skip("),
            concat!("it.", "only("),
            concat!("it.", "skip("),
        ],
        applies: is_script,
        starts_path: false,
        why: "every test runs, always",
    },
    Rule {
        patterns: &[concat!("waitFor", "Timeout(")],
        applies: is_script,
        starts_path: false,
        why: "wait for a condition, not for time",
    },
    Rule {
        patterns: &[
            concat!("/ho", "me/"),
            concat!("/ro", "ot/"),
            concat!("/wo", "rk/"),
            concat!("/Us", "ers/"),
            concat!("/bui", "lds/"),
        ],
        applies: |_| true,
        starts_path: true,
        why: "a path of somebody's machine",
    },
    Rule {
        patterns: &[
            concat!("crates", ".io"),
            concat!("npmjs", ".org"),
            concat!("npmjs", ".com"),
            concat!("pypi", ".org"),
            concat!("python", "hosted.org"),
            concat!("deb.", "debian.org"),
            concat!("\"resolved\": ", "\"http"),
        ],
        applies: |_| true,
        starts_path: false,
        why: "a package registry's address: everybody has their own",
    },
];

/// The one line of Cargo.lock that names where packages come from, the same on every machine.
const CARGO_SOURCE: &str = concat!("source = \"registry+https://github.com/rust-lang/crates", ".io-index\"");

const STARTED_BY: &str = concat!("#[", "ignore = \"started by ");

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    tree.all().flat_map(|(name, text)| check_file(name, text)).collect()
}

fn check_file(name: &Path, text: &str) -> Vec<String> {
    let rules: Vec<_> = RULES.iter().filter(|rule| (rule.applies)(name)).collect();
    let mut complaints = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !is_fine(line, text)) {
        for rule in &rules {
            if let Some(found) = rule.patterns.iter().find(|pattern| holds(line, pattern, rule.starts_path)) {
                complaints.push(format!("{}:{}: {found} – {}", name.display(), index + 1, rule.why));
            }
        }
    }
    complaints
}

/// What looks wrong and is not.
fn is_fine(line: &str, text: &str) -> bool {
    // A test that needs a process of its own is left out by the runner, and started by another test that it names.
    let started_by = line.trim().strip_prefix(STARTED_BY).and_then(|rest| rest.strip_suffix("\"]"));
    line == CARGO_SOURCE || started_by.is_some_and(|test| text.contains(&format!("fn {test}(")))
}

fn holds(line: &str, pattern: &str, starts_path: bool) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !(starts_path && before.is_some_and(|c| c.is_alphanumeric() || "._-~/*}>".contains(c)))
    })
}

fn is_rust(name: &Path) -> bool {
    name.extension().is_some_and(|extension| extension == "rs")
}

fn is_script(name: &Path) -> bool {
    name.extension().is_some_and(|extension| extension == "ts" || extension == "mjs" || extension == "svelte")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(name: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(name, text)]))
    }

    #[test]
    fn each_pattern_is_found_where_it_applies() {
        for rule in RULES {
            let name = ["a.rs", "a.ts", "a.md"].into_iter().find(|name| (rule.applies)(Path::new(name)));
            for pattern in rule.patterns {
                let found = complaints(name.unwrap_or_default(), &format!("one\n  {pattern}x\n"));
                assert_eq!(found.len(), 1, "{pattern}");
                assert!(found.iter().all(|complaint| complaint.contains(":2: ")), "{found:?}");
            }
        }
    }

    #[test]
    fn rust_rules_are_for_rust() {
        assert!(complaints("a.md", concat!("#[", "allow(x)]")).is_empty());
    }

    #[test]
    fn a_path_is_one_only_where_it_begins() {
        assert!(complaints("a.md", concat!("our/ho", "me/page and ./wo", "rk/x")).is_empty());
        assert_eq!(complaints("a.md", concat!("see \"/ho", "me/ann/x\"")).len(), 1);
    }

    #[test]
    fn a_test_may_be_left_to_another_that_is_there() {
        let left = format!("{STARTED_BY}the_other\"]\nfn this() {{}}\n");
        assert_eq!(complaints("a.rs", &left).len(), 1);
        assert!(complaints("a.rs", &format!("{left}fn the_other() {{}}\n")).is_empty());
    }

    #[test]
    fn cargo_lock_says_where_crates_come_from_and_nothing_else() {
        assert!(complaints("Cargo.lock", CARGO_SOURCE).is_empty());
        assert_eq!(complaints("Cargo.lock", concat!("source = \"sparse+https://index.cra", "tes.io/\"")).len(), 1);
    }
}
