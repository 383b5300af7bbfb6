//! The letter as a page: styled within its elements, as mail programs drop style sheets, with nothing that has to be fetched, and in an
//! order that reads well without any style.

use super::compose::{Content, Link};

/// Programs that turn colours round for dark screens leave alone what says that it knows of them.
const HEAD: &str = r#"<meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<style>
@media (prefers-color-scheme: dark) {
  .page { background: #15181c !important; }
  .card { background: #20252b !important; border-color: #363d46 !important; }
  .text, .title { color: #e8eaed !important; }
  .small, .small a { color: #a9b1bb !important; }
}
</style>"#;

const PAGE: &str = "margin:0;padding:24px 12px;background:#f2f4f7;";
const CARD: &str = "max-width:520px;margin:0 auto;padding:28px 28px 22px;background:#ffffff;border:1px solid #dde1e7;\
                    border-radius:12px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;";
const TITLE: &str = "margin:0 0 14px;font-size:22px;line-height:1.3;color:#1b1f24;overflow-wrap:anywhere;";
const TEXT: &str = "margin:0 0 12px;font-size:16px;line-height:1.5;color:#1b1f24;overflow-wrap:anywhere;";
const STRUCK: &str = "text-decoration:line-through;";
const BUTTON: &str = "display:inline-block;padding:13px 26px;border-radius:8px;background:#1d5fd1;color:#ffffff;\
                      font-size:16px;font-weight:600;text-decoration:none;";
const SMALL: &str = "margin:0 0 8px;font-size:13px;line-height:1.5;color:#5c6570;overflow-wrap:anywhere;";

pub fn page(content: &Content<'_>) -> String {
    let Content { language, title, paragraphs, time, link, notes, called_off } = content;
    let (title, struck) = (escaped(title), if *called_off { STRUCK } else { "" });
    let text = |text: &String| paragraph("text", TEXT, &escaped(text));
    let note = |note: &&str| paragraph("small", SMALL, &escaped(note));
    let texts: String = paragraphs.iter().map(text).collect();
    let time = time.as_ref().map(|time| format!("<strong>{}</strong>", escaped(time)));
    let time = time.map(|time| paragraph("text", TEXT, &time)).unwrap_or_default();
    let link = link.as_ref().map(button).unwrap_or_default();
    let notes: String = notes.iter().map(note).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n{HEAD}\n<title>{title}</title>\n</head>\n\
         <body class=\"page\" style=\"{PAGE}\">\n<div class=\"card\" style=\"{CARD}\">\n\
         <h1 class=\"title\" dir=\"auto\" style=\"{TITLE}{struck}\">{title}</h1>\n{texts}{time}{link}{notes}</div>\n</body>\n</html>\n"
    )
}

/// With the address in plain text below it, for programs that show no buttons and people who look before they open.
fn button(link: &Link<'_>) -> String {
    let (address, button, or_open) = (escaped(link.address), escaped(link.button), escaped(link.or_open));
    let plain = format!("{or_open}<br>\n<a href=\"{address}\" style=\"color:#5c6570;\">{address}</a>");
    let plain = paragraph("small", SMALL, &plain);
    format!("<p style=\"margin:22px 0;\"><a href=\"{address}\" style=\"{BUTTON}\">{button}</a></p>\n{plain}")
}

fn paragraph(class: &str, style: &str, html: &str) -> String {
    format!("<p class=\"{class}\" dir=\"auto\" style=\"{style}\">{html}</p>\n")
}

/// As text and as the value of an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}
