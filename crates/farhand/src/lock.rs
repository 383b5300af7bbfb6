//! One server per data directory. A second one would take the first one's running calls away from it. The command line
//! beside a server needs no lock: it leaves calls alone.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::chosen::Failure;

const FILE: &str = "farhand.lock";

/// Held while a server uses its data directory. The kernel lets go of it when the process ends, however it ends.
pub struct DataLock {
    _file: File,
}

impl DataLock {
    pub fn take(data_dir: &Path) -> Result<Self, Failure> {
        let failed =
            |why: std::io::Error| Failure::new(format!("cannot lock the data directory {}: {why}", data_dir.display()));
        let path = data_dir.join(FILE);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = open.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(data_dir, &mut file)),
            Err(TryLockError::Error(why)) => return Err(failed(why)),
        }
        // For the message above only: a full disk must not keep a server from starting.
        let _ = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        Ok(Self { _file: file })
    }
}

fn taken(data_dir: &Path, file: &mut File) -> Failure {
    let mut process = String::new();
    let named = file.read_to_string(&mut process).is_ok() && !process.is_empty();
    let which = if named { format!(" (process {process})") } else { String::new() };
    Failure::new(format!("another server{which} uses the data directory {}", data_dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_locked_once_until_it_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataLock::take(dir.path()).unwrap();
        let refused = DataLock::take(dir.path()).err().unwrap().to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(first);
        assert!(DataLock::take(dir.path()).is_ok());
    }
}
