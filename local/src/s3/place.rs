//! The file of a key.
//!
//! The object with key `uploads/cat.jpg` in bucket `b` is the plain file `<root>/b/uploads/cat.jpg`. A key that cannot be the path of a file
//! goes to the *odd place*, `<root>/.s3/odd/b/<flat name>`:
//!
//! - a key with a NUL, or with a segment that is empty, `.`, `..` or longer than 255 bytes;
//! - a key whose path is a folder already (`a` beside `a/b`) or leads through a file (`a/b` beside `a`);
//! - a key that differs from another key only in case, because some file systems take both for the same file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use s3s::crypto::{Checksum as _, Md5};
use serde::{Deserialize, Serialize};

/// The folder under the root for everything but plain objects. No bucket can have this name.
pub(super) const INTERNAL: &str = ".s3";

/// The longest file name in bytes that common file systems allow.
const LONGEST_SEGMENT: usize = 255;

/// The place of an object's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    /// `<root>/<bucket>/<key>`
    Plain,
    /// `<root>/.s3/odd/<bucket>/<flat name>`
    Odd,
}

impl Place {
    pub(super) fn path(self, root: &Path, bucket: &str, key: &str) -> PathBuf {
        match self {
            Self::Plain => root.join(bucket).join(key),
            Self::Odd => root.join(INTERNAL).join("odd").join(bucket).join(flat_name(key)),
        }
    }
}

/// Whether a key can be a path below its bucket's folder.
pub(super) fn is_plain(key: &str) -> bool {
    !key.contains('\0')
        && key.split('/').all(|segment| !matches!(segment, "" | "." | "..") && segment.len() <= LONGEST_SEGMENT)
}

/// Whether a new object can be written to the plain path of `key`: the path is not a folder, and does not lead through a file.
pub(super) fn is_free(bucket_folder: &Path, key: &str) -> bool {
    let path = bucket_folder.join(key);
    if path.is_dir() {
        return false;
    }
    let above = path.ancestors().skip(1).take_while(|folder| *folder != bucket_folder);
    above.into_iter().all(|folder| fs::symlink_metadata(folder).map_or(true, |found| found.is_dir()))
}

/// Makes a file name of any key. It begins with a readable form of the key, and ends in the key's MD5, which makes it unique.
pub(crate) fn flat_name(key: &str) -> String {
    const READABLE: usize = 100;
    let mut name = String::new();
    for byte in key.bytes().take(READABLE) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            _ => name.push('~'),
        }
    }
    name.push('-');
    name.push_str(&hex::encode(Md5::checksum(key.as_bytes())));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_leave_the_folder_are_not_plain() {
        for key in ["../x", "a/../b", "a/..", "/etc/passwd", "a//b", "a/", ".", "", "a\0b"] {
            assert!(!is_plain(key), "{key:?}");
        }
        for key in ["a", "a/b.jpg", "...", "a/..b", "été 日本 %2F+*.jpg", "a\\b"] {
            assert!(is_plain(key), "{key:?}");
        }
        assert!(is_plain(&"x".repeat(255)));
        assert!(!is_plain(&"x".repeat(256)));
    }

    #[test]
    fn flat_names_are_single_distinct_segments() {
        let long = "k".repeat(1024);
        for key in ["a/b", "..", "/", "", long.as_str()] {
            let name = flat_name(key);
            assert!(!name.contains('/') && !name.starts_with('.') && name.len() <= LONGEST_SEGMENT, "{name}");
        }
        assert_ne!(flat_name("a/b"), flat_name("a.b"));
    }
}
