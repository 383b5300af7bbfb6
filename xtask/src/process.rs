//! Running other programs.
//!
//! Nothing outlives the command that started it: each program runs in a process group of its own under a small shell
//! that the kernel signals when `xtask` dies, however it dies, and that then ends the group.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::console::Progress;

/// Why a command cannot go on, in words for the person who started it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub String);

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn fail<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Failure(why.into()))
}

/// Runs "$@" and passes its exit code on; ends the whole group when told to stop.
const SUPERVISOR: &str = r#"trap 'trap - TERM; kill -TERM 0; exit 143' TERM; "$@" & wait $!"#;

/// What `cargo run` tells us about ourselves. Cargo hands it on to build scripts, which would then run again.
const OURS_ALONE: [&str; 5] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];

pub(crate) struct Job {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    dir: PathBuf,
}

/// What a program said and how it ended.
pub(crate) struct Said {
    pub(crate) ok: bool,
    pub(crate) text: String,
}

impl Job {
    pub(crate) fn new(program: impl AsRef<OsStr>, dir: &Path) -> Self {
        Self { program: program.as_ref().to_owned(), args: Vec::new(), env: Vec::new(), dir: dir.to_owned() }
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Runs with our output, to its end.
    pub(crate) fn run(self) -> Outcome {
        let progress = Progress::start(&self.name());
        let status = self.supervised().stdin(Stdio::null()).status();
        drop(progress);
        self.check(status)
    }

    /// Runs to its end, shows what it writes to standard output, and hands that back.
    pub(crate) fn tee(self) -> Outcome<Said> {
        let progress = Progress::start(&self.name());
        let mut child = self
            .supervised()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| self.unstartable(&error))?;
        let text = child.stdout.take().map(copy_out).unwrap_or_default();
        let status = child.wait().map_err(|error| self.unstartable(&error))?;
        drop(progress);
        Ok(Said { ok: status.success(), text })
    }

    /// Runs in silence and hands back what it wrote to standard output; a failure carries what it wrote to the other.
    pub(crate) fn capture(self) -> Outcome<Vec<u8>> {
        let output = self.plain().stdin(Stdio::null()).output().map_err(|error| self.unstartable(&error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        fail(format!("{} failed ({}):\n{}", self.name(), output.status, String::from_utf8_lossy(&output.stderr).trim()))
    }

    /// Whether it runs and exits with 0; its output is of no interest.
    pub(crate) fn succeeds(self) -> bool {
        let silent = self.plain().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        silent.is_ok_and(|status| status.success())
    }

    /// Runs at the terminal, so that it can ask for a password.
    pub(crate) fn run_at_terminal(self) -> Outcome {
        let progress = Progress::start(&self.name());
        let status = self.plain().status();
        drop(progress);
        self.check(status)
    }

    /// Becomes that program. Comes back only if it cannot be started.
    pub(crate) fn become_it(self) -> Failure {
        let error = self.plain().exec();
        self.unstartable(&error)
    }

    fn name(&self) -> String {
        let file = Path::new(&self.program).file_name().unwrap_or(&self.program);
        let mut name = file.to_string_lossy().into_owned();
        for arg in self.args.iter().take(3) {
            name.push(' ');
            name.push_str(&arg.to_string_lossy().chars().take(60).collect::<String>());
        }
        name
    }

    fn check(&self, status: std::io::Result<ExitStatus>) -> Outcome {
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => fail(format!("{} failed ({status})", self.name())),
            Err(error) => Err(self.unstartable(&error)),
        }
    }

    fn unstartable(&self, error: &std::io::Error) -> Failure {
        Failure(format!("{} cannot be run: {error}", self.program.to_string_lossy()))
    }

    fn plain(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        self.prepare(&mut command);
        command
    }

    fn supervised(&self) -> Command {
        if find("setpriv").is_none() {
            return self.plain();
        }
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "sh", "-c", SUPERVISOR, "sh"]).arg(&self.program).args(&self.args);
        command.process_group(0);
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        command.current_dir(&self.dir);
        for (name, _) in std::env::vars_os() {
            if OURS_ALONE.iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
                command.env_remove(name);
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
    }
}

/// The full path of a command that is on the PATH.
pub(crate) fn find(command: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(command)).find(|file| file.is_file())
}

fn copy_out(mut from: impl Read) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(count) = from.read(&mut buffer) {
        let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else { break };
        let mut out = std::io::stdout().lock();
        if out.write_all(part).and_then(|()| out.flush()).is_err() {
            break;
        }
        seen.extend_from_slice(part);
    }
    String::from_utf8_lossy(&seen).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Job {
        Job::new("sh", Path::new("/")).args(["-c", script])
    }

    #[test]
    fn the_exit_code_comes_through_the_supervisor() {
        assert_eq!(shell("exit 0").run(), Ok(()));
        let failure = shell("exit 3").run();
        assert!(failure.is_err_and(|failure| failure.0.contains("exit status: 3")));
    }

    #[test]
    fn a_failure_carries_what_the_program_complained_about() {
        let failure = shell("echo what a pity >&2; exit 1").capture();
        assert!(failure.is_err_and(|failure| failure.0.contains("what a pity")));
    }

    #[test]
    fn what_is_shown_is_also_handed_back_and_a_failure_keeps_it() {
        let said = shell("echo one; exit 1").tee();
        assert!(said.is_ok_and(|said| !said.ok && said.text == "one\n"));
    }

    #[test]
    fn what_cargo_told_us_about_ourselves_is_not_handed_on() {
        // This test itself runs under Cargo, so that the variable is there to be removed.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let seen = shell("printf '%s' \"$CARGO_MANIFEST_DIR\"").capture();
        assert_eq!(seen, Ok(Vec::new()));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = Job::new("no-such-program", Path::new("/")).capture();
        assert!(failure.is_err_and(|failure| failure.0.starts_with("no-such-program cannot be run")));
    }
}
