//! The report of each upload, in a file for each key, so that it outlives a restart.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    report::Report,
    s3::{Entry, flat_name},
};

/// The result of one invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// When the invocation was queued, nanoseconds since 1970.
    pub(super) queued: u64,
    /// When it ended.
    pub(super) finished: u64,
    pub(super) result: Report,
}

impl Kept {
    /// Whether the report is about `object`, and not about an earlier object with the same key.
    pub(super) fn is_of(&self, object: &Entry) -> bool {
        match &self.result.source {
            Some(source) => source.etag == object.etag && self.finished >= object.modified,
            None => self.queued >= object.modified,
        }
    }
}

/// The folder with the results.
pub(super) struct Results(pub(super) PathBuf);

impl Results {
    pub(super) fn read(&self, key: &str) -> Option<Kept> {
        serde_json::from_slice(&fs::read(self.file(key)).ok()?).ok()
    }

    /// Replaces a key's result at once: a reader finds the old one or the new.
    pub(super) fn write(&self, key: &str, kept: &Kept) {
        let write = |path: &Path| -> std::io::Result<()> {
            fs::create_dir_all(&self.0)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            file.write_all(&serde_json::to_vec(kept)?)?;
            file.persist(path)?;
            Ok(())
        };
        if let Err(error) = write(&self.file(key)) {
            tracing::warn!(folder = %self.0.display(), %error, "a result is not kept");
        }
    }

    pub(super) fn remove(&self, key: &str) {
        let _ = fs::remove_file(self.file(key)); // There may be none.
    }

    fn file(&self, key: &str) -> PathBuf {
        self.0.join(format!("{}.json", flat_name(key)))
    }
}
