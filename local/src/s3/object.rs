//! The metadata of an object.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use s3s::{S3Error, dto, s3_error};
use serde::{Deserialize, Serialize};

use super::place::Place;

/// A stored object, in memory and in its metadata file (`<root>/.s3/meta/<bucket>/….json`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) key: String,
    /// The size in bytes.
    pub(crate) size: u64,
    /// The MD5 in hex, or `<MD5 of the parts' MD5s>-<number of parts>` after a multipart upload.
    pub(crate) etag: String,
    /// The modification time of the file, in nanoseconds since 1970. It shows whether a file was edited directly.
    pub(crate) modified: u64,
    pub(super) place: Place,
    pub(super) headers: Headers,
    /// The header with the checksum of the upload. An object of several parts has none.
    pub(super) checksum: Headers,
}

impl Object {
    pub(super) fn etag(&self) -> dto::ETag {
        dto::ETag::Strong(self.etag.clone())
    }

    pub(super) fn last_modified(&self) -> dto::Timestamp {
        (UNIX_EPOCH + Duration::from_nanos(self.modified)).into()
    }

    pub(super) fn length(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX)
    }
}

/// Nanoseconds since 1970.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// HTTP headers by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Headers(pub(super) BTreeMap<String, String>);

impl Headers {
    /// Selects the headers of a request that S3 stores with the object.
    pub(super) fn kept(request: &HeaderMap) -> Self {
        const KEPT: [&str; 5] = ["cache-control", "content-disposition", "content-language", "content-type", "expires"];
        let is_kept = |name: &HeaderName| KEPT.contains(&name.as_str()) || name.as_str().starts_with("x-amz-meta-");
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let kept = request.iter().filter(|(name, _)| is_kept(name));
        let mut kept: BTreeMap<_, _> = kept.map(|(name, value)| (name.to_string(), text(value))).collect();
        // `aws-chunked` describes the transfer, not the object.
        let encodings = request.get("content-encoding").map(text).unwrap_or_default();
        let encodings: Vec<_> = encodings.split(',').map(str::trim).filter(|name| *name != "aws-chunked").collect();
        if !encodings.concat().is_empty() {
            kept.insert("content-encoding".to_owned(), encodings.join(","));
        }
        kept.entry("content-type".to_owned()).or_insert_with(|| "binary/octet-stream".to_owned());
        Self(kept)
    }

    /// The headers for an answer.
    pub(super) fn to_map(&self) -> HeaderMap {
        let header = |(name, value): (&String, &String)| Some((name.parse().ok()?, value.parse().ok()?));
        self.0.iter().filter_map(header).collect()
    }
}

pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}
