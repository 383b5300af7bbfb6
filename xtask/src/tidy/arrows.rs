//! Which crate may depend on which. The rooms of the house are worth nothing if doors are cut between them.

use std::path::Path;

use super::Tree;

enum May<'a> {
    Only(&'a [&'a str]),
    All,
}

/// Our crates, and which of ours each may use.
const ARROWS: &[(&str, May<'static>)] = &[
    ("domain", May::Only(&[])),
    ("sfu", May::Only(&[])),
    ("protocol", May::Only(&["domain"])),
    ("store", May::Only(&["domain"])),
    ("server", May::Only(&["domain", "protocol", "store", "sfu"])),
    ("client", May::Only(&["protocol"])),
    ("farhand", May::All),
    ("testkit", May::All),
    ("bench", May::All),
    ("fuzz", May::Only(&["domain", "protocol", "sfu"])),
];

const PREFIX: &str = "farhand-";

/// What everybody's tests may use, whatever the code may.
const FOR_TESTS: [&str; 2] = ["testkit", "client"];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let manifests = tree.all().filter(|(name, _)| name.ends_with("Cargo.toml") && *name != Path::new("Cargo.toml"));
    manifests.flat_map(|(name, text)| check_crate(name, text)).collect()
}

fn check_crate(manifest: &Path, text: &str) -> Vec<String> {
    let Some(room) = manifest.parent().and_then(Path::file_name).and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let dependencies = dependencies(text);
    if room == "xtask" {
        let any = dependencies
            .first()
            .map(|found| format!("{}: xtask has no dependencies, not even {}", manifest.display(), found.name));
        return any.into_iter().collect();
    }
    let Some((_, may)) = ARROWS.iter().find(|(known, _)| *known == room) else {
        return vec![format!("{}: a crate without arrows: add it to xtask/src/tidy/arrows.rs", manifest.display())];
    };
    let ours = dependencies.iter().filter_map(|found| Some((found.name.strip_prefix(PREFIX)?, found.for_tests)));
    let wrong = ours.filter(|(name, for_tests)| !is_allowed(may, name, *for_tests));
    wrong.map(|(name, _)| format!("{}: {room} may not depend on {name}", manifest.display())).collect()
}

fn is_allowed(may: &May, name: &str, for_tests: bool) -> bool {
    match may {
        _ if for_tests && FOR_TESTS.contains(&name) => true,
        May::All => true,
        May::Only(list) => list.contains(&name),
    }
}

struct Dependency<'a> {
    name: &'a str,
    for_tests: bool,
}

/// Reads as much TOML as manifests need: section heads and the keys below them.
fn dependencies(text: &str) -> Vec<Dependency<'_>> {
    let mut found = Vec::new();
    let mut section = "";
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(head) = line.strip_prefix('[') {
            section = head.trim_end_matches(']');
            // [dependencies.name]
            if let Some((kind, name)) = section.rsplit_once('.').filter(|(kind, _)| kind.ends_with("dependencies")) {
                found.push(Dependency { name, for_tests: kind.ends_with("dev-dependencies") });
            }
        } else if section.ends_with("dependencies") && line.contains('=') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default().trim_matches('"');
            found.push(Dependency { name, for_tests: section.ends_with("dev-dependencies") });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(room: &str, manifest: &str) -> Vec<String> {
        check(&Tree::of(&[(&format!("crates/{room}/Cargo.toml"), manifest)]))
    }

    #[test]
    fn arrows_that_are_drawn_may_be_followed() {
        assert!(complaints("store", "[dependencies]\nfarhand-domain.workspace = true\nserde = \"1\"").is_empty());
        assert!(complaints("farhand", "[dependencies]\nfarhand-server = { path = \"../server\" }").is_empty());
        assert!(complaints("server", "[dev-dependencies]\nfarhand-testkit.workspace = true").is_empty());
    }

    #[test]
    fn every_way_to_write_a_forbidden_one_is_seen() {
        for manifest in [
            "[dependencies]\nfarhand-server.workspace = true",
            "[dependencies]\nfarhand-server = { workspace = true }",
            "[dependencies]\n\"farhand-server\" = \"1\"",
            "[dependencies.farhand-server]\nworkspace = true",
            "[target.'cfg(unix)'.dependencies]\nfarhand-server.workspace = true",
            "[build-dependencies]\nfarhand-server.workspace = true",
            "[dev-dependencies]\nfarhand-server.workspace = true",
        ] {
            let complaint = "crates/client/Cargo.toml: client may not depend on server";
            assert_eq!(complaints("client", manifest), [complaint], "{manifest}");
        }
    }

    #[test]
    fn what_is_for_tests_is_for_tests_only() {
        assert_eq!(complaints("server", "[dependencies]\nfarhand-testkit.workspace = true").len(), 1);
        assert_eq!(complaints("server", "[dependencies]\nfarhand-client.workspace = true").len(), 1);
        assert!(complaints("server", "[dev-dependencies]\nfarhand-client.workspace = true").is_empty());
    }

    #[test]
    fn a_new_crate_must_be_given_its_arrows() {
        assert_eq!(complaints("shed", "").len(), 1);
    }

    #[test]
    fn xtask_stays_without_dependencies() {
        let tree = |text| Tree::of(&[("xtask/Cargo.toml", text)]);
        assert!(check(&tree("[dependencies]\n")).is_empty());
        assert_eq!(check(&tree("[dependencies]\nserde = \"1\"")).len(), 1);
    }
}
