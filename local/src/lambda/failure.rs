//! Records of events that failed for good, in the form of Lambda's own destinations.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::{name::FunctionName, runtime::Outcome};
use crate::s3::timestamp;

/// Returns the record that Lambda would send to an `OnFailure` destination; `None` if the function answered in the end.
pub(super) fn record(
    name: &FunctionName,
    request_id: &str,
    payload: &Value,
    attempts: u32,
    outcome: &Outcome,
) -> Option<Value> {
    let mut response = json!({ "statusCode": 200, "executedVersion": name.version() });
    let error = match outcome {
        Outcome::Answered(_) => return None,
        Outcome::Failed(error) => {
            response["functionError"] = "Unhandled".into();
            error.clone()
        }
        Outcome::Unreachable(reason) => {
            response["statusCode"] = 500.into();
            json!({ "errorType": "ServiceException", "errorMessage": reason })
        }
    };
    Some(json!({
        "version": "1.0",
        "timestamp": timestamp(SystemTime::now()),
        "requestContext": {
            "requestId": request_id,
            "functionArn": name.arn(),
            "condition": "RetriesExhausted",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": payload,
        "responseContext": response,
        "responsePayload": error,
    }))
}

/// Writes a record to `<folder>/<time>-<request id>.json`, whole or not at all.
pub(super) fn write(record: &Value, folder: &Path, request_id: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let time = timestamp(SystemTime::now()).replace(':', ".");
    let path = folder.join(format!("{time}-{request_id}.json"));
    let file = NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&file, record)?;
    file.persist(&path)?;
    Ok(path)
}
