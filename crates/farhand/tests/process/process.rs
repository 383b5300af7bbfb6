//! `farhand` as a process: started, listened to, sent signals, killed.

use std::{
    ffi::OsStr,
    path::Path,
    process::{ExitStatus, Output, Stdio},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
};

use crate::wait::soon;

const BINARY: &str = env!("CARGO_BIN_EXE_farhand");

/// A command that does not know this process's settings, in a directory of nobody's.
pub fn farhand<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    by(BINARY, arguments)
}

/// The same with another program in front, such as strace.
pub fn farhand_under<A: AsRef<OsStr>>(
    wrapper: impl IntoIterator<Item = A>,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut wrapper = wrapper.into_iter();
    let program = wrapper.next().unwrap();
    let mut command = by(program.as_ref(), wrapper);
    command.arg(BINARY).args(arguments);
    command
}

fn by<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.current_dir(std::env::temp_dir());
    let own = std::env::vars_os().map(|(key, _)| key).filter(|key| key.to_string_lossy().starts_with("FARHAND_"));
    own.for_each(|key| {
        command.env_remove(key);
    });
    command
}

/// Runs a command that ends by itself.
pub async fn run(mut command: Command) -> Ran {
    let output = soon("the command to end", command.output()).await.unwrap();
    Ran::new(&output)
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { status: output.status, out: text(&output.stdout), err: text(&output.stderr) }
    }

    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert!(self.status.success(), "{self:?}");
        self
    }

    /// Failed with a clear error: exit code 1, words for a person among them `words`, no traces of the program's inside.
    #[track_caller]
    pub fn complains_about(self, words: &[&str]) -> Self {
        assert_eq!(self.status.code(), Some(1), "{self:?}");
        let error = self.err.split("farhand: ").nth(1).unwrap_or_else(|| panic!("{self:?}"));
        for word in words {
            assert!(error.contains(word), "{word:?} is not in {error:?}");
        }
        assert!(!self.err.contains("panicked") && !self.err.contains("Error {"), "{self:?}");
        self
    }
}

/// A data directory that is gone after the test.
pub struct Data(TempDir);

impl Data {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("farhand-test-").tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn arg(&self) -> &str {
        self.path().to_str().unwrap()
    }

    /// `farhand serve` here, on a free port.
    pub fn serve(&self) -> Command {
        self.serve_on("127.0.0.1:0")
    }

    pub fn serve_on(&self, address: &str) -> Command {
        farhand(["serve", "--data", self.arg(), "--listen", address])
    }

    /// Any other command, on this data.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = farhand(arguments);
        command.args(["--data", self.arg()]);
        command
    }
}

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    pub out: Heard,
    pub err: Heard,
    /// `http://127.0.0.1:…`, or `https`.
    pub url: String,
}

impl Server {
    /// Starts it and waits until it has said where it listens.
    pub async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let out = Heard::new(child.stdout.take().unwrap());
        let err = Heard::new(child.stderr.take().unwrap());
        let said = out.says("://");
        let url = tokio::select! {
            line = said => line.split_whitespace().find(|word| word.contains("://")).unwrap().to_owned(),
            status = child.wait() => panic!("ended with {status:?}, having said {:?} {:?}", out.all(), err.all()),
        };
        Self { child, out, err, url }
    }

    /// `127.0.0.1:…`
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn pid(&self) -> String {
        self.child.id().unwrap().to_string()
    }

    /// Asks it to stop.
    pub async fn signal(&self, signal: &str) {
        let script = format!("kill -s {signal} {}", self.pid());
        assert!(Command::new("sh").args(["-c", &script]).status().await.unwrap().success());
    }

    pub async fn ended(&mut self) -> ExitStatus {
        soon("the server to end", self.child.wait()).await.unwrap()
    }

    /// As a power cut does, for this process.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

/// What a process has said so far on one of its outputs.
pub struct Heard(watch::Receiver<String>);

impl Heard {
    fn new(from: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, heard) = watch::channel(String::new());
        tokio::spawn(async move {
            let mut lines = BufReader::new(from).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|text| {
                    text.push_str(&line);
                    text.push('\n');
                });
            }
        });
        Self(heard)
    }

    pub fn all(&self) -> String {
        self.0.borrow().clone()
    }

    /// The first line with these words, as soon as it is there.
    pub fn says(&self, words: &str) -> impl Future<Output = String> + use<> {
        let (mut heard, words) = (self.0.clone(), words.to_owned());
        async move {
            let said = |text: &String| text.lines().any(|line| line.contains(&words));
            let text = soon(&format!("{words:?} on an output"), heard.wait_for(said)).await.unwrap();
            text.lines().find(|line| line.contains(&words)).unwrap().to_owned()
        }
    }
}
