//! The operations on single objects that [`reconcile`](crate::reconcile()) needs, and what they read and write.

use std::future::Future;

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use serde::Serialize;
use thumbnail::{Look, SourceInfo, Thumbnail};

/// The bucket and the key of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Location {
    /// The bucket's name.
    pub bucket: String,
    /// The key, not URL-encoded.
    pub key: String,
}

/// Identifies one content of an object: overwriting the object changes its version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// The `ETag`, without quotes.
    pub etag: String,
    /// The version id, if the bucket is versioned.
    pub version_id: Option<String>,
}

/// A source as one GET returned it.
#[derive(Debug)]
pub struct Fetched<Content> {
    /// The version that was read.
    pub version: Version,
    /// The size in bytes.
    pub bytes: u64,
    /// The content, received in full; or why the content was not read.
    pub content: Result<Content, Rejection>,
}

/// The source in an [`Outcome`](crate::Outcome).
#[derive(Debug, Default, Serialize)]
pub struct OutcomeSource {
    /// The `ETag`, without quotes.
    pub etag: String,
    /// The version id, if the bucket is versioned.
    pub version_id: Option<String>,
    /// The size in bytes, if the source was read.
    pub bytes: Option<u64>,
    /// The upright width in pixels, if the header was read.
    pub width: Option<u32>,
    /// The upright height in pixels, if the header was read.
    pub height: Option<u32>,
    /// The format, if the header was read.
    pub format: Option<&'static str>,
    /// The number of frames of a GIF or an animated WebP, 1 for all other formats; if the header was read.
    pub frames: Option<u32>,
    /// Whether any pixel is transparent, if thumbnails were made.
    pub has_alpha: Option<bool>,
    /// The mean colour as `#rrggbb`, if thumbnails were made.
    pub colour: Option<String>,
    /// The `ThumbHash` in Base64, if thumbnails were made and `PLACEHOLDER` asks for it.
    pub placeholder: Option<String>,
}

impl OutcomeSource {
    pub(crate) fn new(version: &Version, bytes: Option<u64>, info: Option<SourceInfo>) -> Self {
        Self {
            etag: version.etag.clone(),
            version_id: version.version_id.clone(),
            bytes,
            width: info.map(|info| info.width),
            height: info.map(|info| info.height),
            format: info.map(|info| info.format.name()),
            frames: info.map(|info| info.frames),
            ..Self::default()
        }
    }

    pub(crate) fn made(version: &Version, bytes: u64, info: SourceInfo, look: Look) -> Self {
        let [red, green, blue] = look.colour;
        Self {
            has_alpha: Some(look.has_alpha),
            colour: Some(format!("#{red:02x}{green:02x}{blue:02x}")),
            placeholder: look.placeholder.map(|hash| BASE64.encode(hash)),
            ..Self::new(version, Some(bytes), Some(info))
        }
    }
}

/// What a HEAD returns for an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The current version.
    pub version: Version,
    /// The size in bytes.
    pub bytes: u64,
    /// The record of a thumbnail; empty for a source.
    pub record: Record,
}

/// The metadata by which a thumbnail says how it was made. A field is `None` when another program wrote the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The `ETag` of the source that the thumbnail shows.
    pub source_etag: Option<String>,
    /// The fingerprint of the settings that the thumbnail was made with.
    pub configuration: Option<String>,
    /// The number of formats that this size was made in, including this thumbnail's.
    pub formats: Option<usize>,
}

/// Why no retry can make thumbnails of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The stable reason code.
    pub reason: &'static str,
    /// What is wrong, for a person.
    pub detail: String,
    /// What the source's header says, if the header was read.
    pub source_info: Option<SourceInfo>,
}

/// Reads and writes single objects. Each operation is atomic for its key and sees all earlier writes.
///
/// Every error is one that a retry or an operator can resolve.
pub trait Store {
    /// Why an operation failed.
    type Error: Send;
    /// The content of a source, or a handle to the work on it that has already begun.
    type Content: Send;

    /// Reads a source in full; returns `None` if there is no such object.
    fn get(
        &self,
        location: &Location,
    ) -> impl Future<Output = Result<Option<Fetched<Self::Content>>, Self::Error>> + Send;
    /// Reads the head of an object; returns `None` if there is no such object.
    fn head(&self, location: &Location) -> impl Future<Output = Result<Option<Head>, Self::Error>> + Send;
    /// Writes a thumbnail, with its record and the facts about its source. Returns a [`Rejection`] if the store can never
    /// accept the thumbnail.
    fn put(
        &self,
        location: &Location,
        thumbnail: Thumbnail,
        record: &Record,
        source: &OutcomeSource,
    ) -> impl Future<Output = Result<Result<(), Rejection>, Self::Error>> + Send;
    /// Deletes an object, whether it exists or not.
    fn delete(&self, location: &Location) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

impl From<thumbnail::Rejection> for Rejection {
    fn from(rejection: thumbnail::Rejection) -> Self {
        Self { reason: rejection.reason.code(), detail: rejection.detail, source_info: rejection.source_info }
    }
}
