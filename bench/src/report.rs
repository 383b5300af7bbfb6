//! The row a figure has in the summary table.

use std::{fs::OpenOptions, io::Write as _, path::Path};

use crate::Outcome;

pub(crate) struct Row {
    pub(crate) figure: String,
    pub(crate) measured: String,
    pub(crate) floor: String,
    pub(crate) aim: String,
    pub(crate) met: bool,
}

impl Row {
    pub(crate) fn markdown(&self) -> String {
        let verdict = if self.met { "met" } else { "**missed**" };
        format!("| {} | {} | {} | {} | {verdict} |", self.figure, self.measured, self.floor, self.aim)
    }

    /// Shows it, and adds it to the summary.
    pub(crate) fn tell(&self, report: Option<&Path>) -> Outcome {
        let verdict = if self.met { "met" } else { "MISSED" };
        println!("{}: {}", self.figure, self.measured);
        println!("    floor {}; aim {}: {verdict}", self.floor, self.aim);
        if let Some(report) = report {
            writeln!(OpenOptions::new().create(true).append(true).open(report)?, "{}", self.markdown())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_aim_stands_out() {
        let text = |text: &str| text.to_owned();
        let row = |met| Row { figure: text("a"), measured: text("2"), floor: text("1"), aim: text("≤ 2"), met };
        assert_eq!(row(true).markdown(), "| a | 2 | 1 | ≤ 2 | met |");
        assert_eq!(row(false).markdown(), "| a | 2 | 1 | ≤ 2 | **missed** |");
    }
}
