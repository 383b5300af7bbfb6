//! What gateways say about a message afterwards, at an address that nobody else can guess.

use url::form_urlencoded;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Delivered,
    Failed {
        words: String,
    },
    /// Nothing that had to be known.
    OnItsWay,
}

/// The members of a query or a form.
pub fn members(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    form_urlencoded::parse(text.as_bytes()).into_owned()
}
