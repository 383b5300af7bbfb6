//! Installs what a fresh Debian lacks. The list is `packages.txt`; each entry says how to see that it is there.

use std::path::{Path, PathBuf};

use crate::console::{note, warn};
use crate::process::{Job, Outcome, fail, find};

const LIST: &str = include_str!("../packages.txt");

/// Debian would start a database server of its own, on the default port, for a package we only want the programs of.
const NO_MAIN_CLUSTER: &str = "mkdir -p /etc/postgresql-common && \
    { test -e /etc/postgresql-common/createcluster.conf || \
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; }";

/// The same for a gateway; what this file says is read by the script that would start it.
const NO_GATEWAY: &str =
    "mkdir -p /etc/default && { test -e /etc/default/kannel || echo 'exit 0' > /etc/default/kannel; }";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// What building takes.
    Build,
    /// What the tests take beside that.
    Test,
    /// Other people's servers, which forwarding is compared with, and what building them takes.
    Peers,
}

struct Package {
    group: Group,
    name: &'static str,
    probe: &'static str,
}

/// Sees to it that everything in `groups` is there.
pub(crate) fn ensure(root: &Path, groups: &[Group]) -> Outcome {
    let missing = missing(root, groups)?;
    if missing.is_empty() {
        return Ok(());
    }
    note(&format!("missing from this machine: {}", missing.join(" ")));
    if find("apt-get").is_none() {
        return fail(format!(
            "this is not Debian: install these (names as in Debian), then try again: {}",
            missing.join(" ")
        ));
    }
    install(root, &missing)?;
    let still = self::missing(root, groups)?;
    if still.is_empty() {
        return Ok(());
    }
    fail(format!("apt-get installed them, and yet these are not to be found: {}", still.join(" ")))
}

fn install(root: &Path, missing: &[&str]) -> Outcome {
    let script = script(missing);
    if is_root(root) {
        note("installing them with apt-get");
        return Job::new("sh", root).args(["-c", &script]).run();
    }
    let sudo = Job::new("sudo", root).args(["-n", "true"]);
    let can_ask = std::io::IsTerminal::is_terminal(&std::io::stdin());
    if find("sudo").is_some() && (can_ask || sudo.succeeds()) {
        note("installing them with sudo apt-get");
        return Job::new("sudo", root).args(["sh", "-c", &script]).run_at_terminal();
    }
    warn("this needs root, and there is no sudo to get it. Run this as root, then try again:");
    println!("\n{script}\n");
    fail(format!("packages are missing: {}", missing.join(" ")))
}

/// One line for a shell, the same for us, for sudo and for a person.
fn script(missing: &[&str]) -> String {
    let before = [("postgresql", NO_MAIN_CLUSTER), ("kannel", NO_GATEWAY)];
    let before = before.iter().filter(|(package, _)| missing.contains(package));
    let before: String = before.flat_map(|(_, command)| [*command, " && "]).collect();
    format!(
        "{before}export DEBIAN_FRONTEND=noninteractive && apt-get update && apt-get install --yes \
         --no-install-recommends -o Dpkg::Options::=--force-confold {}",
        missing.join(" ")
    )
}

fn missing(root: &Path, groups: &[Group]) -> Outcome<Vec<&'static str>> {
    let packages = parse(LIST)?;
    let wanted = packages.iter().filter(|package| groups.contains(&package.group));
    Ok(wanted.filter(|package| !is_there(root, package.probe)).map(|package| package.name).collect())
}

fn parse(list: &'static str) -> Outcome<Vec<Package>> {
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(parse_line).collect()
}

fn parse_line(line: &'static str) -> Outcome<Package> {
    let Some((group, rest)) = line.split_once(char::is_whitespace) else {
        return fail(format!("packages.txt: no package in \"{line}\""));
    };
    let Some((name, probe)) = rest.trim_start().split_once(char::is_whitespace) else {
        return fail(format!("packages.txt: no probe in \"{line}\""));
    };
    let group = match group {
        "build" => Group::Build,
        "test" => Group::Test,
        "peers" => Group::Peers,
        _ => return fail(format!("packages.txt: unknown group in \"{line}\"")),
    };
    Ok(Package { group, name, probe: probe.trim() })
}

fn is_there(root: &Path, probe: &str) -> bool {
    if let Some(command) = probe.strip_prefix("$ ") {
        Job::new("sh", root).args(["-c", command]).succeeds()
    } else if probe.starts_with('/') {
        !glob(probe).is_empty()
    } else {
        find(probe).is_some()
    }
}

/// The files that match a pattern whose segments may each hold one `*`.
pub(crate) fn glob(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for segment in pattern.split('/').filter(|segment| !segment.is_empty()) {
        found = found.iter().flat_map(|dir| step(dir, segment)).collect();
    }
    found.sort();
    found
}

fn step(dir: &Path, segment: &str) -> Vec<PathBuf> {
    let Some((start, end)) = segment.split_once('*') else {
        return Some(dir.join(segment)).filter(|path| path.exists()).into_iter().collect();
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    });
    names.map(|entry| entry.path()).collect()
}

fn is_root(root: &Path) -> bool {
    Job::new("id", root).args(["-u"]).capture().is_ok_and(|id| id.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_read_and_names_nothing_twice() -> Outcome {
        let packages = parse(LIST)?;
        assert!(packages.iter().any(|package| package.group == Group::Build));
        for (index, package) in packages.iter().enumerate() {
            assert!(packages.iter().skip(index + 1).all(|other| other.name != package.name), "{} twice", package.name);
        }
        Ok(())
    }

    #[test]
    fn a_line_that_cannot_be_read_is_an_error_that_quotes_it() {
        for line in ["build", "build gcc", "buildd gcc cc"] {
            assert!(parse(line).is_err_and(|failure| failure.0.contains(line)), "{line}");
        }
    }

    #[test]
    fn probes_see_what_is_there_and_what_is_not() {
        let root = Path::new("/");
        for there in ["sh", "/bin/sh", "/bin/s*h", "/b*/sh", "$ test 1 = 1"] {
            assert!(is_there(root, there), "{there}");
        }
        for not_there in ["no-such-command", "/bin/no-such-file", "/bin/no-such*", "$ test 1 = 2", "$ no-such-command"]
        {
            assert!(!is_there(root, not_there), "{not_there}");
        }
    }

    #[test]
    fn debian_starts_no_servers_of_its_own() {
        assert!(script(&["postgresql"]).starts_with("mkdir -p /etc/postgresql-common"));
        assert!(script(&["kannel", "kannel-extras"]).starts_with("mkdir -p /etc/default && "));
        assert!(script(&["chromium"]).starts_with("export"));
    }
}
