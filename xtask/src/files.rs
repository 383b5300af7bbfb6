//! Reading, writing and listing files, with errors that name the file.

use std::path::{Path, PathBuf};

use crate::process::{Failure, Outcome};

/// Folders that hold what was made, not what was written.
const MADE: [&str; 6] = [".git", "target", "node_modules", "dist", "farhand-data", "results"];

pub(crate) fn read(file: &Path) -> Outcome<String> {
    std::fs::read_to_string(file).map_err(|error| unreadable(file, &error))
}

/// Writes a file, and the folders it needs.
pub(crate) fn write(file: &Path, contents: &[u8]) -> Outcome {
    let folder = file.parent().unwrap_or(file);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, contents))
        .map_err(|error| Failure(format!("{} cannot be written: {error}", file.display())))
}

pub(crate) fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("{} cannot be read: {error}", file.display()))
}

/// All files below `dir` that somebody wrote, sorted.
pub(crate) fn sources(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).map_err(|error| unreadable(&dir, &error))?.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_file() {
                found.push(entry.path());
            } else if kind.is_dir() && !MADE.iter().any(|made| entry.file_name() == *made) {
                open.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A folder for a test, gone when dropped.
#[cfg(test)]
pub(crate) struct Scratch(PathBuf);

#[cfg(test)]
impl Scratch {
    pub(crate) fn new(name: &str) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("farhand-xtask-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| unreadable(&path, &error))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_what_somebody_wrote() -> Outcome {
        let dir = Scratch::new("sources")?;
        for file in ["b.rs", "a/c.rs", "target/made.rs", "a/node_modules/x/y.js", "web/dist/index.html"] {
            write(&dir.path().join(file), b"")?;
        }
        let found = sources(dir.path())?;
        let names: Vec<_> = found.iter().filter_map(|file| file.strip_prefix(dir.path()).ok()).collect();
        assert_eq!(names, [Path::new("a/c.rs"), Path::new("b.rs")]);
        Ok(())
    }

    #[test]
    fn an_unreadable_file_is_named() {
        assert!(read(Path::new("/no/such/file")).is_err_and(|failure| failure.0.starts_with("/no/such/file cannot")));
    }
}
