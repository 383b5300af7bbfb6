//! What programs that are not ours make of what we send.

use std::{env, process::Stdio};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

/// A Python that has a package which knows a format, and the variable that names it.
struct Judge {
    variable: &'static str,
    package: &'static str,
}

const ICALENDAR: Judge = Judge { variable: "FARHAND_TEST_ICALENDAR", package: "icalendar-7.3.0" };
const WEBHOOKS: Judge = Judge { variable: "FARHAND_TEST_WEBHOOKS", package: "standardwebhooks-1.1.0" };

/// What a Python program, which has the package `icalendar`, says of something.
pub async fn ask(program: &str, of: &str) -> Value {
    ICALENDAR.ask(program, of).await
}

/// The same with the package `standardwebhooks`.
pub async fn ask_of_webhooks(program: &str, of: &str) -> Value {
    WEBHOOKS.ask(program, of).await
}

impl Judge {
    fn missing(&self) -> String {
        let Self { variable, package } = self;
        format!(
            "{variable} names no Python that has what is needed. `cargo xtask test --only cargo` installs one and names it; \
             after that, {variable}=$PWD/target/tools/{package}/bin/python"
        )
    }

    async fn ask(&self, program: &str, of: &str) -> Value {
        let python = env::var_os(self.variable).unwrap_or_else(|| panic!("{}", self.missing()));
        let mut command = Command::new(python);
        command.args(["-I", "-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}. {}", self.missing()));
        // Closed with the end of the statement, which is the end of the input.
        child.stdin.take().unwrap().write_all(of.as_bytes()).await.unwrap();
        let said = child.wait_with_output().await.unwrap();
        serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("it reads nothing of {of}. {}", self.missing()))
    }
}
