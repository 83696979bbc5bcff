//! Reads jobs from events.
//!
//! Two kinds of events are supported: S3 notifications
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>) and S3's `EventBridge` events
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>). Both may arrive directly, or as the text of a message
//! of SNS (<https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>), of SQS
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>), or of SNS within SQS.
//!
//! The event arrives as raw JSON, because Lambda would retry and then lose an event that the runtime cannot deserialize, and
//! because `s3:TestEvent`, which S3 sends when notifications are configured, has no `Records`.

use aws_lambda_events::{event::s3::S3EventRecord, eventbridge::EventBridgeEvent};
use common::{Job, Prefixes, decode_key};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The maximum number of messages around an event: an event within SNS within SQS has two.
const MAX_WRAPPINGS: usize = 2;

/// The maximum length of an SQS message in bytes; that of SNS is a quarter.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// The unit that is retried as a whole: one message of an SQS batch, or any other event.
#[derive(Debug)]
pub struct Message {
    /// The id of an SQS message; `None` for other events.
    pub id: Option<String>,
    /// The job of each record, or why the record was skipped. Several records may have the same job.
    pub records: Vec<Result<Job, Skipped>>,
}

/// A record or an event that needs no work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The bucket, if it could be read.
    pub bucket: Option<String>,
    /// The object's key, if it could be read; still encoded if it could not be decoded.
    pub key: Option<String>,
    /// The stable reason code.
    pub reason: &'static str,
    /// What was found, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Reads the messages of an SQS batch; any other event is read as one message.
#[must_use]
pub fn read(mut event: Value, prefixes: &Prefixes) -> Vec<Message> {
    match event.get_mut("Records").and_then(Value::as_array_mut) {
        Some(batch) if batch.iter().any(|record| source(record) == Some("aws:sqs")) => batch
            .drain(..)
            .map(|message| {
                // If a message without an id fails, its empty id makes Lambda retry the whole batch, which is safe.
                let id = message.get("messageId").and_then(Value::as_str).unwrap_or_default().to_owned();
                Message { id: Some(id), records: record(message, MAX_WRAPPINGS, prefixes) }
            })
            .collect(),
        _ => vec![Message { id: None, records: records(event, MAX_WRAPPINGS, prefixes) }],
    }
}

/// Reads the records of an event, in which messages may be nested up to `wrappings` deep.
fn records(event: Value, wrappings: usize, prefixes: &Prefixes) -> Vec<Result<Job, Skipped>> {
    let is = |fields: &Map<_, _>, field, value| fields.get(field).is_some_and(|found| found == value);
    match event {
        Value::Object(mut fields) if fields.get("Records").is_some_and(Value::is_array) => {
            let Some(Value::Array(records)) = fields.remove("Records") else { return Vec::new() };
            records.into_iter().flat_map(|one| record(one, wrappings, prefixes)).collect()
        }
        Value::Object(fields) if is(&fields, "Event", "s3:TestEvent") => {
            let bucket = fields.get("Bucket").and_then(Value::as_str).map(str::to_owned);
            vec![Err(Skipped { bucket, ..skipped("test-event") })]
        }
        Value::Object(fields) if fields.contains_key("detail-type") => vec![event_bridge(fields.into(), prefixes)],
        // SNS puts this into a queue, unless raw delivery is on.
        Value::Object(fields) if is(&fields, "Type", "Notification") => {
            message(fields.get("Message"), wrappings, prefixes)
        }
        _ => vec![Err(skipped("unknown-event"))],
    }
}

/// Reads one entry of an event's `Records`, which contains several records if it is a message.
fn record(record: Value, wrappings: usize, prefixes: &Prefixes) -> Vec<Result<Job, Skipped>> {
    match source(&record) {
        Some("aws:sqs") => message(record.get("body"), wrappings, prefixes),
        Some("aws:sns") => message(record.pointer("/Sns/Message"), wrappings, prefixes),
        _ => vec![notification(record, prefixes)],
    }
}

/// Returns the service that a record comes from. SNS capitalizes all of its field names.
fn source(record: &Value) -> Option<&str> {
    record.get("eventSource").or_else(|| record.get("EventSource"))?.as_str()
}

/// Reads the records of the event that is the text of a message.
fn message(text: Option<&Value>, wrappings: usize, prefixes: &Prefixes) -> Vec<Result<Job, Skipped>> {
    let skipped = match text.and_then(Value::as_str) {
        None => malformed(&"a message without a text"),
        Some(_) if wrappings == 0 => skipped("nested-too-deep"),
        Some(text) if text.len() > MAX_MESSAGE_BYTES => skipped("message-too-large"),
        Some(text) => match serde_json::from_str(text) {
            Ok(event) => return records(event, wrappings - 1, prefixes),
            Err(error) => malformed(&format!("a message that is no JSON: {error}")),
        },
    };
    vec![Err(skipped)]
}

/// Reads one record of an S3 notification. Its key is form-encoded: `+` stands for a space.
fn notification(record: Value, prefixes: &Prefixes) -> Result<Job, Skipped> {
    let record: S3EventRecord = serde_json::from_value(record).map_err(|error| malformed(&error))?;
    let (Some(version), Some(event_name), Some(bucket), Some(encoded)) =
        (record.event_version, record.event_name, record.s3.bucket.name, record.s3.object.key)
    else {
        return Err(malformed(&"eventVersion, eventName, s3.bucket.name and s3.object.key are needed"));
    };
    let object = |key: &str| Skipped { bucket: Some(bucket.clone()), key: Some(key.to_owned()), ..skipped("") };

    // A new minor version adds fields; a new major version changes their meaning (AWS: "receivers should check the major").
    if !version.starts_with("2.") {
        return Err(Skipped { reason: "unsupported-version", detail: Some(version), ..object(&encoded) });
    }
    let (family, kind) = event_name.split_once(':').unwrap_or((&event_name, ""));
    match family {
        // With a version id, a noncurrent version has expired and the object itself has not changed.
        "LifecycleExpiration" if kind == "Delete" && record.s3.object.version_id.is_some() => {
            return Err(Skipped { reason: "old-version-expired", ..object(&encoded) });
        }
        "ObjectCreated" | "ObjectRemoved" | "LifecycleExpiration" => {}
        _ => return Err(Skipped { reason: "other-event-kind", detail: Some(event_name), ..object(&encoded) }),
    }
    let key = decode_key(&encoded).ok_or_else(|| Skipped { reason: "undecodable-key", ..object(&encoded) })?;
    prefixes.check(&key).map_err(|reason| Skipped { reason: reason.code(), ..object(&key) })?;
    Ok(Job { bucket, key })
}

/// The part of an S3 event from `EventBridge` that is read.
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

/// Reads an S3 event from `EventBridge`. Its key is not encoded.
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
    prefixes.check(&object.key).map_err(|reason| Skipped { reason: reason.code(), ..about() })?;
    Ok(Job { bucket: bucket.name, key: object.key })
}

fn skipped(reason: &'static str) -> Skipped {
    Skipped { bucket: None, key: None, reason, detail: None }
}

fn malformed(detail: &impl ToString) -> Skipped {
    Skipped { detail: Some(detail.to_string()), ..skipped("malformed-record") }
}
