//! The runtime behind the front: `cargo lambda watch`, or anything that takes invocations as it does.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The function's answer. (Not JSON only if the function wrote none; it is a JSON string then.)
    Answered(Value),
    /// The function failed: `{"errorType", "errorMessage", …}`.
    Failed(Value),
    /// There was no function to answer: it could not be built, or the runtime is gone.
    Unreachable(String),
}

/// A client of the runtime.
#[derive(Clone)]
pub(super) struct Runtime {
    endpoint: String,
    limit: Duration,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Runtime {
    pub(super) fn new(endpoint: &str, limit: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { endpoint: endpoint.to_owned(), limit, client }
    }

    /// Runs the function once, no longer than the limit.
    ///
    /// The limit is Lambda's timeout seen from outside: the runtime gives no answer when a function's process ends.
    pub(super) async fn invoke(&self, function: &str, request_id: &str, payload: Bytes) -> Outcome {
        match tokio::time::timeout(self.limit, self.call(function, payload)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Unreachable(error),
            Err(_) => {
                let seconds = self.limit.as_secs_f64();
                Outcome::Failed(json!({
                    "errorType": "Sandbox.Timedout",
                    "errorMessage": format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"),
                }))
            }
        }
    }

    async fn call(&self, function: &str, payload: Bytes) -> Result<Outcome, String> {
        let uri = format!("{}/2015-03-31/functions/{function}/invocations", self.endpoint);
        let uri: Uri = uri.parse().map_err(|error| format!("{uri}: {error}"))?;
        let request = Request::post(uri).header("content-type", "application/json").body(Full::new(payload));
        let request = request.map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| describe(&error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| describe(&error))?.to_bytes();
        let parsed = serde_json::from_slice::<Value>(&body);
        if status.is_success() {
            // A function that answers nothing answers null.
            let text = || if body.is_empty() { Value::Null } else { String::from_utf8_lossy(&body).into() };
            return Ok(Outcome::Answered(parsed.unwrap_or_else(|_| text())));
        }
        match parsed {
            Ok(error) if error.get("errorType").is_some() => Ok(Outcome::Failed(error)),
            _ => Err(format!("the runtime answered {status}: {}", String::from_utf8_lossy(&body))),
        }
    }
}

/// An error with its causes, which hold what one wants to know ("connection refused").
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
