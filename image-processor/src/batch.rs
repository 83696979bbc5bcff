//! S3 Batch Operations, which backfill the thumbnails of an existing bucket, or replace all thumbnails after a change of settings.
//!
//! A Batch Operations job invokes this function once for each task, and expects an answer to each task.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>

use common::{Job, decode_key};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event from Batch Operations, in version 1.0 or 2.0 of its schema.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    invocation_schema_version: String,
    invocation_id: String,
    /// The tasks. Today AWS sends one for each invocation.
    pub tasks: Vec<Task>,
}

/// One object to process. Its version id is ignored, because thumbnails always show the current version.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    #[serde(rename = "taskId")]
    id: String,
    /// URL-encoded.
    s3_key: String,
    /// Set in version 1.0 of the schema.
    s3_bucket_arn: Option<String>,
    /// Set in version 2.0 of the schema.
    s3_bucket: Option<String>,
}

/// The answer to an event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    invocation_schema_version: String,
    treat_missing_keys_as: ResultCode,
    invocation_id: String,
    results: Vec<TaskAnswer>,
}

/// The answer to one task.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskAnswer {
    task_id: String,
    result_code: ResultCode,
    result_string: String,
}

/// How a task has ended.
#[derive(Debug, Clone, Copy, Serialize)]
pub enum ResultCode {
    /// The task is finished. A rejected source counts as finished, because Batch Operations stops a job when half of its first thousand
    /// tasks fail.
    Succeeded,
    /// The task has failed and can be retried.
    TemporaryFailure,
}

/// The maximum length of `resultString`, which becomes one line of the job's report.
const RESULT_CHARACTERS: usize = 500;

impl Batch {
    /// Reads `payload`, or returns `None` if it is not an event from Batch Operations.
    ///
    /// # Errors
    /// Returns what is wrong with a payload that has the schema version of Batch Operations, but is malformed.
    #[must_use]
    pub fn read(payload: &Value) -> Option<Result<Self, String>> {
        let version = payload.get("invocationSchemaVersion")?;
        if !version.as_str().is_some_and(|version| version.starts_with("1.") || version.starts_with("2.")) {
            return Some(Err(format!(
                "version {version} of the S3 Batch Operations schema is not known: choose 1.0 or 2.0"
            )));
        }
        Some(Self::deserialize(payload).map_err(|error| format!("not an S3 Batch Operations event: {error}")))
    }

    /// Builds the answer from the answers to the tasks.
    #[must_use]
    pub fn answer(self, results: Vec<TaskAnswer>) -> BatchAnswer {
        BatchAnswer {
            invocation_schema_version: self.invocation_schema_version,
            treat_missing_keys_as: ResultCode::TemporaryFailure,
            invocation_id: self.invocation_id,
            results,
        }
    }
}

impl Task {
    /// Converts the task to a job.
    ///
    /// # Errors
    /// Returns the job with an undecoded key, the stable reason code and a message.
    pub fn job(&self) -> Result<Job, (Job, &'static str, String)> {
        // An ARN is arn:aws:s3:::the-bucket.
        let of_arn = || self.s3_bucket_arn.as_deref()?.rsplit(':').next();
        let bucket = self.s3_bucket.as_deref().or_else(of_arn).unwrap_or_default().to_owned();
        let Some(key) = decode_key(&self.s3_key) else {
            let message = format!("{:?} is not a URL-encoded key", self.s3_key);
            return Err((Job { bucket, key: self.s3_key.clone() }, "undecodable-key", message));
        };
        Ok(Job { bucket, key })
    }

    /// Answers that the task has ended with `result_code`, and that `result` is its outcome or its error.
    #[must_use]
    pub fn answer(&self, result_code: ResultCode, result: &str) -> TaskAnswer {
        let result_string = result.chars().take(RESULT_CHARACTERS).collect();
        TaskAnswer { task_id: self.id.clone(), result_code, result_string }
    }
}
