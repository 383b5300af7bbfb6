//! What the program says about itself.

use serde_json::Value;

use crate::process::{farhand, run};

const COMMANDS: [&str; 8] = ["serve", "demo", "user", "team", "domain", "api-key", "configuration", "openapi"];

#[tokio::test]
async fn help_mentions_every_command_with_a_sentence() {
    let help = run(farhand(["--help"])).await.succeeded().out;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed: Vec<&str> = listed.take_while(|line| !line.is_empty()).collect();
    for command in COMMANDS {
        let line = listed.iter().find(|line| line.split_whitespace().next() == Some(command));
        let line = line.unwrap_or_else(|| panic!("{command} is not in {help}"));
        assert!(line.split_whitespace().count() > 2, "{command} has no sentence: {line}");
    }
    assert_eq!(listed.len(), COMMANDS.len() + 1, "a command is not tested here, or missing: {help}");
}

#[tokio::test]
async fn every_command_explains_itself() {
    for command in COMMANDS {
        let help = run(farhand([command, "--help"])).await.succeeded().out;
        assert!(help.contains(&format!("farhand {command}")), "{help}");
    }
}

#[tokio::test]
async fn no_command_and_a_wrong_one_show_what_there_is_and_fail() {
    let nothing = run(farhand::<&str>([])).await;
    assert_eq!(nothing.status.code(), Some(2));
    assert!(nothing.err.contains("Commands:"), "{nothing:?}");
    let wrong = run(farhand(["server"])).await;
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.err.contains("serve"), "no hint: {wrong:?}");
}

#[tokio::test]
async fn openapi_prints_the_document_that_clients_are_generated_from() {
    let document: Value = serde_json::from_str(&run(farhand(["openapi"])).await.succeeded().out).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let create = &document["paths"]["/rtc/createCall"]["post"];
    assert_eq!(create["operationId"], "createCallForContacts");
    assert_eq!(create["tags"][0], "rtc-controller");
    assert_eq!(document["paths"]["/rtc/getCallLogById"]["get"]["operationId"], "getCallLogById");
    let frames: Value = serde_json::from_str(&run(farhand(["openapi", "--frames"])).await.succeeded().out).unwrap();
    assert!(frames.to_string().contains("ClientFrame"), "{frames}");
}

#[tokio::test]
async fn the_version_is_told() {
    let version = run(farhand(["--version"])).await.succeeded().out;
    assert_eq!(version.trim(), format!("farhand {}", env!("CARGO_PKG_VERSION")));
}
