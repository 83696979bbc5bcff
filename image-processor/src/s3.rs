//! The [`Store`] that is S3.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        get_object::{GetObjectError, GetObjectOutput},
        head_object::HeadObjectError,
    },
    primitives::ByteStream,
};
use resilience::explain;
use thumbnail::Thumbnail;
use tokio::time::sleep;

use crate::{
    Settings,
    pending::PendingThumbnails,
    store::{Fetched, Head, Location, OutcomeSource, Record, Rejection, Store, Version},
};

/// The metadata of a thumbnail that holds the source's `ETag` (`x-amz-meta-source-etag`).
const SOURCE_ETAG: &str = "source-etag";

/// The metadata of a thumbnail that holds the fingerprint of the settings.
const CONFIGURATION: &str = "configuration";

/// The metadata of a thumbnail that holds the number of formats of its size.
const FORMATS: &str = "formats";

/// The metadata of a thumbnail that hold the source's upright width and height in pixels, and its `ThumbHash` in Base64.
const WIDTH: &str = "source-width";
const HEIGHT: &str = "source-height";
const PLACEHOLDER: &str = "thumbhash";

/// The error code for a body that was cut off or does not match its checksum.
const CUT_BODY: &str = "IncompleteBody";

/// The number of attempts to read a source whose body is cut off. The SDK retries requests, but not bodies.
const BODY_ATTEMPTS: u32 = 3;

/// Reads sources from S3 and writes thumbnails to S3.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    settings: Arc<Settings>,
    deadline: Option<Instant>,
}

/// An operation on S3 failed, and a retry or an operator can resolve the cause.
#[derive(Debug, thiserror::Error)]
#[error("{operation} s3://{bucket}/{key}: {code}: {message}")]
pub struct S3Error {
    operation: &'static str,
    bucket: String,
    key: String,
    code: String,
    message: String,
}

impl S3Error {
    /// The error code of S3, or of the failed transfer.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    fn new(operation: &'static str, location: &Location, code: &str, message: impl Into<String>) -> Self {
        let Location { bucket, key } = location.clone();
        Self { operation, bucket, key, code: code.to_owned(), message: message.into() }
    }

    fn of<E>(operation: &'static str, location: &Location, error: &SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        // The response to a HEAD has no body, so its error has no code but the status.
        let status = error.raw_response().map(|response| response.status().as_u16()).unwrap_or_default();
        let code = match error {
            SdkError::TimeoutError(_) => "Timeout".to_owned(),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => "Timeout".to_owned(),
            SdkError::DispatchFailure(_) => "Connection".to_owned(),
            SdkError::ServiceError(error) => match error.err().code() {
                Some(code) if !["NotFound", "Forbidden"].contains(&code) => code.to_owned(),
                _ if status == 403 => "AccessDenied".to_owned(),
                _ => format!("Http{status}"),
            },
            _ => "Response".to_owned(),
        };
        let mut message = explain(error);
        if code == "AccessDenied" {
            // S3 answers 403 for a missing key unless the role has s3:ListBucket, so 403 never means that an object is gone.
            message += " (does the function's role allow this operation here, and s3:ListBucket on the bucket?)";
        }
        Self::new(operation, location, &code, message)
    }
}

impl S3Store {
    /// Accesses S3 through `client`.
    #[must_use]
    pub fn new(client: Client, settings: Arc<Settings>) -> Self {
        Self { client, settings, deadline: None }
    }

    /// Returns the store for an invocation that must end before `deadline`.
    pub(crate) fn until(&self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self.clone() }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Receives a body of `length` bytes in full, and makes thumbnails while it arrives.
    ///
    /// A decoder may take a cut body for a whole image, so the thumbnails are not used unless the length is right.
    async fn content(
        &self,
        location: &Location,
        length: u64,
        mut body: ByteStream,
    ) -> Result<Result<PendingThumbnails, Rejection>, S3Error> {
        let max_bytes = self.settings.thumbnails.limits.max_bytes;
        if length > max_bytes {
            let detail = format!("{length} bytes, MAX_SOURCE_BYTES is {max_bytes}");
            return Ok(Err(Rejection { reason: "too-large", detail, source_info: None }));
        }
        let cut = |message| S3Error::new("GET", location, CUT_BODY, message);
        let length_in_memory = usize::try_from(length).unwrap_or_default();
        let (feed, pending) = PendingThumbnails::begin(length_in_memory, &self.settings, self.deadline);
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| cut(format!("after {} of {length} bytes: {}", feed.sent(), explain(&error))))?;
            feed.send(&chunk);
        }
        if feed.sent() as u64 != length {
            return Err(cut(format!("received {} of {length} bytes", feed.sent())));
        }
        feed.finish();
        Ok(Ok(pending))
    }

    /// Reads a source in full, in one attempt.
    async fn read(&self, location: &Location) -> Result<Option<Fetched<PendingThumbnails>>, S3Error> {
        let GetObjectOutput { e_tag, version_id, content_length, body, .. } =
            match self.client.get_object().bucket(&location.bucket).key(&location.key).send().await {
                Ok(output) => output,
                Err(error) => match error.as_service_error() {
                    Some(GetObjectError::NoSuchKey(_)) => return Ok(None),
                    Some(GetObjectError::InvalidObjectState(_)) => return self.archived(location).await,
                    _ => return Err(S3Error::of("GET", location, &error)),
                },
            };
        let length = content_length.and_then(|length| u64::try_from(length).ok());
        let length = length.ok_or_else(|| S3Error::new("GET", location, CUT_BODY, "no Content-Length"))?;
        let content = self.content(location, length, body).await?;
        Ok(Some(Fetched { version: version(e_tag, version_id), bytes: length, content }))
    }

    /// Returns a source that lies in an archive tier, and therefore cannot be read until someone restores it.
    async fn archived(&self, location: &Location) -> Result<Option<Fetched<PendingThumbnails>>, S3Error> {
        let detail = "it is archived: restore it, then upload or copy it again".to_owned();
        let head = self.head(location).await?;
        Ok(head.map(|head| Fetched {
            version: head.version,
            bytes: head.bytes,
            content: Err(Rejection { reason: "archived", detail, source_info: None }),
        }))
    }
}

