use super::{Table, Texts};

pub const TABLE: Table = Table {
    language: "de",
    hello: "Guten Tag {to},",
    ring: Texts { subject: "{from} ruft Sie an: {title}", lead: "{from} ruft Sie an" },
    planned: Texts { subject: "Einladung: {title}, {when}", lead: "{from} lädt Sie zu einem Anruf ein" },
    moved: Texts { subject: "Geändert: {title}, {when}", lead: "{from} hat einen geplanten Anruf geändert" },
    cancelled: Texts { subject: "Abgesagt: {title}, {when}", lead: "{from} hat einen geplanten Anruf abgesagt" },
    reminder: Texts { subject: "Erinnerung: {title}, {when}", lead: "Ihr Anruf mit {from} beginnt bald" },
    call_back: Texts {
        subject: "Rückruf an {from}: {title}", lead: "{from} wurde ein Rückruf um diese Zeit zugesagt"
    },
    begins: "Er beginnt am {when}.",
    was_to_begin: "Er war geplant für {when}.",
    join: "Öffnen Sie zum Teilnehmen diesen Link:",
    button: "Teilnehmen",
    or_open: "Wenn die Schaltfläche nicht funktioniert, öffnen Sie diese Adresse:",
    unexpected: "Wenn Sie diese Nachricht nicht erwartet haben, müssen Sie nichts tun.",
    personal: "Der Link ist nur für Sie: Wer ihn hat, kann an Ihrer Stelle teilnehmen.",
    days: ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    when: "{weekday}, {day}. {month} {year}, {time} Uhr ({zone})",
};
