//! Records of events that failed for good, in the form of Lambda's own destinations.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::s3::timestamp;

/// The record that Lambda sends to an `OnFailure` destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureRecord {
    /// `1.0`
    pub version: String,
    /// When it failed for good, `2026-01-31T12:00:00.000Z`.
    pub timestamp: String,
    /// Which invocation failed, and why it is not tried again.
    pub request_context: RequestContext,
    /// The event as the function received it. A redrive invokes the function with it.
    pub request_payload: Value,
    /// How the last attempt ended.
    pub response_context: ResponseContext,
    /// The error, `{"errorType", "errorMessage"}`.
    pub response_payload: Value,
}

/// Which invocation failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestContext {
    /// The same in every attempt.
    pub request_id: String,
    /// With the version behind it.
    pub function_arn: String,
    /// `RetriesExhausted`
    pub condition: String,
    /// Attempts made.
    pub approximate_invoke_count: u32,
}

/// How the last attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseContext {
    /// 200 when the function ran and failed; 500 when it could not be run.
    pub status_code: u16,
    /// `$LATEST`
    pub executed_version: String,
    /// `Unhandled`; absent when the function could not be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_error: Option<String>,
}

impl FailureRecord {
    /// Writes the record to `<folder>/<function>/<time>-<request id>.json`, whole or not at all.
    pub(super) fn write(&self, folder: &Path, function: &str) -> io::Result<PathBuf> {
        let folder = folder.join(function);
        fs::create_dir_all(&folder)?;
        let time = timestamp(SystemTime::now()).replace(':', ".");
        let path = folder.join(format!("{time}-{}.json", self.request_context.request_id));
        let file = NamedTempFile::new_in(&folder)?;
        serde_json::to_writer_pretty(&file, self)?;
        file.persist(&path)?;
        Ok(path)
    }
}
