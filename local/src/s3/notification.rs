//! Event notifications in S3's format.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use std::time::SystemTime;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::object::Object;
use crate::sdk::REGION;

/// The event of one change, as S3 sends it to a Lambda function.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The key that changed, not encoded.
    pub key: String,
    /// The event: `{"Records":[…]}` with one record.
    pub event: Value,
}

/// Receives each event. The store calls it in the order of the sequencers, before it answers the request that caused the event. The store is
/// locked meanwhile, so the listener must neither block nor call the store.
pub type Listener = std::sync::Arc<dyn Fn(Notification) + Send + Sync>;

/// The ids of a request. Its answer and its event contain them.
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

/// The event of a change of `object`.
pub(super) fn event(cause: &Cause, bucket: &str, object: &Object, sequencer: u64) -> Value {
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
    json!({ "Records": [record] })
}

/// Encodes a key as notifications do: form-encoded UTF-8, except for slashes.
#[must_use]
pub fn encode_key(key: &str) -> String {
    percent_encoded(key).replace("%20", "+")
}

/// Encodes every byte that `application/x-www-form-urlencoded` encodes, except for slashes. A space becomes `%20`.
pub(super) fn percent_encoded(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*');
    utf8_percent_encode(text, KEPT).to_string()
}

/// Decodes a key from a notification.
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
