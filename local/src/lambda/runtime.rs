//! The runtime behind the front: `cargo lambda watch`, or any other server with the same API.

use std::time::Duration;

use aws_sdk_lambda::{Client, primitives::Blob};
use resilience::explain;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::sdk;

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The function's answer. An answer that is not JSON becomes a JSON string.
    Answered(Value),
    /// The function failed: `{"errorType", "errorMessage", …}`.
    Failed(Value),
    /// No function answered: it does not compile, or the runtime is gone.
    Unreachable(String),
}

/// A client of the runtime.
#[derive(Clone)]
pub(super) struct Runtime {
    client: Client,
    limit: Duration,
}

impl Runtime {
    pub(super) fn new(endpoint: &str, limit: Duration) -> Self {
        Self { client: sdk::lambda(endpoint), limit }
    }

    /// Runs the function once. The limit replaces Lambda's timeout, because the runtime never answers if the process of the function ends.
    pub(super) async fn invoke(&self, function: &str, request_id: &str, payload: &Value) -> Outcome {
        let call = self.client.invoke().function_name(function).payload(Blob::new(payload.to_string()));
        let error = match timeout(self.limit, call.send()).await {
            Ok(Ok(answer)) => return Outcome::Answered(read(answer.payload().map_or(&[], AsRef::as_ref))),
            Ok(Err(error)) => error,
            Err(_) => {
                let seconds = self.limit.as_secs_f64();
                return Outcome::Failed(json!({
                    "errorType": "Sandbox.Timedout",
                    "errorMessage": format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"),
                }));
            }
        };
        let Some(response) = error.raw_response() else { return Outcome::Unreachable(explain(&error)) };
        match read(response.body().bytes().unwrap_or_default()) {
            error if error.get("errorType").is_some() => Outcome::Failed(error),
            other => Outcome::Unreachable(format!("the runtime answered {}: {other}", response.status())),
        }
    }
}

/// Reads a body as JSON. An empty body becomes null, other text becomes a string.
fn read(body: &[u8]) -> Value {
    let text = || if body.is_empty() { Value::Null } else { String::from_utf8_lossy(body).into() };
    serde_json::from_slice(body).unwrap_or_else(|_| text())
}
