//! Event notifications in S3's own form.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use std::time::SystemTime;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::object::Object;
use crate::sdk::REGION;

/// One event, of one record, as a Lambda function receives it from S3.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The bucket that changed.
    pub bucket: String,
    /// The key that changed, as it is (not encoded).
    pub key: String,
    /// The whole event: `{"Records":[…]}`.
    pub event: Value,
}

/// Receives each event. It is called under the store's lock, in the order of the sequencers, before the request that
/// caused it is answered: it must not block and not call back.
pub type Listener = std::sync::Arc<dyn Fn(Notification) + Send + Sync>;

/// The ids of a request, which its answer and its event carry.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestIds {
    /// `x-amz-request-id`
    pub(super) request: String,
    /// `x-amz-id-2`
    pub(super) host: String,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        Self { request: format!("{:016X}", fastrand::u64(..)), host: format!("{:032x}", fastrand::u128(..)) }
    }
}

/// The request that changes an object.
#[derive(Debug)]
pub(super) struct Cause {
    /// The event's name, such as `ObjectCreated:Put`.
    pub(super) event: &'static str,
    pub(super) access_key: Option<String>,
    pub(super) ids: RequestIds,
}

/// Sends changes of keys with the prefix to the listener.
pub(super) struct Notifier {
    pub(super) prefix: String,
    pub(super) listener: Listener,
}

impl Notifier {
    pub(super) fn notify(&self, cause: &Cause, bucket: &str, object: &Object, sequencer: u64) {
        if !object.key.starts_with(&self.prefix) {
            return;
        }
        let mut described = json!({ "key": encode_key(&object.key), "sequencer": format!("{sequencer:018X}") });
        if cause.event.starts_with("ObjectCreated") {
            described["size"] = object.size.into();
            described["eTag"] = object.etag.as_str().into();
        }
        let principal = cause.access_key.as_deref().map_or_else(|| "Anonymous".to_owned(), |key| format!("AWS:{key}"));
        let record = json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": REGION,
            "eventTime": timestamp(SystemTime::now()),
            "eventName": cause.event,
            "userIdentity": { "principalId": principal },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": { "x-amz-request-id": cause.ids.request, "x-amz-id-2": cause.ids.host },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "local",
                "bucket": {
                    "name": bucket,
                    "ownerIdentity": { "principalId": "LOCAL" },
                    "arn": format!("arn:aws:s3:::{bucket}"),
                },
                "object": described,
            },
        });
        let event = json!({ "Records": [record] });
        (self.listener)(Notification { bucket: bucket.to_owned(), key: object.key.clone(), event });
    }
}

/// A key as notifications carry it: form-encoded UTF-8, with the slashes kept.
#[must_use]
pub fn encode_key(key: &str) -> String {
    // The set of `application/x-www-form-urlencoded`, plus the slash.
    const KEPT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');
    utf8_percent_encode(key, KEPT).to_string().replace(' ', "+")
}

/// The key that a notification carries in that form.
#[must_use]
pub fn decode_key(encoded: &str) -> String {
    percent_decode_str(&encoded.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// `2026-01-31T12:00:00.000Z`
pub(crate) fn timestamp(time: SystemTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from(time).format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_s3_does() {
        for (key, encoded) in [
            ("uploads/cat.jpg", "uploads/cat.jpg"),
            ("a b+c%d", "a+b%2Bc%25d"),
            ("é/日本", "%C3%A9/%E6%97%A5%E6%9C%AC"),
            ("k=v&x~y*(1)!'", "k%3Dv%26x%7Ey*%281%29%21%27"),
        ] {
            assert_eq!(encode_key(key), encoded);
            assert_eq!(decode_key(encoded), key);
        }
    }
}
