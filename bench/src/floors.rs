//! What the databases do without us.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{Outcome, postgres::Postgres};

/// Seconds for each of the batch sizes the example measures.
const EACH: &str = "2";
/// The table and the statement of PostgreSQL's floor: one row as large as a call's state.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS floor (id bigserial PRIMARY KEY, call_id uuid, state text)";
const INSERT: &str = "INSERT INTO floor (call_id, state) VALUES (gen_random_uuid(), repeat('x', 600));\n";

/// Calls per second that the store saves in batches of 64, with nothing around it.
pub(crate) fn save_calls(example: &Path, database: &Path) -> Outcome<f64> {
    let text = run(Command::new(example).arg(format!("sqlite://{}", database.display())).arg(EACH))?;
    let rate = batches_of_64(&text).ok_or_else(|| format!("save_calls printed something else:\n{text}"))?;
    println!("  floor: {rate:.0} calls/s saved in batches of 64");
    Ok(rate)
}

/// `batches of  64:  12345 calls/s, …`
fn batches_of_64(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("batches of")?.trim_start().strip_prefix("64:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Transactions per second of PostgreSQL's own bench: one row each, from 64 clients.
pub(crate) fn pgbench(postgres: &Postgres, seconds: u32) -> Outcome<f64> {
    postgres.run("postgres", TABLE)?;
    let dir = crate::place::scratch()?;
    let script = dir.path().join("insert.sql");
    fs::write(&script, INSERT)?;
    let mut command = postgres.program("pgbench");
    command.args(["-n", "-M", "prepared", "-c", "64", "-j", "2", "-T", &seconds.to_string(), "-f"]);
    let text = run(command.arg(&script).arg("postgres"))?;
    let rate = tps(&text).ok_or_else(|| format!("pgbench printed something else:\n{text}"))?;
    println!("  floor: {rate:.0} transactions/s of one row");
    Ok(rate)
}

/// `tps = 1234.5 (without initial connection time)`
fn tps(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

fn run(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_line_is_read() {
        let text = "batches of   1:    900 calls/s, 1 us\nbatches of  64:   8123 calls/s, 123.1 us wall\n";
        assert_eq!(batches_of_64(text), Some(8123.0));
        assert_eq!(tps("a\ntps = 1234.5 (without initial connection time)\n"), Some(1234.5));
        assert_eq!((batches_of_64("no"), tps("no")), (None, None));
    }
}
