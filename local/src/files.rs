//! Writes files.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use serde::Serialize;
use tempfile::NamedTempFile;

/// Writes a value as JSON, and replaces an earlier file at once: a reader finds the earlier file or the new one. `temporary` is a folder of
/// the same file system; it is created if it is missing.
pub(crate) fn write_json(temporary: &Path, path: &Path, value: &impl Serialize) -> io::Result<()> {
    fs::create_dir_all(temporary)?;
    let mut file = NamedTempFile::new_in(temporary)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)?;
    file.persist(path)?;
    Ok(())
}
