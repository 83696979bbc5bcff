//! The HTTP server, with one route: `POST /2015-03-31/functions/{name}/invocations`.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use super::{
    name::{FunctionName, arn},
    queue::Queue,
    runtime::Outcome,
};
use crate::{faults::CallFault, http::new_id};

/// Lambda's limit in bytes for the payload of an `Event` invocation.
const LARGEST_EVENT: usize = 1024 * 1024;
/// Lambda's limit in bytes for the payload of other invocations.
const LARGEST_REQUEST: usize = 6 * 1024 * 1024;

/// An error in the format of AWS's JSON protocols.
type Refusal = (StatusCode, [(&'static str, &'static str); 2], String);

pub(super) fn router(queue: Arc<Queue>) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(serve).fallback(unknown))
        .fallback(unknown)
        .with_state(queue)
}

async fn unknown(method: Method, uri: Uri) -> Refusal {
    let message = format!("{method} {uri}: only POST /2015-03-31/functions/{{name}}/invocations is served here");
    refuse(404, "UnknownOperationException", &message)
}

async fn serve(
    State(queue): State<Arc<Queue>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> impl IntoResponse {
    let request_id = new_id();
    let answer = invoke(&queue, &name, &headers, body, &request_id).await;
    ([("x-amzn-requestid", request_id)], answer)
}

async fn invoke(
    queue: &Arc<Queue>,
    name: &str,
    headers: &HeaderMap,
    body: Body,
    request_id: &str,
) -> Result<Response, Refusal> {
    let name = FunctionName::parse(name).ok_or_else(|| {
        refuse(
            400,
            "InvalidParameterValueException",
            &format!("{name:?} is neither the name nor the ARN of a function"),
        )
    })?;
    if !queue.workers.contains_key(&name.function) {
        let message = format!("Function not found: {}", arn(&name.function));
        return Err(refuse(404, "ResourceNotFoundException", &message));
    }
    let kind = headers.get("x-amz-invocation-type");
    let kind = kind.map_or("RequestResponse", |kind| kind.to_str().unwrap_or_default());
    let payload = match kind {
        "Event" => payload(body, LARGEST_EVENT).await?,
        "RequestResponse" | "DryRun" => payload(body, LARGEST_REQUEST).await?,
        other => {
            let message = format!("Unknown invocation type {other:?}: use Event, RequestResponse or DryRun");
            return Err(refuse(400, "InvalidParameterValueException", &message));
        }
    };
    let fault = queue.injected.get().and_then(|faults| faults.call());
    if let Some(CallFault::Refused(status, kind)) = fault {
        return Err(refuse(status, kind, "a test asked for this error"));
    }
    let answer = match kind {
        "DryRun" => StatusCode::NO_CONTENT.into_response(),
        "Event" => {
            queue.enqueue(&name, request_id, &payload);
            StatusCode::ACCEPTED.into_response()
        }
        _ => {
            let version = name.version().to_owned();
            finished(queue.run(name, request_id.to_owned(), payload).await, version)?
        }
    };
    match fault {
        Some(_) => Err(refuse(500, "ServiceException", "a test asked for this answer to be lost")),
        None => Ok(answer),
    }
}

/// The answer to a `RequestResponse` invocation.
fn finished(outcome: Outcome, version: String) -> Result<Response, Refusal> {
    let (payload, error) = match outcome {
        Outcome::Answered(payload) => (payload, None),
        Outcome::Failed(payload) => (payload, Some([("x-amz-function-error", "Unhandled")])),
        Outcome::Unreachable(reason) => return Err(refuse(502, "ServiceException", &reason)),
    };
    let headers = [("x-amz-executed-version", version), ("content-type", "application/json".to_owned())];
    Ok((headers, error, payload.to_string()).into_response())
}

async fn payload(body: Body, limit: usize) -> Result<Value, Refusal> {
    // This answer is also wrong for a body that stops early, but then no caller reads it.
    let body = to_bytes(body, limit).await.map_err(|_| {
        let message = format!("Request must be smaller than {} bytes for the InvokeFunction operation", limit + 1);
        refuse(413, "RequestTooLargeException", &message)
    })?;
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&body).map_err(|error| {
        let message = format!("Could not parse request body into json: {error}");
        refuse(400, "InvalidRequestContentException", &message)
    })
}

fn refuse(status: u16, kind: &'static str, message: &str) -> Refusal {
    let blame = if status < 500 { "User" } else { "Service" };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [("content-type", "application/json"), ("x-amzn-errortype", kind)];
    (status, headers, json!({ "Type": blame, "Message": message }).to_string())
}
