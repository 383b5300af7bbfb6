//! What programs that are not ours make of what we send.

use std::{env, process::Stdio};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

const MISSING: &str = "FARHAND_TEST_ICALENDAR names no Python that has icalendar. `cargo xtask test --only cargo` installs one and names it; \
                       after that, FARHAND_TEST_ICALENDAR=$PWD/target/tools/icalendar-7.3.0/bin/python";

/// What a Python program, which has the package `icalendar`, says of something.
pub async fn ask(program: &str, of: &str) -> Value {
    let python = env::var_os("FARHAND_TEST_ICALENDAR").unwrap_or_else(|| panic!("{MISSING}"));
    let mut command = Command::new(python);
    command.args(["-I", "-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}. {MISSING}"));
    // Closed with the end of the statement, which is the end of the input.
    child.stdin.take().unwrap().write_all(of.as_bytes()).await.unwrap();
    let said = child.wait_with_output().await.unwrap();
    serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("it reads nothing of {of}. {MISSING}"))
}
