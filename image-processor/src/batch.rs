//! S3 Batch Operations: how a bucket that was there before the pipeline gets its thumbnails, and how all of them are made anew
//! when the settings change.
//!
//! A job invokes this function with one task after another and takes an answer for each.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thumbnail_job::{Job, decode_key};

/// What Batch Operations sends, in version 1.0 or 2.0 of its schema.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    invocation_schema_version: String,
    invocation_id: String,
    /// The tasks; one, as AWS has it today.
    pub tasks: Vec<Task>,
}

/// One object. Its version id is not looked at: thumbnails are made of the object as it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    #[serde(rename = "taskId")]
    id: String,
    /// URL-encoded.
    s3_key: String,
    /// In version 1.0.
    s3_bucket_arn: Option<String>,
    /// In version 2.0.
    s3_bucket: Option<String>,
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    invocation_schema_version: String,
    treat_missing_keys_as: ResultCode,
    invocation_id: String,
    results: Vec<TaskAnswer>,
}

/// What became of one task.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskAnswer {
    task_id: String,
    result_code: ResultCode,
    result_string: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
enum ResultCode {
    Succeeded,
    TemporaryFailure,
}

/// Longest `resultString` that is sent: it goes into the job's report, a line for each object.
const RESULT_CHARACTERS: usize = 500;

impl Batch {
    /// The batch of that payload; `None` where it is something else.
    ///
    /// # Errors
    /// What is wrong with a payload that is one by its first field, but cannot be read.
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

    /// The answer, with one for each task.
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
    /// The job that the task stands for.
    ///
    /// # Errors
    /// The job as far as it can be told, the stable reason code and a message.
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

    /// Done, or never to be done: a job gives up when half of its first thousand tasks fail, so only what can be mended
    /// counts as failed. `result` says which it was.
    #[must_use]
    pub fn succeeded(&self, result: &str) -> TaskAnswer {
        self.answer(ResultCode::Succeeded, result)
    }

    /// Not done, to be tried again.
    #[must_use]
    pub fn failed(&self, error: &str) -> TaskAnswer {
        self.answer(ResultCode::TemporaryFailure, error)
    }

    fn answer(&self, result_code: ResultCode, result: &str) -> TaskAnswer {
        let result_string = result.chars().take(RESULT_CHARACTERS).collect();
        TaskAnswer { task_id: self.id.clone(), result_code, result_string }
    }
}
