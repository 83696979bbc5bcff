//! S3 as a [`Store`].

use std::{collections::HashMap, sync::Arc, time::Duration};

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
    making::Making,
    outcome::placeholder,
    reconcile::{Facts, Head, Location, Record, Rejection, Source, Store, Version},
};

/// Name of the metadata on a thumbnail that holds the `ETag` of the source it shows (`x-amz-meta-source-etag`).
const SOURCE_ETAG: &str = "source-etag";

/// Name of the metadata on a thumbnail that holds the fingerprint of the settings that it was made with.
const CONFIGURATION: &str = "configuration";

/// Name of the metadata on a thumbnail that holds in how many formats there is one of that size.
const FORMATS: &str = "formats";

/// Names of the metadata on a thumbnail that hold its source's width and height in pixels, upright, and its `ThumbHash` in Base64.
const WIDTH: &str = "source-width";
const HEIGHT: &str = "source-height";
const PLACEHOLDER: &str = "thumbhash";

/// Code of an error whose request was answered, but whose body did not arrive whole or as its checksum says.
const CUT_BODY: &str = "IncompleteBody";

/// How often a source is read before its body not arriving whole is an error. The SDK itself does not read bodies again.
const BODY_ATTEMPTS: u32 = 3;

/// Sources and thumbnails in S3.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    settings: Arc<Settings>,
}

/// An operation on S3 that failed in a way that a retry or an operator can mend.
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
    /// S3's error code, or what kept its answer from arriving whole.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    fn new(operation: &'static str, at: &Location, code: &str, message: impl Into<String>) -> Self {
        let Location { bucket, key } = at.clone();
        Self { operation, bucket, key, code: code.to_owned(), message: message.into() }
    }

    fn of<E>(operation: &'static str, at: &Location, error: &SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        // An answer to HEAD has no body, and so its error no code but the status.
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
            // Without s3:ListBucket S3 answers a missing key with 403, so access denied may never be read as "gone".
            message += " (does the function's role allow this operation here, and s3:ListBucket on the bucket?)";
        }
        Self::new(operation, at, &code, message)
    }
}

impl S3Store {
    /// S3 through `client`.
    #[must_use]
    pub fn new(client: Client, settings: Arc<Settings>) -> Self {
        Self { client, settings }
    }

    /// What thumbnails are made with, and where they belong.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The body in full, of which thumbnails are made while it comes. A cut body can look like a whole image to a decoder, so
    /// its length is checked before anything else is done with them.
    async fn content(
        &self,
        at: &Location,
        length: u64,
        mut body: ByteStream,
    ) -> Result<Result<Making, Rejection>, S3Error> {
        let max_bytes = self.settings.thumbnails.limits.max_bytes;
        if length > max_bytes {
            let message = format!("{length} bytes, MAX_SOURCE_BYTES is {max_bytes}");
            return Ok(Err(Rejection { reason: "too-large", message, info: None }));
        }
        let cut = |message| S3Error::new("GET", at, CUT_BODY, message);
        let (feed, making) = Making::begin(usize::try_from(length).unwrap_or_default(), &self.settings);
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| cut(format!("after {} of {length} bytes: {}", feed.sent(), explain(&error))))?;
            feed.send(&chunk);
        }
        if feed.sent() as u64 != length {
            return Err(cut(format!("received {} of {length} bytes", feed.sent())));
        }
        feed.finish();
        Ok(Ok(making))
    }

    /// One attempt to read an object in full.
    async fn read(&self, at: &Location) -> Result<Option<Source<Making>>, S3Error> {
        let GetObjectOutput { e_tag, version_id, content_length, body, .. } =
            match self.client.get_object().bucket(&at.bucket).key(&at.key).send().await {
                Ok(output) => output,
                Err(error) => match error.as_service_error() {
                    Some(GetObjectError::NoSuchKey(_)) => return Ok(None),
                    Some(GetObjectError::InvalidObjectState(_)) => return self.archived(at).await,
                    _ => return Err(S3Error::of("GET", at, &error)),
                },
            };
        let length = content_length.and_then(|length| u64::try_from(length).ok());
        let length = length.ok_or_else(|| S3Error::new("GET", at, CUT_BODY, "no Content-Length"))?;
        let content = self.content(at, length, body).await?;
        Ok(Some(Source { version: version(e_tag, version_id), bytes: length, content }))
    }
}

impl Store for S3Store {
    type Error = S3Error;
    type Content = Making;

    async fn get(&self, at: &Location) -> Result<Option<Source<Making>>, S3Error> {
        let mut backoff = Duration::from_millis(100);
        for _ in 1..BODY_ATTEMPTS {
            match self.read(at).await {
                Err(error) if error.code == CUT_BODY => {
                    tracing::warn!(bucket = at.bucket, key = at.key, %error, "reading again");
                    sleep(backoff).await;
                    backoff *= 2;
                }
                other => return other,
            }
        }
        self.read(at).await
    }

    async fn head(&self, at: &Location) -> Result<Option<Head>, S3Error> {
        match self.client.head_object().bucket(&at.bucket).key(&at.key).send().await {
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
            Err(error) => Err(S3Error::of("HEAD", at, &error)),
        }
    }

    async fn put(
        &self,
        at: &Location,
        thumbnail: Thumbnail,
        record: &Record,
        facts: &Facts,
    ) -> Result<Result<(), Rejection>, S3Error> {
        let put = self
            .client
            .put_object()
            .bucket(&at.bucket)
            .key(&at.key)
            .content_type(thumbnail.format.content_type())
            .cache_control(&self.settings.cache_control)
            .set_metadata(Some(metadata(record, facts)))
            .body(ByteStream::from(thumbnail.bytes));
        let Err(error) = put.send().await else { return Ok(Ok(())) };
        let reason = match error.code() {
            Some("KeyTooLongError") => "key-too-long",
            Some("EntityTooLarge") => "thumbnail-too-large",
            _ => return Err(S3Error::of("PUT", at, &error)),
        };
        let message = format!("PUT s3://{}/{}: {}", at.bucket, at.key, explain(&error));
        Ok(Err(Rejection { reason, message, info: None }))
    }

    async fn delete(&self, at: &Location) -> Result<(), S3Error> {
        let delete = self.client.delete_object().bucket(&at.bucket).key(&at.key);
        delete.send().await.map(drop).map_err(|error| S3Error::of("DELETE", at, &error))
    }
}

impl S3Store {
    /// A source in an archive tier: it is there, but cannot be read before someone restores it.
    async fn archived(&self, at: &Location) -> Result<Option<Source<Making>>, S3Error> {
        let message = "it is archived: restore it, then upload or copy it again".to_owned();
        let head = self.head(at).await?;
        Ok(head.map(|head| Source {
            version: head.version,
            bytes: head.bytes,
            content: Err(Rejection { reason: "archived", message, info: None }),
        }))
    }
}

fn metadata(record: &Record, facts: &Facts) -> HashMap<String, String> {
    let Record { source_etag, configuration, formats } = record.clone();
    let formats = formats.map(|formats| formats.to_string());
    let fields = [
        (SOURCE_ETAG, source_etag),
        (CONFIGURATION, configuration),
        (FORMATS, formats),
        (WIDTH, Some(facts.header.width.to_string())),
        (HEIGHT, Some(facts.header.height.to_string())),
        (PLACEHOLDER, placeholder(facts)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// `ETag`s come in quotes.
fn version(etag: Option<String>, version_id: Option<String>) -> Version {
    Version { etag: etag.unwrap_or_default().trim_matches('"').to_owned(), version_id }
}
