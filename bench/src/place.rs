//! Where the databases lie: on a disk, because a sync that costs nothing measures nothing.

use std::{env, path::PathBuf};

use tempfile::TempDir;

use crate::Outcome;

/// Overrides the directory below which everything is kept.
const CHOSEN: &str = "BENCH_DIR";
/// Unlike `/tmp` it survives a restart, and so is never memory.
const USUAL: &str = "/var/tmp";
/// What Linux calls its file system in memory.
const TMPFS: u64 = 0x0102_1994;

/// The directory for everything that has to be durable.
pub(crate) fn on_disk() -> Outcome<PathBuf> {
    let dir = env::var_os(CHOSEN).map_or_else(|| PathBuf::from(USUAL), PathBuf::from);
    let kind = u64::try_from(rustix::fs::statfs(&dir)?.f_type)?;
    if kind == TMPFS {
        return Err(format!("{} is in memory: name a directory on a disk in {CHOSEN}", dir.display()).into());
    }
    Ok(dir)
}

/// A directory on the disk that is gone when it is dropped.
pub(crate) fn scratch() -> Outcome<TempDir> {
    Ok(tempfile::Builder::new().prefix("farhand-bench-").tempdir_in(on_disk()?)?)
}
