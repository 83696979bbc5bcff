//! The outcome of a job: the `result` of the function's answer.

use common::Job;
use serde::Serialize;
use thumbnail::{Motion, Thumbnail};

use crate::{
    store::{Location, OutcomeSource, Rejection, Version},
    target::Target,
};

/// The outcome of a job. The names of its fields are part of the public contract.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// `made`, `current` (a backfill found nothing to do), `removed`, `rejected` (no thumbnails can be made of the source) or
    /// `refused` (the job is not for this function).
    pub outcome: &'static str,
    /// The stable reason code when there are no thumbnails.
    pub reason: Option<&'static str>,
    /// The reason in words.
    pub message: Option<String>,
    /// The source's bucket.
    pub bucket: Option<String>,
    /// The source's key.
    pub key: Option<String>,
    /// `keep` if thumbnails are animated, `first` if they should be and show the first frame instead, otherwise `None`.
    pub animation: Option<&'static str>,
    /// Why `animation` is `first`, or why an animated thumbnail ends before its source.
    pub animation_message: Option<String>,
    /// The source, if it exists.
    pub source: Option<OutcomeSource>,
    /// The thumbnails that were written.
    pub thumbnails: Vec<OutcomeThumbnail>,
    /// The keys of the thumbnails that were deleted.
    pub removed: Vec<String>,
    /// The number of rounds until the source held still; 0 if no round was needed.
    pub rounds: u32,
    /// Where the time went.
    pub milliseconds: Milliseconds,
}

/// A thumbnail in an [`Outcome`].
#[derive(Debug, Serialize)]
pub struct OutcomeThumbnail {
    /// The size, spelt as in keys.
    pub size: String,
    /// The bucket and the key.
    #[serde(flatten)]
    pub location: Location,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The format.
    pub format: &'static str,
    /// The size of the file in bytes.
    pub bytes: usize,
}

/// Where the time went over all rounds, in milliseconds. Part of `make` can lie within `download`, because work on a source
/// begins before it has arrived in full.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Milliseconds {
    /// Reading the source.
    pub download: f64,
    /// Decoding the source; a part of `make`.
    pub decode: f64,
    /// Making the thumbnails.
    pub make: f64,
    /// Writing the thumbnails.
    pub upload: f64,
    /// Everything.
    pub total: f64,
}

impl Outcome {
    /// An outcome that says nothing yet but the source's bucket and key.
    pub(crate) fn of(target: &Target) -> Self {
        let Location { bucket, key } = target.source.clone();
        Self { bucket: Some(bucket), key: Some(key), ..Self::default() }
    }

    /// The outcome when thumbnails were made and written.
    pub(crate) fn made(
        target: &Target,
        source: OutcomeSource,
        motion: Option<Motion>,
        thumbnails: Vec<OutcomeThumbnail>,
    ) -> Self {
        let (animation, animation_message) = match motion {
            None => (None, None),
            Some(Motion::Kept(message)) => (Some("keep"), message),
            Some(Motion::First(message)) => (Some("first"), Some(message)),
        };
        let source = Some(source);
        Self { outcome: "made", animation, animation_message, source, thumbnails, ..Self::of(target) }
    }

    /// The outcome when no thumbnails can be made of the source.
    pub(crate) fn rejected(
        target: &Target,
        version: &Version,
        bytes: u64,
        rejection: Rejection,
        removed: Vec<String>,
    ) -> Self {
        let Rejection { reason, detail, source_info } = rejection;
        Self {
            outcome: "rejected",
            reason: Some(reason),
            message: Some(detail),
            source: Some(OutcomeSource::new(version, Some(bytes), source_info)),
            removed,
            ..Self::of(target)
        }
    }

    /// The outcome of a payload that is not a job for this function.
    #[must_use]
    pub fn refused(job: Option<Job>, reason: &'static str, message: String) -> Self {
        let (bucket, key) = job.map(|job| (job.bucket, job.key)).unzip();
        Self { outcome: "refused", reason: Some(reason), message: Some(message), bucket, key, ..Self::default() }
    }

    /// Writes the outcome to the log in one line, with the process's peak memory in bytes.
    pub fn log(&self, peak_memory: Option<u64>) {
        let (bucket, key) = (self.bucket.as_deref(), self.key.as_deref());
        let source = self.source.as_ref();
        let (etag, bytes) = (source.map(|source| source.etag.as_str()), source.and_then(|source| source.bytes));
        let (width, height) = source.map_or((None, None), |source| (source.width, source.height));
        let Milliseconds { download, decode, make, upload, total } = self.milliseconds;
        if let Some(reason) = self.reason {
            let message = self.message.as_deref();
            tracing::warn!(
                outcome = self.outcome,
                reason,
                detail = message,
                bucket,
                key,
                etag,
                bytes,
                width,
                height,
                removed = self.removed.len(),
                total_ms = total,
                peak_memory
            );
        } else {
            tracing::info!(
                outcome = self.outcome,
                bucket,
                key,
                etag,
                bytes,
                width,
                height,
                thumbnails = self.thumbnails.len(),
                removed = self.removed.len(),
                rounds = self.rounds,
                download_ms = download,
                decode_ms = decode,
                make_ms = make,
                upload_ms = upload,
                total_ms = total,
                peak_memory,
            );
        }
    }
}

impl OutcomeThumbnail {
    pub(crate) fn new(thumbnail: &Thumbnail, location: Location) -> Self {
        let Thumbnail { size, width, height, format, .. } = *thumbnail;
        let bytes = thumbnail.bytes.len();
        Self { size: size.to_string(), location, width, height, format: format.name(), bytes }
    }
}
