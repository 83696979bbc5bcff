//! Reads the answers of the functions. Unknown fields are ignored, and missing fields are empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    IMAGE_PROCESSOR, UPLOAD_HANDLER,
    lambda::{Invocation, Outcome},
    s3::decode_key,
};

/// The report about one key: the `result` of `image-processor`, or a substitute if there is none.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The outcome that `image-processor` names (`made`, `removed`, `rejected`, `refused`), or `skipped` if `upload-handler` sent no job, or
    /// `failed` if a function gave no answer.
    pub outcome: String,
    /// The stable reason code if there are no thumbnails.
    pub reason: Option<String>,
    /// The reason in words.
    pub message: Option<String>,
    /// The source's key.
    pub key: String,
    /// The source, if it was read.
    pub source: Option<Source>,
    /// The thumbnails that were written.
    pub thumbnails: Vec<Thumbnail>,
    /// The keys of the thumbnails that were deleted.
    pub removed: Vec<Value>,
    /// The time of each stage; `total` is that of the whole job.
    pub milliseconds: BTreeMap<String, f64>,
}

/// The source of a [`Report`].
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The `ETag`, without quotes.
    pub etag: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The upright width in pixels; 0 if it is not known.
    pub width: u32,
    /// The upright height in pixels; 0 if it is not known.
    pub height: u32,
    /// The format; empty if it is not known.
    pub format: String,
    /// The number of frames; 0 if it is not known.
    pub frames: u32,
}

/// A thumbnail of a [`Report`].
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thumbnail {
    /// The size, spelt as in the key.
    pub size: Value,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The format.
    pub format: String,
    /// The size of the file in bytes.
    pub bytes: u64,
}

/// The `result` of `upload-handler`.
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

impl Report {
    /// Explains in one line why there are no thumbnails.
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

/// Returns the reports of an invocation, one for each key. An invocation that only sends jobs has none.
#[must_use]
pub fn read(invocation: &Invocation) -> Vec<Report> {
    let failed = |message: &str| keys(&invocation.payload).map(|key| Report::failed(key, message)).collect();
    let Outcome::Answered(answer) = &invocation.outcome else { return failed(&failure(invocation)) };
    match invocation.function.as_str() {
        IMAGE_PROCESSOR => {
            let Some(mut report) = result::<Report>(answer) else {
                return failed(&format!("{IMAGE_PROCESSOR} answered something else: {answer}"));
            };
            if report.key.is_empty() {
                report.key = keys(&invocation.payload).next().unwrap_or_default();
            }
            vec![report]
        }
        UPLOAD_HANDLER => {
            let skipped = result::<Handled>(answer).unwrap_or_default().skipped.into_iter();
            let report = |Skipped { key, reason }| Report {
                outcome: "skipped".to_owned(),
                key,
                reason: Some(reason),
                ..Report::default()
            };
            skipped.map(report).collect()
        }
        _ => Vec::new(),
    }
}

/// The `result` of an answer, or the same as text in `body`.
fn result<T: DeserializeOwned>(answer: &Value) -> Option<T> {
    let body = || serde_json::from_str(answer.get("body")?.as_str()?).ok();
    let result = answer.get("result").filter(|result| result.is_object()).cloned().or_else(body)?;
    serde_json::from_value(without_nulls(result)).ok()
}

/// Removes null fields, so that they count as missing.
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

/// The keys in a job or a notification.
fn keys(event: &Value) -> impl Iterator<Item = String> {
    let records = event["Records"].as_array().into_iter().flatten();
    let of_records = records.filter_map(|record| Some(decode_key(record["s3"]["object"]["key"].as_str()?)));
    event["key"].as_str().map(str::to_owned).into_iter().chain(of_records)
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
        let reports = read(&invocation(function, payload, outcome)).into_iter();
        reports.map(|report| (report.key.clone(), report.explained())).collect()
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
            let [report] = told.as_slice() else { panic!("{told:?}") };
            assert_eq!((report.outcome.as_str(), report.key.as_str()), ("made", "uploads/a.jpg"));
            assert_eq!(report.thumbnails[0].width, 4);
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
