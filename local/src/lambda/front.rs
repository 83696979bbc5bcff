//! The HTTP face: one route, `POST /2015-03-31/functions/{name}/invocations`.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::name::{ACCOUNT, Target};
use super::queue::Queue;
use super::runtime::Outcome;
use crate::faults::CallFault;
use crate::http::new_id;

/// Lambda's limits for payloads, bytes.
const LARGEST_EVENT: usize = 1024 * 1024;
const LARGEST_REQUEST: usize = 6 * 1024 * 1024;

type Answer = Response<Full<Bytes>>;

pub(super) async fn serve(queue: Arc<Queue>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let request_id = new_id();
    let answer = match invoke(&queue, request, &request_id).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer(),
    };
    Ok(with_id(answer, &request_id))
}

async fn invoke(queue: &Arc<Queue>, request: Request<Incoming>, request_id: &str) -> Result<Answer, Refusal> {
    let target = route(request.method(), request.uri().path())?;
    if !queue.knows(&target.function) {
        let arn = format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", queue.region(), target.function);
        return Err(Refusal::new(404, "ResourceNotFoundException", format!("Function not found: {arn}")));
    }
    let kind = request.headers().get("x-amz-invocation-type").map_or("RequestResponse", |kind| {
        // Anything else is refused below, whatever it is.
        kind.to_str().unwrap_or_default()
    });
    let kind = match kind {
        "Event" | "RequestResponse" | "DryRun" => kind.to_owned(),
        other => {
            let message = format!("Unknown invocation type {other:?}: use Event, RequestResponse or DryRun");
            return Err(Refusal::new(400, "InvalidParameterValueException", message));
        }
    };
    let limit = if kind == "Event" { LARGEST_EVENT } else { LARGEST_REQUEST };
    let payload = payload(request, limit).await?;
    let fault = queue.injected.get().and_then(|faults| faults.call());
    if let Some(CallFault::Refused(status, kind)) = fault {
        return Err(Refusal::new(status, kind, "asked for by a test".to_owned()));
    }
    let answer = match kind.as_str() {
        "DryRun" => Ok(answer(StatusCode::NO_CONTENT, Bytes::new())),
        "Event" => {
            let queued = queue.enqueue(&target, &payload);
            Ok(with_id(answer(StatusCode::ACCEPTED, Bytes::new()), &queued))
        }
        _ => {
            let version = target.version().to_owned();
            let outcome = queue.run(target, request_id.to_owned(), payload).await;
            finished(outcome, &version)
        }
    };
    match fault {
        Some(_) => Err(Refusal::new(500, "ServiceException", "the answer was lost, as a test asks for".to_owned())),
        None => answer,
    }
}

/// What a caller that waited is told.
fn finished(outcome: Outcome, version: &str) -> Result<Answer, Refusal> {
    let (payload, error) = match outcome {
        Outcome::Answered(payload) => (payload, None),
        Outcome::Failed(payload) => (payload, Some("Unhandled")),
        Outcome::Unreachable(reason) => return Err(Refusal::new(502, "ServiceException", reason)),
    };
    let mut answer = answer(StatusCode::OK, Bytes::from(payload.to_string()));
    insert(&mut answer, "x-amz-executed-version", version);
    insert(&mut answer, "content-type", "application/json");
    if let Some(error) = error {
        insert(&mut answer, "x-amz-function-error", error);
    }
    Ok(answer)
}

fn route(method: &Method, path: &str) -> Result<Target, Refusal> {
    let name = path.strip_prefix("/2015-03-31/functions/").and_then(|rest| rest.strip_suffix("/invocations"));
    let Some(name) = name.filter(|_| method == Method::POST) else {
        let message = format!("{method} {path}: only POST /2015-03-31/functions/{{name}}/invocations is served here");
        return Err(Refusal::new(404, "UnknownOperationException", message));
    };
    let name = percent_decode_str(name).decode_utf8_lossy();
    Target::parse(&name).ok_or_else(|| {
        let message = format!("{name:?} is neither a function's name nor its ARN");
        Refusal::new(400, "InvalidParameterValueException", message)
    })
}

async fn payload(request: Request<Incoming>, limit: usize) -> Result<Value, Refusal> {
    let body = match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("Request must be smaller than {} bytes for the InvokeFunction operation", limit + 1);
            return Err(Refusal::new(413, "RequestTooLargeException", message));
        }
        Err(error) => return Err(Refusal::new(400, "InvalidRequestContentException", error.to_string())),
    };
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&body).map_err(|error| {
        let message = format!("Could not parse request body into json: {error}");
        Refusal::new(400, "InvalidRequestContentException", message)
    })
}

/// An error in the form of AWS's JSON protocols.
struct Refusal {
    status: u16,
    kind: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: u16, kind: &'static str, message: String) -> Self {
        Self { status, kind, message }
    }

    fn answer(self) -> Answer {
        let blame = if self.status < 500 { "User" } else { "Service" };
        let body = json!({ "Type": blame, "Message": self.message });
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = answer(status, Bytes::from(body.to_string()));
        insert(&mut answer, "content-type", "application/json");
        insert(&mut answer, "x-amzn-errortype", self.kind);
        answer
    }
}

fn answer(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
}

fn insert(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        answer.headers_mut().insert(name, value);
    }
}

/// Names the request, unless an event was queued under an id of its own.
fn with_id(mut answer: Answer, request_id: &str) -> Answer {
    if !answer.headers().contains_key("x-amzn-requestid") {
        insert(&mut answer, "x-amzn-requestid", request_id);
    }
    answer
}
