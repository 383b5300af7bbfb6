//! What programs that are not ours make of what we send.

use std::{env, process::Stdio};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

/// A Python that has a package which knows a format, and the variable that names it.
struct Judge {
    variable: &'static str,
    package: &'static str,
    version: &'static str,
}

const CALENDARS: Judge = Judge { variable: "FARHAND_TEST_ICALENDAR", package: "icalendar", version: "7.3.0" };
const SEALS: Judge = Judge { variable: "FARHAND_TEST_HTTP_ECE", package: "http-ece", version: "1.2.1" };
const WEBHOOKS: Judge = Judge { variable: "FARHAND_TEST_WEBHOOKS", package: "standardwebhooks", version: "1.1.0" };

/// What a Python program, which has the package `icalendar`, says of something.
pub async fn ask(program: &str, of: &str) -> Value {
    CALENDARS.ask(program, of).await
}

/// The same with the package `http_ece`, and `cryptography`.
pub async fn ask_of_seals(program: &str, of: &str) -> Value {
    SEALS.ask(program, of).await
}

/// The same with the package `standardwebhooks`.
pub async fn ask_of_webhooks(program: &str, of: &str) -> Value {
    WEBHOOKS.ask(program, of).await
}

impl Judge {
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

    fn missing(&self) -> String {
        let Self { variable, package, version } = self;
        format!(
            "{variable} names no Python that has {package}. `cargo xtask test --only cargo` installs one and names it; \
             after that, {variable}=$PWD/target/tools/{package}-{version}/bin/python"
        )
    }
}
