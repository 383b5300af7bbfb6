//! The configuration reference, made from the configuration itself: names, defaults and the doc comments as descriptions.

use serde_json::Value;
use utoipa::OpenApi;

use crate::config::{
    AcmeConfig, CallConfig, Config, HttpConfig, LoginConfig, MailConfig, MediaConfig, OutwardConfig, PushConfig,
    RequestConfig, SmsConfig, TlsConfig, TurnConfig, WebSocketConfig,
};

const HEAD: &str = "# Configuration

<!-- Written by `farhand configuration`; change the doc comments of the configuration instead. -->

Everything has a default that works. A setting is taken from the first of these that has it: a flag, the environment, the file
given with `--config` (or `FARHAND_CONFIG`), the default. In the file, settings with a dot stand in a table:

```toml
listen = \"0.0.0.0:8080\"
public_url = \"https://calls.example.com\"

[calls]
grace_seconds = 60
```

In the environment, lists are separated by commas. `FARHAND_LOG` filters the log (`info`, `farhand_server=debug`, …); it goes to
standard error.

| setting | environment | default | meaning |
|---|---|---|---|
";

#[derive(OpenApi)]
#[openapi(components(schemas(
    AcmeConfig,
    Config,
    CallConfig,
    HttpConfig,
    LoginConfig,
    MailConfig,
    MediaConfig,
    OutwardConfig,
    PushConfig,
    RequestConfig,
    SmsConfig,
    TlsConfig,
    TurnConfig,
    WebSocketConfig
)))]
struct Schemas;

/// `docs/configuration.md`
pub fn reference() -> Result<String, serde_json::Error> {
    let document = serde_json::to_value(Schemas::openapi())?;
    let defaults = serde_json::to_value(Config::default())?;
    let mut page = HEAD.to_owned();
    rows(&document["components"]["schemas"], "Config", "", &defaults, &mut page);
    Ok(page)
}

/// One row per setting of a table, and of the tables in it.
fn rows(schemas: &Value, table: &str, prefix: &str, defaults: &Value, page: &mut String) {
    let Some(settings) = schemas[table]["properties"].as_object() else { return };
    for (name, schema) in settings {
        let inner = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        if let Some(inner) = inner {
            rows(schemas, inner, &format!("{prefix}{name}."), &defaults[name], page);
        } else {
            let key = format!("{prefix}{name}");
            let environment = format!("FARHAND_{}", key.to_uppercase().replace('.', "__"));
            let meaning = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
            let default = default(&defaults[name]);
            page.extend(["| `", &key, "` | `", &environment, "` | ", &default, " | ", &meaning, " |\n"]);
        }
    }
}

fn default(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::String(text) => format!("`{text}`"),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_described() {
        let page = reference().unwrap();
        assert!(page.contains("| `calls.grace_seconds` | `FARHAND_CALLS__GRACE_SECONDS` | `30` |"), "{page}");
        for row in page.lines().filter(|line| line.starts_with("| `")) {
            assert!(!row.ends_with("|  |"), "no meaning: {row}");
        }
    }

    #[test]
    fn the_page_in_the_repository_is_up_to_date() {
        let written = include_str!("../../../docs/configuration.md");
        assert_eq!(written, reference().unwrap(), "run `cargo xtask codegen`");
    }
}
