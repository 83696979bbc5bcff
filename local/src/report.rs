//! What the functions' answers say of a key. Read tolerantly: unknown fields are ignored, missing ones empty.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lambda::{Invocation, Outcome};
use crate::stack::{IMAGE_PROCESSOR, UPLOAD_HANDLER};

/// `image-processor`'s `result`, or what stands for one where that function made none.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Processed {
    /// The function's word (`made`, `removed`, `rejected`, `refused`), or ours: `skipped` by `upload-handler`, `failed`.
    pub outcome: String,
    /// The stable code of why there are no thumbnails.
    pub reason: Option<String>,
    /// The same for a person.
    pub message: Option<String>,
    /// The source's key.
    pub key: String,
    /// The source, where it was looked at.
    pub source: Option<Source>,
    /// The thumbnails that were written.
    pub thumbnails: Vec<Thumbnail>,
    /// Keys of thumbnails that were deleted.
    pub removed: Vec<Value>,
    /// Where the time went, by stage; `total` is all of it.
    pub milliseconds: BTreeMap<String, f64>,
}

/// The source of a [`Processed`].
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// Its size.
    pub bytes: u64,
    /// Width in pixels, upright; 0 where it could not be told.
    pub width: u32,
    /// Height in pixels, upright; 0 where it could not be told.
    pub height: u32,
    /// Its format; empty where it could not be told.
    pub format: String,
    /// Its frames; 0 where it could not be told.
    pub frames: u32,
}

/// One thumbnail of a [`Processed`].
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thumbnail {
    /// The size asked for, as it is spelt in the key.
    pub size: Value,
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Its format.
    pub format: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// `upload-handler`'s `result`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Handled {
    skipped: Vec<Skipped>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Skipped {
    key: String,
    reason: String,
}

/// What became of one key.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// The thumbnails are made.
    Made(Processed),
    /// The source is gone, and its thumbnails are removed.
    Removed(Processed),
    /// There will be none, for the reason that [`Processed::explained`] tells.
    None(Processed),
}

impl Report {
    /// The report, whatever became of the key.
    #[must_use]
    pub fn into_processed(self) -> Processed {
        let (Self::Made(processed) | Self::Removed(processed) | Self::None(processed)) = self;
        processed
    }
}

impl Processed {
    /// Why there are no thumbnails, in one line.
    #[must_use]
    pub fn explained(&self) -> String {
        let outcome = match self.outcome.as_str() {
            "failed" => None,
            "skipped" => Some(format!("skipped by {UPLOAD_HANDLER}")),
            other => Some(other.to_owned()),
        };
        let parts = [outcome, self.reason.clone(), self.message.clone()].into_iter().flatten();
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
    }

    fn failed(key: String, message: &str) -> Self {
        Self { outcome: "failed".to_owned(), key, message: Some(message.to_owned()), ..Self::default() }
    }
}

/// What an invocation tells, by key. Nothing, when it only passed a job on.
#[must_use]
pub fn read(invocation: &Invocation) -> Vec<(String, Report)> {
    let none = |message: &str| {
        let failed = |key: String| (key.clone(), Report::None(Processed::failed(key, message)));
        keys(&invocation.payload).into_iter().map(failed).collect()
    };
    let Outcome::Answered(answer) = &invocation.outcome else { return none(&failure(invocation)) };
    match invocation.function.as_str() {
        IMAGE_PROCESSOR => {
            let Some(mut processed) = result::<Processed>(answer) else {
                return none(&format!("{IMAGE_PROCESSOR} answered something else: {answer}"));
            };
            if processed.key.is_empty() {
                processed.key = keys(&invocation.payload).into_iter().next().unwrap_or_default();
            }
            let key = processed.key.clone();
            let report = match processed.outcome.as_str() {
                "made" => Report::Made(processed),
                "removed" => Report::Removed(processed),
                _ => Report::None(processed),
            };
            vec![(key, report)]
        }
        UPLOAD_HANDLER => {
            let skipped = |skip: Skipped| {
                let outcome = "skipped".to_owned();
                let processed =
                    Processed { outcome, key: skip.key.clone(), reason: Some(skip.reason), ..Processed::default() };
                (skip.key, Report::None(processed))
            };
            result::<Handled>(answer).unwrap_or_default().skipped.into_iter().map(skipped).collect()
        }
        _ => Vec::new(),
    }
}

