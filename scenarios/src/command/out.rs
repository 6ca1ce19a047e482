//! The directory for what is found.

use super::error::UsageError;
use std::{
    fs::{self, File},
    path::Path,
    process,
};

/// Makes sure that capsules can be written, before there is anything to write.
///
/// # Errors
/// The directory cannot be created or written to.
pub fn prepare(directory: &Path) -> Result<(), UsageError> {
    let probe = directory.join(format!(".writable-{}", process::id()));
    fs::create_dir_all(directory)
        .and_then(|()| File::create(&probe))
        .and_then(|_| fs::remove_file(&probe))
        .map_err(|error| UsageError::Out {
            path: directory.to_owned(),
            error,
        })
}
