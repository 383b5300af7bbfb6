//! How much of a text goes into one message. Carriers count in the 7-bit alphabet of GSM 03.38 as long as every character is in it, else in
//! UCS-2, of which not half as much fits.

/// Two of which each character of the extension table takes.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "^{}\\[~]|€\u{c}";

/// The gateway sends a longer text in parts, each of which costs.
const PARTS_MAX: usize = 3;
/// Rather than cut a title below this, one more part is sent.
const TITLE_LEAST: usize = 20;
/// An ellipsis in one character is not in the alphabet.
const CUT: &str = "...";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Gsm7,
    Ucs2,
}

impl Coding {
    pub fn of(text: &str) -> Self {
        if text.chars().all(|c| BASIC.contains(c) || EXTENSION.contains(c)) { Self::Gsm7 } else { Self::Ucs2 }
    }

    /// As gateways call it.
    pub fn number(self) -> &'static str {
        match self {
            Self::Gsm7 => "0",
            Self::Ucs2 => "2",
        }
    }

    fn units(self, text: &str) -> usize {
        match self {
            Self::Gsm7 => text.chars().map(|c| if EXTENSION.contains(c) { 2 } else { 1 }).sum(),
            Self::Ucs2 => text.encode_utf16().count(),
        }
    }

    /// How much goes into so many parts: each of several says which one it is.
    fn room(self, parts: usize) -> usize {
        match (self, parts) {
            (Self::Gsm7, 1) => 160,
            (Self::Ucs2, 1) => 70,
            (Self::Gsm7, _) => 153 * parts,
            (Self::Ucs2, _) => 67 * parts,
        }
    }
}

fn fits(text: &str, parts: usize) -> bool {
    let coding = Coding::of(text);
    coding.units(text) <= coding.room(parts)
}

/// A text with a title in it, which is cut as far as it must be; nothing else is, least of all a link.
pub fn fit(title: &str, compose: impl Fn(&str) -> String) -> String {
    let characters: Vec<char> = title.chars().collect();
    let least = characters.len().min(TITLE_LEAST);
    for parts in 1..=PARTS_MAX {
        for kept in (least..=characters.len()).rev() {
            let text = compose(&shortened(&characters, kept));
            if fits(&text, parts) {
                return text;
            }
        }
    }
    compose(&shortened(&characters, least))
}

fn shortened(title: &[char], kept: usize) -> String {
    if kept == title.len() {
        return title.iter().collect();
    }
    let kept: String = title[..kept].iter().collect();
    format!("{}{CUT}", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_decides_how_it_is_sent() {
        for (text, coding, units) in [
            ("Hello", Coding::Gsm7, 5),
            ("Grüße, Ärger, ñ à è", Coding::Gsm7, 19),
            ("5 €", Coding::Gsm7, 4),
            ("[{~}]", Coding::Gsm7, 10),
            ("", Coding::Gsm7, 0),
            ("ç", Coding::Ucs2, 1),
            ("Привет", Coding::Ucs2, 6),
            ("…", Coding::Ucs2, 1),
            ("\u{1f600}", Coding::Ucs2, 2),
            ("`", Coding::Ucs2, 1),
        ] {
            assert_eq!((Coding::of(text), Coding::of(text).units(text)), (coding, units), "{text}");
        }
        assert_eq!(BASIC.chars().count(), 127, "all but the escape character");
    }

    const LINK: &str = "https://calls.example.com/call/00000000-0000-0000-0000-000000000007";

    fn of(title: &str) -> String {
        fit(title, |title| format!("Anna is calling you: {title}\n{LINK}"))
    }

    #[test]
    fn a_title_is_cut_so_that_one_part_is_enough_and_the_link_never() {
        assert_eq!(of("Pump 7"), format!("Anna is calling you: Pump 7\n{LINK}"));
        let long = of(&"pump ".repeat(60));
        assert_eq!(Coding::Gsm7.units(&long), 160);
        assert!(long.ends_with(&format!("pump pum...\n{LINK}")), "{long}");
    }

    #[test]
    fn rather_than_cut_too_much_it_is_sent_in_parts() {
        let cyrillic = of(&"насос ".repeat(60));
        assert_eq!(Coding::of(&cyrillic), Coding::Ucs2);
        let units = Coding::Ucs2.units(&cyrillic);
        assert!(units <= 134 && units > 130, "{units}");
        assert!(cyrillic.ends_with(&format!("...\n{LINK}")), "{cyrillic}");
    }

    #[test]
    fn what_fits_nowhere_is_sent_all_the_same_with_its_link() {
        let link = "x".repeat(600);
        let text = fit(&"long ".repeat(20), |title| format!("{title} {link}"));
        assert!(text.ends_with(&link) && text.starts_with("long long long long"), "{text}");
        assert!(text.chars().count() < 630);
    }
}
