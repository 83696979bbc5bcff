use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The payload of an invocation of `image-processor`: make the thumbnails of this object agree with it.
///
/// Its JSON form is `{"bucket": "…", "key": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// The name of the bucket that contains the source.
    pub bucket: String,
    /// The source's key, not URL-encoded.
    pub key: String,
}

/// The payload is not a [`Job`].
#[derive(Debug, thiserror::Error)]
#[error("not a job ({0}): send {{\"bucket\": \"…\", \"key\": \"…\"}}, or the same as a string in {{\"body\": \"…\"}}")]
pub struct MalformedJob(String);

impl Job {
    /// Reads a job from either of its spellings: the object itself, or the same JSON as a string in `{"body": "…"}`.
    ///
    /// # Errors
    /// Returns [`MalformedJob`], which says what is missing and what a job looks like.
    pub fn from_payload(payload: &Value) -> Result<Self, MalformedJob> {
        let job: Self = match payload.get("body").and_then(Value::as_str) {
            Some(body) => serde_json::from_str(body),
            None => Self::deserialize(payload),
        }
        .map_err(|error| MalformedJob(error.to_string()))?;
        if job.bucket.is_empty() || job.key.is_empty() {
            return Err(MalformedJob("bucket and key may not be empty".into()));
        }
        Ok(job)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job() -> Job {
        Job { bucket: "my-image-bucket".into(), key: "uploads/été 1+1=2 日本.jpg".into() }
    }

    #[test]
    fn wire_form_is_the_golden_payload() {
        let golden = include_str!("../tests/golden/job.json");
        assert_eq!(serde_json::to_string(&job()).unwrap(), golden.trim_end());
    }

    #[test]
    fn both_spellings_are_read() {
        let plain = serde_json::to_value(job()).unwrap();
        let wrapped = json!({ "body": plain.to_string() });
        assert_eq!(Job::from_payload(&plain).unwrap(), job());
        assert_eq!(Job::from_payload(&wrapped).unwrap(), job());
    }

    #[test]
    fn what_is_no_job_says_what_one_looks_like() {
        for payload in [
            json!(null),
            json!("uploads/a.jpg"),
            json!({}),
            json!({"bucket": "b"}),
            json!({"bucket": "b", "key": ""}),
            json!({"bucket": "", "key": "uploads/a.jpg"}),
            json!({"bucket": "b", "key": 7}),
            json!({"body": "no json"}),
            json!({"body": "{}"}),
        ] {
            let message = Job::from_payload(&payload).unwrap_err().to_string();
            assert!(message.contains(r#"send {"bucket": "…", "key": "…"}"#), "{payload}: {message}");
        }
    }
}
