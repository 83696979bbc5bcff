//! Records of events that failed in every attempt, in the format that Lambda sends to an `OnFailure` destination.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::json;

use super::{Invocation, name::FunctionName, runtime::Outcome};
use crate::{files::write_json, s3::timestamp};

/// Writes the record of an event to `<folder>/<function>/<time>-<request id>.json`. Returns its path, or `None` if the function has answered
/// or the record cannot be written.
pub(super) fn record(name: &FunctionName, invocation: &Invocation, folder: &Path) -> Option<PathBuf> {
    let mut response = json!({ "statusCode": 200, "executedVersion": name.version() });
    let error = match &invocation.outcome {
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
    let now = timestamp(SystemTime::now());
    let record = json!({
        "version": "1.0",
        "timestamp": now,
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": name.arn(),
            "condition": "RetriesExhausted",
            "approximateInvokeCount": invocation.attempts,
        },
        "requestPayload": invocation.payload,
        "responseContext": response,
        "responsePayload": error,
    });
    let folder = folder.join(&name.function);
    let path = folder.join(format!("{}-{}.json", now.replace(':', "."), invocation.request_id));
    match write_json(&folder, &path, &record) {
        Ok(()) => Some(path),
        Err(error) => {
            eprintln!("error: cannot write the failure record {}: {error}. It is lost: {record}", path.display());
            None
        }
    }
}
