//! Every error code has a row in the documentation and words for a person in each language.

use std::path::Path;

use super::Tree;

const SOURCE: &str = "crates/protocol/src/problem.rs";
const ROWS: &str = "docs/errors.md";
const LOCALES: &str = "web/src/locales";

#[derive(Debug, PartialEq, Eq)]
struct Code<'a> {
    text: &'a str,
    status: &'a str,
}

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let codes: Vec<_> = tree.get(SOURCE).unwrap_or_default().lines().filter_map(code).collect();
    if codes.is_empty() {
        return vec![format!("{SOURCE}: no error code can be read from it")];
    }
    let mut complaints = check_rows(&codes, tree.get(ROWS).unwrap_or_default());
    let locales = tree.all().filter(|(name, _)| is_locale(name));
    let words: Vec<_> = locales.flat_map(|(name, text)| check_words(&codes, name, text)).collect();
    complaints.extend(words);
    if !tree.all().any(|(name, _)| is_locale(name)) {
        complaints.push(format!("{LOCALES}: no .ftl file there"));
    }
    complaints
}

fn is_locale(name: &Path) -> bool {
    name.starts_with(LOCALES) && name.extension().is_some_and(|extension| extension == "ftl")
}

/// `CallFull "call_full" 409 "The call is full";`
fn code(line: &str) -> Option<Code<'_>> {
    let (name, rest) = line.trim().strip_suffix("\";")?.split_once(" \"")?;
    let (text, rest) = rest.split_once("\" ")?;
    let (status, _title) = rest.split_once(" \"")?;
    let fits = name.chars().all(char::is_alphanumeric) && status.len() == 3 && status.parse::<u16>().is_ok();
    fits.then_some(Code { text, status })
}

fn check_rows(codes: &[Code], document: &str) -> Vec<String> {
    let rows: Vec<_> = document.lines().filter_map(row).collect();
    let mut complaints = Vec::new();
    for code in codes {
        match rows.iter().filter(|row| row.text == code.text).collect::<Vec<_>>()[..] {
            [row] if row.status == code.status => {}
            [row] => complaints.push(format!("{ROWS}: {} says {}, it is {}", code.text, row.status, code.status)),
            [] => complaints.push(format!("{ROWS}: no row for {}", code.text)),
            _ => complaints.push(format!("{ROWS}: more than one row for {}", code.text)),
        }
    }
    let unknown = rows.iter().filter(|row| codes.iter().all(|code| code.text != row.text));
    complaints.extend(unknown.map(|row| format!("{ROWS}: there is no code {}", row.text)));
    complaints
}

/// "| `call_full` | 409 | … |"
fn row(line: &str) -> Option<Code<'_>> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let text = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    Some(Code { text, status: cells.next()? })
}

fn check_words(codes: &[Code], name: &Path, text: &str) -> Vec<String> {
    let ids: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).map(|(id, _)| id.trim_end()).collect();
    let wanted = codes.iter().map(|code| format!("error-{}", code.text.replace('_', "-")));
    let missing = wanted.filter(|id| !ids.contains(&id.as_str()));
    missing.map(|id| format!("{}: no message {id}", name.display())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: &str = "error_codes! {\n    CallFull \"call_full\" 409 \"The call is full\";\n\
        Busy \"busy\" 503 \"Too busy\";\n}\n";
    const GOOD: &str = "| code | HTTP | meaning |\n|---|---|---|\n| `call_full` | 409 | x |\n| `busy` | 503 | y |\n";

    fn complaints(document: &str, words: &str) -> Vec<String> {
        check(&Tree::of(&[(SOURCE, CODES), (ROWS, document), ("web/src/locales/en.ftl", words)]))
    }

    const WORDS: &str = "error-call-full = The call is full.\nerror-busy =\n    Too busy.\n";

    #[test]
    fn complete_is_complete() {
        assert_eq!(complaints(GOOD, WORDS), Vec::<String>::new());
    }

    #[test]
    fn rows_are_checked_both_ways() {
        let said = |document: &str| complaints(document, WORDS).join("\n");
        assert!(said("| `call_full` | 409 |").contains("no row for busy"));
        assert!(said(&format!("{GOOD}| `gone` | 410 | z |")).contains("no code gone"));
        assert!(said(&format!("{GOOD}| `busy` | 503 | z |")).contains("more than one row for busy"));
        assert!(said(&GOOD.replace("503", "500")).contains("busy says 500, it is 503"));
    }

    #[test]
    fn a_code_without_words_is_found() {
        assert_eq!(complaints(GOOD, "error-busy = x"), ["web/src/locales/en.ftl: no message error-call-full"]);
    }

    #[test]
    fn codes_that_cannot_be_read_do_not_pass_for_none() {
        let tree = Tree::of(&[(SOURCE, "enum Code {}"), (ROWS, ""), ("web/src/locales/en.ftl", "")]);
        assert_eq!(check(&tree).len(), 1);
    }
}
