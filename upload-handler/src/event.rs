//! The raw event → the jobs it asks for.
//!
//! The event is taken as raw JSON and looked at before it is deserialized: one that the runtime itself cannot deserialize
//! would be retried twice and lost, and `s3:TestEvent`, which S3 sends when notifications are configured, has no `Records`.
//!
//! Understood are S3 notifications (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>)
//! and S3's `EventBridge` events (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>).

use aws_lambda_events::{event::s3::S3EventRecord, eventbridge::EventBridgeEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thumbnail_job::{Job, Prefixes, decode_key};

/// A record, or a whole event, that asks for no work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The bucket, where it could be read.
    pub bucket: Option<String>,
    /// The object's key where it could be read; as it came where it could not be decoded.
    pub key: Option<String>,
    /// The stable reason code.
    pub reason: &'static str,
    /// What exactly was found, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Reads every record of an event: a job, or why it is none. Records that name one object are not joined yet.
#[must_use]
pub fn read(event: Value, prefixes: &Prefixes) -> Vec<Result<Job, Skipped>> {
    match event {
        Value::Object(mut fields) if fields.get("Records").is_some_and(Value::is_array) => {
            let Some(Value::Array(records)) = fields.remove("Records") else { return Vec::new() };
            records.into_iter().map(|record| notification(record, prefixes)).collect()
        }
        Value::Object(fields) if fields.get("Event").is_some_and(|event| event == "s3:TestEvent") => {
            let bucket = fields.get("Bucket").and_then(Value::as_str).map(str::to_owned);
            vec![Err(Skipped { bucket, ..skipped("test-event") })]
        }
        Value::Object(fields) if fields.contains_key("detail-type") => vec![event_bridge(fields.into(), prefixes)],
        _ => vec![Err(skipped("unknown-event"))],
    }
}

/// One record of an S3 notification. Its key is form-encoded: `+` is a space.
fn notification(record: Value, prefixes: &Prefixes) -> Result<Job, Skipped> {
    let record: S3EventRecord = serde_json::from_value(record).map_err(|error| malformed(&error))?;
    let (Some(version), Some(event_name), Some(bucket), Some(encoded)) =
        (record.event_version, record.event_name, record.s3.bucket.name, record.s3.object.key)
    else {
        return Err(malformed(&"eventVersion, eventName, s3.bucket.name and s3.object.key are needed"));
    };
    let object = |key: &str| Skipped { bucket: Some(bucket.clone()), key: Some(key.to_owned()), ..skipped("") };

    // Minor versions add fields, major versions change what the known ones mean (AWS: "receivers should check the major").
    if !version.starts_with("2.") {
        return Err(Skipped { reason: "unsupported-version", detail: Some(version), ..object(&encoded) });
    }
    let (family, kind) = event_name.split_once(':').unwrap_or((&event_name, ""));
    match family {
        // With a version id it is a noncurrent version that expired; the object itself is as it was.
        "LifecycleExpiration" if kind == "Delete" && record.s3.object.version_id.is_some() => {
            return Err(Skipped { reason: "old-version-expired", ..object(&encoded) });
        }
        "ObjectCreated" | "ObjectRemoved" | "LifecycleExpiration" => {}
        _ => return Err(Skipped { reason: "other-event-kind", detail: Some(event_name), ..object(&encoded) }),
    }
    let key = decode_key(&encoded).ok_or_else(|| Skipped { reason: "undecodable-key", ..object(&encoded) })?;
    prefixes.check(&key).map_err(|refusal| Skipped { reason: refusal.code(), ..object(&key) })?;
    Ok(Job { bucket, key })
}

/// What is read of the `detail` of an S3 event from `EventBridge`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Detail {
    bucket: DetailBucket,
    object: DetailObject,
    reason: Option<String>,
    deletion_type: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct DetailBucket {
    name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct DetailObject {
    key: String,
    version_id: Option<String>,
}

/// An S3 event from `EventBridge`. Its key is not encoded.
fn event_bridge(event: Value, prefixes: &Prefixes) -> Result<Job, Skipped> {
    let is_s3 = event.get("source").is_some_and(|source| source == "aws.s3");
    let kind = event.get("detail-type").and_then(Value::as_str).unwrap_or_default();
    if !(is_s3 && matches!(kind, "Object Created" | "Object Deleted")) {
        return Err(Skipped { detail: Some(kind.to_owned()), ..skipped("other-event-kind") });
    }
    let Detail { bucket, object, reason, deletion_type } =
        serde_json::from_value::<EventBridgeEvent<Detail>>(event).map_err(|error| malformed(&error))?.detail;
    let about = || Skipped { bucket: Some(bucket.name.clone()), key: Some(object.key.clone()), ..skipped("") };

    if reason.as_deref() == Some("Lifecycle Expiration")
        && deletion_type.as_deref() == Some("Permanently Deleted")
        && object.version_id.is_some()
    {
        return Err(Skipped { reason: "old-version-expired", ..about() });
    }
    prefixes.check(&object.key).map_err(|refusal| Skipped { reason: refusal.code(), ..about() })?;
    Ok(Job { bucket: bucket.name, key: object.key })
}

fn skipped(reason: &'static str) -> Skipped {
    Skipped { bucket: None, key: None, reason, detail: None }
}

fn malformed(detail: &impl ToString) -> Skipped {
    Skipped { detail: Some(detail.to_string()), ..skipped("malformed-record") }
}