/// The `result` object, or else the same as text in `body`.
fn result<T: DeserializeOwned>(answer: &Value) -> Option<T> {
    let body = || serde_json::from_str(answer.get("body")?.as_str()?).ok();
    let result = answer.get("result").filter(|result| result.is_object()).cloned().or_else(body)?;
    serde_json::from_value(without_nulls(result)).ok()
}

/// What is null is as good as missing.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let known = fields.into_iter().filter(|(_, value)| !value.is_null());
            known.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        other => other,
    }
}

fn failure(invocation: &Invocation) -> String {
    let reason = match &invocation.outcome {
        Outcome::Failed(error) => error["errorMessage"].as_str().unwrap_or("no message").to_owned(),
        Outcome::Unreachable(reason) => reason.clone(),
        Outcome::Answered(_) => String::new(),
    };
    let record = invocation.failure.as_ref().map_or_else(String::new, |path| format!(" ({})", path.display()));
    format!("{} failed after {} attempts: {reason}{record}", invocation.function, invocation.attempts)
}

/// The keys that an event is about: a job's, or a notification's.
fn keys(event: &Value) -> Vec<String> {
    if let Some(key) = event["key"].as_str() {
        return vec![key.to_owned()];
    }
    let records = event["Records"].as_array().into_iter().flatten();
    records.filter_map(|record| Some(crate::s3::decode_key(record["s3"]["object"]["key"].as_str()?))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::*;
    use crate::lambda::Kind;

    fn invocation(function: &str, payload: Value, outcome: Outcome) -> Invocation {
        let now = SystemTime::now();
        Invocation {
            function: function.to_owned(),
            request_id: "1".to_owned(),
            kind: Kind::Event,
            payload,
            attempts: 3,
            queued: now,
            started: now,
            finished: now,
            outcome,
            failure: Some("f.json".into()),
        }
    }

    fn explained(function: &str, payload: Value, outcome: Outcome) -> Vec<(String, String)> {
        let told = read(&invocation(function, payload, outcome)).into_iter();
        told.map(|(key, report)| match report {
            Report::None(processed) => (key, processed.explained()),
            other => panic!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn a_result_is_read_from_either_form() {
        let result = json!({
            "outcome": "made", "key": "uploads/a.jpg", "more": 1,
            "source": { "bytes": 9, "width": 4, "height": 3, "format": "jpeg" },
            "thumbnails": [{ "size": "100", "key": "thumbnails/100/uploads/a.jpg", "width": 4, "height": 3, "bytes": 7 }],
            "milliseconds": { "total": 12 },
        });
        for answer in [json!({ "statusCode": 200, "result": result }), json!({ "body": result.to_string() })] {
            let told = read(&invocation(IMAGE_PROCESSOR, json!({}), Outcome::Answered(answer)));
            let [(key, Report::Made(processed))] = told.as_slice() else { panic!("{told:?}") };
            assert_eq!((key.as_str(), processed.thumbnails[0].width), ("uploads/a.jpg", 4));
        }
    }

    #[test]
    fn what_brings_no_thumbnails_is_explained() {
        let rejected = json!({ "result": {
            "outcome": "rejected", "reason": "not_an_image", "message": "text",
            "source": { "bytes": 12, "width": null, "height": null, "format": null },
        } });
        let job = json!({ "bucket": "b", "key": "uploads/a.jpg" });
        let told = explained(IMAGE_PROCESSOR, job, Outcome::Answered(rejected));
        assert_eq!(told, [("uploads/a.jpg".into(), "rejected: not_an_image: text".into())]);

        let job = json!({ "bucket": "b", "key": "uploads/a.jpg" });
        let told = explained(IMAGE_PROCESSOR, job, Outcome::Answered(json!("?")));
        assert_eq!(told, [("uploads/a.jpg".into(), "image-processor answered something else: \"?\"".into())]);

        let skipped = json!({ "result": { "skipped": [{ "key": "uploads/a.jpg", "reason": "excluded" }] } });
        let told = explained(UPLOAD_HANDLER, json!({}), Outcome::Answered(skipped));
        assert_eq!(told, [("uploads/a.jpg".into(), "skipped by upload-handler: excluded".into())]);

        let event = json!({ "Records": [{ "s3": { "object": { "key": "uploads/a+b%2B%C3%A9.jpg" } } }] });
        let told = explained(UPLOAD_HANDLER, event, Outcome::Failed(json!({ "errorMessage": "no access" })));
        let text = "upload-handler failed after 3 attempts: no access (f.json)".to_owned();
        assert_eq!(told, [("uploads/a b+é.jpg".into(), text)]);
    }
}
