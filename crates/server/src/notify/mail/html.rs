//! The letter as a page: styled within its elements, as mail programs drop style sheets, with nothing that has to be fetched, and in an
//! order that reads well without any style.

use super::compose::Content;

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
    let struck = if *called_off { STRUCK } else { "" };
    let mut body = format!("<h1 class=\"title\" dir=\"auto\" style=\"{TITLE}{struck}\">{}</h1>\n", escaped(title));
    for text in paragraphs {
        body += &paragraph("text", TEXT, &escaped(text));
    }
    if let Some(time) = time {
        body += &paragraph("text", TEXT, &format!("<strong>{}</strong>", escaped(time)));
    }
    if let Some(link) = link {
        let address = escaped(link.address);
        let button = escaped(link.button);
        body += &format!("<p style=\"margin:22px 0;\"><a href=\"{address}\" style=\"{BUTTON}\">{button}</a></p>\n");
        let plain =
            format!("{}<br>\n<a href=\"{address}\" style=\"color:#5c6570;\">{address}</a>", escaped(link.or_open));
        body += &paragraph("small", SMALL, &plain);
    }
    for note in notes {
        body += &paragraph("small", SMALL, &escaped(note));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n{HEAD}\n<title>{}</title>\n</head>\n\
         <body class=\"page\" style=\"{PAGE}\">\n<div class=\"card\" style=\"{CARD}\">\n{body}</div>\n</body>\n</html>\n",
        escaped(title)
    )
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
