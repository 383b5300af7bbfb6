//! Node.js projects: what they depend on is installed, and the web client built, only when something changed.

use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use crate::console::note;
use crate::files;
use crate::process::{Job, Outcome, fail, find};

/// What Vite needs.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// Whether Node.js and npm are there, and new enough.
pub(crate) fn check_node(root: &Path) -> Outcome {
    if find("node").is_none() || find("npm").is_none() {
        return fail("Node.js with npm is needed, 20.19 or newer. Install it, then try again");
    }
    let version = Job::new("node", root).args(["--version"]).capture()?;
    let version = String::from_utf8_lossy(&version);
    match parse_version(&version) {
        Some(found) if found >= OLDEST_NODE => Ok(()),
        _ => fail(format!("Node.js 20.19 or newer is needed, and this is {}", version.trim())),
    }
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// `npm ci`, unless what is installed is what the lock file says.
pub(crate) fn install(project: &Path) -> Outcome {
    let stamp = project.join("node_modules/.farhand-lock");
    let lock = files::read(&project.join("package-lock.json"))?;
    let mut hash = DefaultHasher::new();
    hash.write(lock.as_bytes());
    let wanted = hash.finish().to_string();
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    note(&format!("installing the Node.js packages of {}", project.display()));
    npm(project).args(["ci"]).run()?;
    files::write(&stamp, wanted.as_bytes())
}

/// Builds the web client into `web/dist`, unless nothing changed since it was built.
pub(crate) fn build(root: &Path) -> Outcome {
    let project = root.join("web");
    install(&project)?;
    let stamp = root.join("target/web-built");
    let wanted = fingerprint(&project)?;
    let built = project.join("dist/index.html").is_file();
    if built && std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        note("the web client is up to date");
        return Ok(());
    }
    note("building the web client");
    npm(&project).args(["run", "build"]).run()?;
    files::write(&stamp, wanted.as_bytes())
}

/// npm without its questions, colours and advertisements.
pub(crate) fn npm(project: &Path) -> Job {
    Job::new("npm", project)
        .env("NO_COLOR", "1")
        .env("NO_UPDATE_NOTIFIER", "1")
        .env("npm_config_update_notifier", "false")
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
}

/// Changes whenever a file the build reads changes.
fn fingerprint(project: &Path) -> Outcome<String> {
    let mut hash = DefaultHasher::new();
    for file in files::sources(project)? {
        hash.write(file.as_os_str().as_encoded_bytes());
        hash.write_u8(0);
        hash.write(&std::fs::read(&file).map_err(|error| files::unreadable(&file, &error))?);
        hash.write_u8(0);
    }
    Ok(hash.finish().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse_version("v20.19.2\n"), Some((20, 19)));
        assert!(parse_version("v20.9.0").is_some_and(|found| found < OLDEST_NODE));
        assert!(parse_version("v22.1.0").is_some_and(|found| found >= OLDEST_NODE));
        assert_eq!(parse_version("unknown"), None);
    }

    #[test]
    fn the_fingerprint_follows_names_and_contents() -> Outcome {
        let dir = files::Scratch::new("fingerprint")?;
        files::write(&dir.path().join("a.ts"), b"one")?;
        let first = fingerprint(dir.path())?;
        assert_eq!(fingerprint(dir.path())?, first);
        files::write(&dir.path().join("a.ts"), b"two")?;
        let second = fingerprint(dir.path())?;
        files::write(&dir.path().join("dist/out.js"), b"built")?;
        assert_ne!(second, first);
        assert_eq!(fingerprint(dir.path())?, second, "what the build writes is not what it reads");
        Ok(())
    }
}
