//! Texts with places in braces, which are filled in for each message.

use std::fmt::Write as _;

use url::form_urlencoded::byte_serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    To,
    Text,
    From,
    Id,
    Report,
    Coding,
}

const PLACES: [(&str, Place); 6] = [
    ("to", Place::To),
    ("text", Place::Text),
    ("from", Place::From),
    ("id", Place::Id),
    ("report", Place::Report),
    ("coding", Place::Coding),
];

/// How what is filled in is written, so that it stays one value whatever is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// Of a URL, or of a form.
    Url,
    /// Within a text of JSON.
    Json,
}

/// Holds what opens the gateway: it cannot be printed.
pub struct Template {
    pieces: Vec<Piece>,
    escape: Escape,
}

enum Piece {
    Text(String),
    Place(Place),
}

pub struct Values<'a> {
    pub to: &'a str,
    pub text: &'a str,
    pub from: &'a str,
    pub id: &'a str,
    pub report: &'a str,
    pub coding: &'a str,
}

impl Template {
    /// Errors do not repeat the text, which may hold a password.
    pub fn read(text: &str, escape: Escape) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_braces(rest, escape)? {
            let known = PLACES.iter().find(|(known, _)| *known == name);
            let (_, place) =
                known.ok_or_else(|| "braces are for {to}, {text}, {from}, {id}, {report} and {coding}".to_owned())?;
            pieces.extend([Piece::Text(before.to_owned()), Piece::Place(*place)]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces, escape })
    }

    pub fn has(&self, wanted: Place) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Place(place) if *place == wanted))
    }

    pub fn fill(&self, values: &Values<'_>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(place) => self.escape.write(values.of(*place)),
        };
        self.pieces.iter().map(piece).collect()
    }
}

impl Values<'_> {
    fn of(&self, place: Place) -> &str {
        match place {
            Place::To => self.to,
            Place::Text => self.text,
            Place::From => self.from,
            Place::Id => self.id,
            Place::Report => self.report,
            Place::Coding => self.coding,
        }
    }
}

impl Escape {
    fn write(self, value: &str) -> String {
        match self {
            // A blank as %20 is understood in every part of a URL; a plus only in forms.
            Self::Url => byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20"),
            Self::Json => value.chars().fold(String::new(), |mut written, c| {
                match c {
                    '"' | '\\' => written.extend(['\\', c]),
                    c if c.is_control() => drop(write!(written, "\\u{:04x}", u32::from(c))),
                    c => written.push(c),
                }
                written
            }),
        }
    }
}

/// What is before the next place, its name, and what is after it. JSON has braces of its own: there only a bare word in them is a place.
fn next_braces(text: &str, escape: Escape) -> Result<Option<(&str, &str, &str)>, String> {
    let mut from = 0;
    while let Some(open) = text[from..].find(['{', '}']).map(|at| from + at) {
        let name = text[open + 1..].split_once('}').map(|(name, _)| name).filter(|_| text[open..].starts_with('{'));
        match name.filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic())) {
            Some(name) => return Ok(Some((&text[..open], name, &text[open + name.len() + 2..]))),
            None if escape == Escape::Json => from = open + 1,
            None => return Err("it has a brace that is no place such as {to}".to_owned()),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str, escape: Escape, text: &str) -> String {
        let values = Values { to: "+49123", text, from: "Far&hand", id: "7", report: "https://h/r?s=%d", coding: "2" };
        Template::read(template, escape).unwrap_or_else(|why| panic!("{template}: {why}")).fill(&values)
    }

    #[test]
    fn what_is_filled_in_stays_one_value() {
        for (text, written) in [
            ("a b", "a%20b"),
            ("1+1=2", "1%2B1%3D2"),
            ("a&to=b", "a%26to%3Db"),
            ("100%", "100%25"),
            ("#/?;", "%23%2F%3F%3B"),
            ("Grüße", "Gr%C3%BC%C3%9Fe"),
            ("\u{1f600}", "%F0%9F%98%80"),
            ("a\r\nb", "a%0D%0Ab"),
            ("{to}", "%7Bto%7D"),
            ("", ""),
        ] {
            assert_eq!(fill("x?t={text}&z", Escape::Url, text), format!("x?t={written}&z"));
        }
    }

    #[test]
    fn every_place_is_filled_as_often_as_it_is_there() {
        let all = fill("{to}{text}{from}{id}{report}{coding}{to}", Escape::Url, "x");
        assert_eq!(all, "%2B49123xFar%26hand7https%3A%2F%2Fh%2Fr%3Fs%3D%25d2%2B49123");
        let template = Template::read("a{to}b", Escape::Url).unwrap();
        assert!(template.has(Place::To) && !template.has(Place::Text));
    }

    #[test]
    fn in_json_only_a_bare_word_in_braces_is_a_place() {
        let json = r#"{"to": "{to}", "more": {"text": "{text}", "none": {}}}"#;
        let text = "\"q\" \\ \n\u{7f}ü";
        let filled: serde_json::Value = serde_json::from_str(&fill(json, Escape::Json, text)).unwrap();
        assert_eq!(filled, serde_json::json!({"to": "+49123", "more": {"text": text, "none": {}}}));
    }

    #[test]
    fn braces_that_mean_nothing_are_refused_without_repeating_them() {
        for wrong in ["x?p={s3cret}", "x?t={text", "x?t=text}", "x?t={}", "x?t={te xt}", "x?t={{text}}", "{Text}"] {
            let why = Template::read(wrong, Escape::Url).err().unwrap_or_else(|| panic!("taken: {wrong}"));
            assert!(!why.contains("s3cret") && why.contains("{to}"), "{why}");
        }
        assert!(Template::read(r#"{"to": "{too}"}"#, Escape::Json).is_err());
    }
}
