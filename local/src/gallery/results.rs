//! The results of invocations: a file for each upload, so that they survive a restart.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    files::write_json,
    report::Report,
    s3::{Object, flat_name},
};

/// The result of one invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// When the invocation was queued, in nanoseconds since 1970.
    pub(super) queued: u64,
    /// When the invocation ended, in nanoseconds since 1970.
    pub(super) finished: u64,
    pub(super) result: Report,
}

impl Kept {
    /// Whether the result is about `object`, and not about an earlier object with the same key.
    pub(super) fn is_of(&self, object: &Object) -> bool {
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

    pub(super) fn write(&self, key: &str, kept: &Kept) {
        if let Err(error) = write_json(&self.0, &self.file(key), kept) {
            eprintln!("error: cannot write a result to {}: {error}", self.0.display());
        }
    }

    pub(super) fn remove(&self, key: &str) {
        let _ = fs::remove_file(self.file(key)); // The file need not exist.
    }

    fn file(&self, key: &str) -> PathBuf {
        self.0.join(format!("{}.json", flat_name(key)))
    }
}
