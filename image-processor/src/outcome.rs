use base64::{Engine as _, prelude::BASE64_STANDARD as STANDARD};
use serde::Serialize;
use thumbnail::Motion;
use thumbnail_job::Job;

use crate::reconcile::{Done, Facts, Location, Milliseconds, Reconciled, Rejection, Version, Written};

/// What became of one job: the `result` of the function's answer. Its field names are part of the public contract.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// `made`, `current` (nothing to do, only for a backfill), `removed`, `rejected` (no thumbnails can be made of this source) or `refused` (not a job for this function).
    pub outcome: &'static str,
    /// The stable code of why there are no thumbnails.
    pub reason: Option<&'static str>,
    /// The same for a person.
    pub message: Option<String>,
    /// The source's bucket.
    pub bucket: Option<String>,
    /// The source's key.
    pub key: Option<String>,
    /// `keep` where thumbnails move, `first` where they were to and show the first frame instead; none where neither is the case.
    pub animation: Option<&'static str>,
    /// Why it is `first`, or why thumbnails that move end before their source: for a person.
    pub animation_message: Option<String>,
    /// The source, where there is one.
    pub source: Option<SourceInfo>,
    /// The thumbnails that were written.
    pub thumbnails: Vec<ThumbnailInfo>,
    /// Keys of thumbnails that were deleted.
    pub removed: Vec<String>,
    /// How often the source had to be looked at until it held still.
    pub rounds: u32,
    /// Where the time went.
    pub milliseconds: Milliseconds,
}

/// The source of an [`Outcome`].
#[derive(Debug, Serialize)]
pub struct SourceInfo {
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// Its version id, on a versioned bucket.
    pub version_id: Option<String>,
    /// Its size, where it was read.
    pub bytes: Option<u64>,
    /// Width in pixels, upright, where it could be told.
    pub width: Option<u32>,
    /// Height in pixels, upright, where it could be told.
    pub height: Option<u32>,
    /// Its format, where it could be told.
    pub format: Option<&'static str>,
    /// Frames of a GIF or an animated WebP, 1 for all others; where it could be told.
    pub frames: Option<u32>,
    /// Whether the background shows through anywhere, where thumbnails were made.
    pub has_alpha: Option<bool>,
    /// Its mean colour as `#rrggbb`, where thumbnails were made.
    pub colour: Option<String>,
    /// Its `ThumbHash` in Base64, where thumbnails were made and `PLACEHOLDER` asks for it.
    pub placeholder: Option<String>,
}

/// One thumbnail of an [`Outcome`].
#[derive(Debug, Serialize)]
pub struct ThumbnailInfo {
    /// The size asked for, as it is spelt in the key.
    pub size: String,
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Its format.
    pub format: &'static str,
    /// Its size in bytes.
    pub bytes: usize,
}

impl Outcome {
    /// The outcome of a reconciliation.
    #[must_use]
    pub fn of(job: Job, reconciled: Reconciled) -> Self {
        let Reconciled { done, rounds, milliseconds } = reconciled;
        let base = Self { bucket: Some(job.bucket), key: Some(job.key), rounds, milliseconds, ..Self::default() };
        match done {
            Done::Made { version, bytes, facts, thumbnails, removed } => {
                let (animation, animation_message) = match &facts.motion {
                    None => (None, None),
                    Some(Motion::Kept(why)) => (Some("keep"), why.clone()),
                    Some(Motion::First(why)) => (Some("first"), Some(why.clone())),
                };
                Self {
                    outcome: "made",
                    animation,
                    animation_message,
                    source: Some(SourceInfo::made(version, bytes, facts)),
                    thumbnails: thumbnails.into_iter().map(ThumbnailInfo::from).collect(),
                    removed: keys(removed),
                    ..base
                }
            }
            Done::Current { version } => {
                Self { outcome: "current", source: Some(SourceInfo::new(version, None, None)), ..base }
            }
            Done::Removed { removed } => Self { outcome: "removed", removed: keys(removed), ..base },
            Done::Rejected { version, bytes, rejection: Rejection { reason, message, info }, removed } => Self {
                outcome: "rejected",
                reason: Some(reason),
                message: Some(message),
                source: Some(SourceInfo::new(version, Some(bytes), info)),
                removed: keys(removed),
                ..base
            },
        }
    }

    /// The outcome of a payload that asks for nothing that this function does.
    #[must_use]
    pub fn refused(job: Option<Job>, reason: &'static str, message: String) -> Self {
        let (bucket, key) = job.map(|job| (job.bucket, job.key)).unzip();
        Self { outcome: "refused", reason: Some(reason), message: Some(message), bucket, key, ..Self::default() }
    }

    /// Tells the outcome once, in one line of the log, and the process's peak memory in bytes with it.
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

impl SourceInfo {
    fn new(version: Version, bytes: Option<u64>, info: Option<thumbnail::Source>) -> Self {
        Self {
            etag: version.etag,
            version_id: version.version_id,
            bytes,
            width: info.map(|info| info.width),
            height: info.map(|info| info.height),
            format: info.map(|info| info.format.name()),
            frames: info.map(|info| info.frames),
            has_alpha: None,
            colour: None,
            placeholder: None,
        }
    }

    fn made(version: Version, bytes: u64, facts: Facts) -> Self {
        let placeholder = placeholder(&facts);
        let Facts { header, look, .. } = facts;
        let [red, green, blue] = look.colour;
        Self {
            has_alpha: Some(look.has_alpha),
            colour: Some(format!("#{red:02x}{green:02x}{blue:02x}")),
            placeholder,
            ..Self::new(version, Some(bytes), Some(header))
        }
    }
}

/// The placeholder in Base64, as answers and metadata have it.
pub(crate) fn placeholder(facts: &Facts) -> Option<String> {
    facts.look.placeholder.as_deref().map(|hash| STANDARD.encode(hash))
}

impl From<Written> for ThumbnailInfo {
    fn from(written: Written) -> Self {
        let Written { size, at: Location { bucket, key }, width, height, format, bytes } = written;
        Self { size: size.to_string(), bucket, key, width, height, format: format.name(), bytes }
    }
}

fn keys(locations: Vec<Location>) -> Vec<String> {
    locations.into_iter().map(|location| location.key).collect()
}