impl Store for S3Store {
    type Error = S3Error;
    type Content = PendingThumbnails;

    async fn get(&self, location: &Location) -> Result<Option<Fetched<PendingThumbnails>>, S3Error> {
        let mut backoff = Duration::from_millis(100);
        for _ in 1..BODY_ATTEMPTS {
            match self.read(location).await {
                Err(error) if error.code == CUT_BODY => {
                    tracing::warn!(bucket = location.bucket, key = location.key, %error, "reading again");
                    sleep(backoff).await;
                    backoff *= 2;
                }
                other => return other,
            }
        }
        self.read(location).await
    }

    async fn head(&self, location: &Location) -> Result<Option<Head>, S3Error> {
        match self.client.head_object().bucket(&location.bucket).key(&location.key).send().await {
            Ok(output) => {
                let bytes = output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
                let mut metadata = output.metadata.unwrap_or_default();
                let record = Record {
                    source_etag: metadata.remove(SOURCE_ETAG),
                    configuration: metadata.remove(CONFIGURATION),
                    formats: metadata.remove(FORMATS).and_then(|formats| formats.parse().ok()),
                };
                Ok(Some(Head { version: version(output.e_tag, output.version_id), bytes, record }))
            }
            Err(error) if error.as_service_error().is_some_and(HeadObjectError::is_not_found) => Ok(None),
            Err(error) => Err(S3Error::of("HEAD", location, &error)),
        }
    }

    async fn put(
        &self,
        location: &Location,
        thumbnail: Thumbnail,
        record: &Record,
        source: &OutcomeSource,
    ) -> Result<Result<(), Rejection>, S3Error> {
        let put = self
            .client
            .put_object()
            .bucket(&location.bucket)
            .key(&location.key)
            .content_type(thumbnail.format.content_type())
            .cache_control(&self.settings.cache_control)
            .set_metadata(Some(metadata(record, source)))
            .body(ByteStream::from(thumbnail.bytes));
        let Err(error) = put.send().await else { return Ok(Ok(())) };
        let reason = match error.code() {
            Some("KeyTooLongError") => "key-too-long",
            Some("EntityTooLarge") => "thumbnail-too-large",
            _ => return Err(S3Error::of("PUT", location, &error)),
        };
        let detail = format!("PUT s3://{}/{}: {}", location.bucket, location.key, explain(&error));
        Ok(Err(Rejection { reason, detail, source_info: None }))
    }

    async fn delete(&self, location: &Location) -> Result<(), S3Error> {
        let delete = self.client.delete_object().bucket(&location.bucket).key(&location.key);
        delete.send().await.map(drop).map_err(|error| S3Error::of("DELETE", location, &error))
    }
}

fn metadata(record: &Record, source: &OutcomeSource) -> HashMap<String, String> {
    let Record { source_etag, configuration, formats } = record.clone();
    let formats = formats.map(|formats| formats.to_string());
    let fields = [
        (SOURCE_ETAG, source_etag),
        (CONFIGURATION, configuration),
        (FORMATS, formats),
        (WIDTH, source.width.map(|width| width.to_string())),
        (HEIGHT, source.height.map(|height| height.to_string())),
        (PLACEHOLDER, source.placeholder.clone()),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Builds a version from the headers of a response, where the `ETag` has quotes.
fn version(etag: Option<String>, version_id: Option<String>) -> Version {
    Version { etag: etag.unwrap_or_default().trim_matches('"').to_owned(), version_id }
}
