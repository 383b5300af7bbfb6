//! Programs and libraries from the Python package index, each in a folder of its own.

use std::path::{Path, PathBuf};

use crate::console::note;
use crate::packages;
use crate::process::{Failure, Job, Outcome};

/// What the mail server of the Rust tests is made of (`crates/testkit/smtp/sink.py`).
const MAIL_SERVER: &str = "aiosmtpd==1.4.6";

/// The Python that has it.
pub(crate) fn with_mail_server(root: &Path) -> Outcome<PathBuf> {
    installed(root, MAIL_SERVER, "lib/*/site-packages/aiosmtpd/smtp.py")?;
    Ok(folder(root, MAIL_SERVER).join("bin/python"))
}

/// What reads calendars in the Rust tests.
const CALENDAR_READER: &str = "icalendar==7.3.0";

/// The Python that has it.
pub(crate) fn with_calendar_reader(root: &Path) -> Outcome<PathBuf> {
    installed(root, CALENDAR_READER, "lib/*/site-packages/icalendar/version.py")?;
    Ok(folder(root, CALENDAR_READER).join("bin/python"))
}

/// What opens push messages in the Rust tests.
const SEAL_OPENER: &str = "http-ece==1.2.1";

/// The Python that has it.
pub(crate) fn with_seal_opener(root: &Path) -> Outcome<PathBuf> {
    installed(root, SEAL_OPENER, "lib/*/site-packages/http_ece/__init__.py")?;
    Ok(folder(root, SEAL_OPENER).join("bin/python"))
}

/// What checks the signatures of webhooks in the Rust tests.
const WEBHOOK_READER: &str = "standardwebhooks==1.1.0";

/// The Python that has it.
pub(crate) fn with_webhook_reader(root: &Path) -> Outcome<PathBuf> {
    installed(root, WEBHOOK_READER, "lib/*/site-packages/standardwebhooks/webhooks.py")?;
    Ok(folder(root, WEBHOOK_READER).join("bin/python"))
}

/// The file of a package that the pattern finds, below the package's folder. Installs it if there is none.
pub(crate) fn installed(root: &Path, package: &str, pattern: &str) -> Outcome<PathBuf> {
    let folder = folder(root, package);
    let pattern = format!("{}/{pattern}", folder.display());
    if let Some(file) = packages::glob(&pattern).pop() {
        return Ok(file);
    }
    note(&format!("installing {package}"));
    Job::new("python3", root).args(["-m", "venv", "--clear"]).args([&folder]).run()?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package];
    Job::new(folder.join("bin/python"), root).args(pip).run()?;
    packages::glob(&pattern).pop().ok_or_else(|| Failure(format!("{package} brought no {pattern}")))
}

fn folder(root: &Path, package: &str) -> PathBuf {
    root.join("target/tools").join(package.replace("==", "-"))
}
