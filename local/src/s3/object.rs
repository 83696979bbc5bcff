//! What is known of one object.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto;
use serde::{Deserialize, Serialize};

use super::place::Place;

/// One stored object, as kept in memory and in its metadata file (`<root>/.s3/meta/<bucket>/…json`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) key: String,
    /// Bytes.
    pub(super) size: u64,
    /// MD5 in hex, or `<MD5 of the parts' MD5s>-<number of parts>` after a multipart upload.
    pub(super) etag: String,
    /// The file's own modification time, nanoseconds since 1970: a file changed by hand is noticed by it.
    pub(super) modified: u64,
    pub(super) place: Place,
    #[serde(default)]
    pub(super) attributes: Attributes,
    #[serde(default)]
    pub(super) checksums: Checksums,
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

/// The headers that S3 keeps with an object and gives back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<dto::Timestamp>,
    /// `x-amz-meta-*`, names without that prefix.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) user: BTreeMap<String, String>,
}

/// S3 gives this type to an object that was put without one.
pub(super) const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

impl Attributes {
    pub(super) fn content_type(&self) -> String {
        self.content_type.clone().unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned())
    }

    pub(super) fn user(&self) -> Option<dto::Metadata> {
        (!self.user.is_empty()).then(|| self.user.clone().into_iter().collect())
    }
}

/// Takes the attributes out of the three inputs that carry them; the fields have the same names in all.
macro_rules! attributes {
    ($input:expr) => {
        $crate::s3::object::Attributes {
            content_type: $input.content_type.take(),
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            expires: $input.expires.take(),
            user: $input.metadata.take().into_iter().flatten().collect(),
        }
    };
}
pub(super) use attributes;

/// The checksums that came with an upload, base64. An object of several parts has none here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Checksums {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc32: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc32c: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc64nvme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

impl Checksums {
    /// The five algorithms in the order of their fields, by the name that S3's headers use.
    pub(super) const NAMES: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

    pub(super) fn get(&self, name: &str) -> Option<&String> {
        match name {
            "crc32" => self.crc32.as_ref(),
            "crc32c" => self.crc32c.as_ref(),
            "crc64nvme" => self.crc64nvme.as_ref(),
            "sha1" => self.sha1.as_ref(),
            _ => self.sha256.as_ref(),
        }
    }
}

impl From<dto::Checksum> for Checksums {
    fn from(sums: dto::Checksum) -> Self {
        Self {
            crc32: sums.checksum_crc32,
            crc32c: sums.checksum_crc32c,
            crc64nvme: sums.checksum_crc64nvme,
            sha1: sums.checksum_sha1,
            sha256: sums.checksum_sha256,
        }
    }
}
