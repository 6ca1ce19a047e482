//! Files that are whole, or not there: written beside their place and then renamed, so that a reader,
//! or the next run after a crash of this one, never sees half a file.

use sim::capsule::{Capsule, CapsuleError, BYTES_MAX};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process,
};

/// Why a capsule could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot read capsule {path:?}: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{path:?} is not a capsule: {error}")]
    NoCapsule { path: PathBuf, error: CapsuleError },
}

/// # Errors
/// There is no such file, or it is no capsule.
pub fn read(path: &Path) -> Result<Capsule, ReadError> {
    let unreadable = |error| ReadError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    // One byte more than there may be tells that there are too many.
    let mut limited = file.take(BYTES_MAX as u64 + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    Capsule::parse(&bytes).map_err(|error| ReadError::NoCapsule {
        path: path.to_owned(),
        error,
    })
}

/// # Errors
/// The file cannot be written; then there is none, or the one that there was.
pub fn write(path: &Path, capsule: &Capsule) -> io::Result<()> {
    let unfinished = path.with_extension(format!("json.{}", process::id()));
    let written = File::create(&unfinished)
        .and_then(|mut file| {
            file.write_all(capsule.to_text().as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// A name that a file may have, from names that have slashes and more in them.
pub fn file_name(parts: &[&str]) -> String {
    let plain = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
        _ => '-',
    };
    let parts: Vec<String> = parts
        .iter()
        .map(|part| part.chars().map(plain).collect())
        .collect();
    format!("{}.json", parts.join("-"))
}
