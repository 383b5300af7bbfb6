//! Files of the data directory that nobody else may read.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

const SECRET: usize = 32;

/// A secret of the data directory, made at the first start: what was signed with it outlives a restart.
pub fn open_secret(file: &Path) -> Result<Vec<u8>, String> {
    let secret = open_or_make(file, || {
        let mut secret = vec![0; SECRET];
        getrandom::fill(&mut secret).map_err(|error| error.to_string())?;
        Ok(secret)
    })?;
    if secret.len() < SECRET {
        return Err(format!("{}: it is too short; remove it, and a new one is made", file.display()));
    }
    Ok(secret)
}

/// What stands in a file, made if there is none.
pub fn open_or_make(file: &Path, make: impl FnOnce() -> Result<Vec<u8>, String>) -> Result<Vec<u8>, String> {
    let told = |error: io::Error| format!("{}: {error}", file.display());
    match fs::read(file) {
        Ok(secret) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = make().map_err(|error| format!("{}: none can be made: {error}", file.display()))?;
            let directory = file.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(directory).and_then(|()| write_secret(file, &secret)).map_err(told)?;
            Ok(secret)
        }
        Err(error) => Err(told(error)),
    }
}

/// Whole or not at all: a server that is stopped meanwhile must not find half a secret at its next start.
pub fn write_secret(path: &Path, contents: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}
