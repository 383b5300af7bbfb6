//! What is told with a request that was asked for by a public link, and what such a link says, as they are kept.

use farhand_protocol::{
    call::TeamRef,
    request_link::{RequestDetails, RequestField},
};
use farhand_store::model::{RequestLink, RequestOrigin};
use serde::{Deserialize, Serialize};

/// What is told of the machine, and by whoever asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    #[serde(default)]
    pub fields: Vec<Field>,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub reach: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    /// None in a link: whoever asks is to fill it in.
    #[serde(default)]
    pub value: Option<String>,
}

/// A team that a link asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub id: i64,
    #[serde(default)]
    pub tags: Vec<String>,
}

impl Field {
    pub fn wire(self) -> RequestField {
        RequestField { name: self.name, value: self.value }
    }
}

impl Asked {
    pub fn wire(self) -> TeamRef {
        TeamRef { id: Some(self.id), tags: self.tags, ..TeamRef::default() }
    }
}

/// What of a link another version has written in another way is not worth losing the call for.
pub fn details(origin: &RequestOrigin) -> RequestDetails {
    let Details { fields, text, reach } = serde_json::from_str(&origin.details).unwrap_or_default();
    RequestDetails { link: origin.name.clone(), fields: fields.into_iter().map(Field::wire).collect(), text, reach }
}

pub fn fields_of(link: &RequestLink) -> Vec<Field> {
    serde_json::from_str(&link.fields).unwrap_or_default()
}

pub fn teams_of(link: &RequestLink) -> Vec<Asked> {
    serde_json::from_str(&link.teams).unwrap_or_default()
}
