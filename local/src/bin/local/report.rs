//! What the functions' answers say of a key. Read tolerantly: unknown fields are ignored, missing ones empty.

use local::lambda::{Invocation, Outcome};
use local::stack::{IMAGE_PROCESSOR, UPLOAD_HANDLER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// `image-processor`'s `result`.
#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Processed {
    pub(crate) outcome: String,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) key: String,
    pub(crate) source: Option<Source>,
    pub(crate) thumbnails: Vec<Thumbnail>,
    pub(crate) removed: Vec<Value>,
    pub(crate) milliseconds: Milliseconds,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Source {
    pub(crate) bytes: u64,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Thumbnail {
    pub(crate) size: Value,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bytes: u64,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Milliseconds {
    pub(crate) total: f64,
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
pub(crate) enum Report {
    /// The thumbnails are made.
    Made(Processed),
    /// The source is gone, and its thumbnails are removed.
    Removed(Processed),
    /// There will be none: the reason.
    None(String),
}

/// What an invocation tells, by key. Nothing, when it only passed a job on.
pub(crate) fn read(invocation: &Invocation) -> Vec<(String, Report)> {
    let answer = match &invocation.outcome {
        Outcome::Answered(answer) => answer,
        Outcome::Failed(_) | Outcome::Unreachable(_) => {
            let failure = failed(invocation);
            return keys(&invocation.payload).into_iter().map(|key| (key, Report::None(failure.clone()))).collect();
        }
    };
    match invocation.function.as_str() {
        IMAGE_PROCESSOR => {
            let Some(mut processed) = result::<Processed>(answer) else {
                let reason = format!("{IMAGE_PROCESSOR} answered something else: {answer}");
                return keys(&invocation.payload).into_iter().map(|key| (key, Report::None(reason.clone()))).collect();
            };
            if processed.key.is_empty() {
                processed.key = keys(&invocation.payload).into_iter().next().unwrap_or_default();
            }
            let key = processed.key.clone();
            let report = match processed.outcome.as_str() {
                "made" => Report::Made(processed),
                "removed" => Report::Removed(processed),
                _ => Report::None(explained(&processed)),
            };
            vec![(key, report)]
        }
        UPLOAD_HANDLER => {
            let handled = result::<Handled>(answer).unwrap_or_default();
            let skipped = handled.skipped.into_iter();
            skipped
                .map(|skip| (skip.key, Report::None(format!("skipped by {UPLOAD_HANDLER}: {}", skip.reason))))
                .collect()
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

fn explained(processed: &Processed) -> String {
    let mut text = processed.outcome.clone();
    for more in [&processed.reason, &processed.message].into_iter().flatten().filter(|more| !more.is_empty()) {
        text = format!("{text}: {more}");
    }
    text
}

fn failed(invocation: &Invocation) -> String {
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
    records.filter_map(|record| Some(local::s3::decode_key(record["s3"]["object"]["key"].as_str()?))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use local::lambda::Kind;
    use serde_json::json;

    use super::*;

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
        let told = read(&invocation(IMAGE_PROCESSOR, job, Outcome::Answered(rejected)));
        assert_eq!(told, [("uploads/a.jpg".into(), Report::None("rejected: not_an_image: text".into()))]);

        let job = json!({ "bucket": "b", "key": "uploads/a.jpg" });
        let told = read(&invocation(IMAGE_PROCESSOR, job, Outcome::Answered(json!("?"))));
        let text = "image-processor answered something else: \"?\"".to_owned();
        assert_eq!(told, [("uploads/a.jpg".into(), Report::None(text))]);

        let event = json!({ "Records": [{ "s3": { "object": { "key": "uploads/a+b%2B%C3%A9.jpg" } } }] });
        let told = read(&invocation(UPLOAD_HANDLER, event, Outcome::Failed(json!({ "errorMessage": "no access" }))));
        let text = "upload-handler failed after 3 attempts: no access (f.json)".to_owned();
        assert_eq!(told, [("uploads/a b+é.jpg".into(), Report::None(text))]);
    }
}
