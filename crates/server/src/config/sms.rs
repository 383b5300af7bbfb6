//! `[sms]`

use std::collections::HashMap;

use config::Value;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Text messages, sent by the gateway that `sms_url` names. Holds what opens it: it cannot be printed.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SmsConfig {
    /// The sender, for `{from}`: a number such as `+49123456`, or a name if the gateway takes names.
    pub from: Option<String>,
    /// What is sent with POST instead of a bare GET: a form such as `to={to}&text={text}`, or JSON such as
    /// `{"to": "{to}", "text": "{text}"}`. May be empty.
    pub body: Option<String>,
    /// Headers for the gateway, such as `Authorization: Bearer …`.
    pub headers: Vec<String>,
    /// How a success begins, in the gateway's words; whether anything else was one, nobody knows. By default `0:` and `3:` for Kannel, and
    /// otherwise every answer from 200 to 299 is a success.
    pub accepted: Vec<String>,
    /// What the gateway is to add to the address it reports to, in its own language. By default `state=%d&words=%A` for Kannel, and nothing
    /// for those that add something by themselves.
    pub report: Option<String>,
    /// The member of a report that says what happened; `state` for Kannel.
    pub report_state: Option<String>,
    /// The member of a report with the carrier's words, for whoever reads the log; `words` for Kannel.
    pub report_words: Option<String>,
    /// What a report says when the message has arrived; `1` for Kannel.
    pub delivered: Vec<String>,
    /// What a report says when it never will; `2` and `16` for Kannel.
    pub failed: Vec<String>,
}

/// Those settings of the environment that would be read as numbers: a sender would lose its `+`, and a list of one number would be none.
pub(super) fn texts(variables: &HashMap<String, String>) -> Vec<(String, Value)> {
    let of = |name: &str| variables.get(&format!("FARHAND_SMS__{}", name.to_uppercase()));
    let key = |name: &str| format!("sms.{name}");
    let from = of("from").map(|text| (key("from"), Value::from(text.as_str())));
    let lists = ["accepted", "delivered", "failed"].into_iter();
    let lists = lists.filter_map(|name| Some((key(name), Value::from(of(name)?.split(',').collect::<Vec<_>>()))));
    from.into_iter().chain(lists).collect()
}
