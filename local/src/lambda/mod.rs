//! Lambda's invoke API in front of a runtime, and the asynchronous queue that the runtime lacks.
//!
//! `cargo lambda watch` runs functions. But it answers an `Event` invocation only when the function has ended, answers 500 when a function
//! fails, and knows functions only by their plain names. The front answers as Lambda does
//! (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>):
//!
//! - `Event`: 202 immediately. The queue runs the event, retries it twice if it fails, and then writes a failure record.
//! - `RequestResponse`: 200 with the function's answer, or with its error and `X-Amz-Function-Error: Unhandled`.
//! - `DryRun`: 204.
//! - Functions are found by names, partial ARNs and full ARNs, with or without a qualifier.
//!
//! # Differences from AWS
//! - Retries wait 1 and 2 seconds (configurable) instead of 1 and 2 minutes. A runtime that does not answer is retried like a failing
//!   function, while AWS continues for up to six hours. There is no throttling.
//! - The queue is in memory: events that are queued when the process ends are lost. Each event is delivered exactly once, while AWS may
//!   deliver it again.
//! - There are no versions and aliases: every qualifier runs the same function. Signatures are not checked. `X-Amz-Log-Type` and
//!   `X-Amz-Client-Context` are ignored. The size of answers is not limited.

mod failure;
mod front;
mod name;
mod queue;
mod runtime;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::Value;
use tokio::sync::broadcast;

pub use self::runtime::Outcome;
use self::{name::FunctionName, queue::Queue};
use crate::{
    Error,
    faults::Faults,
    http::{Server, bind, new_id},
};

/// The settings of the front and its queue.
#[derive(Debug, Clone)]
pub struct Config {
    /// The runtime's endpoint, such as `http://127.0.0.1:9000`.
    pub runtime: String,
    /// The names of the functions.
    pub functions: Vec<String>,
    /// The number of invocations of one function that run at once. Others wait.
    pub concurrency: usize,
    /// The longest that one attempt may take.
    pub timeout: Duration,
    /// The delay before each retry of an event. There are as many retries as delays.
    pub retry_delays: Vec<Duration>,
    /// The folder for failure records, with a folder for each function; created when it is needed.
    pub failures: PathBuf,
}

impl Config {
    /// Ten invocations at once, retries after 1 and 2 seconds, 5 minutes for an attempt.
    #[must_use]
    pub fn new(runtime: impl Into<String>, functions: &[&str], failures: impl Into<PathBuf>) -> Self {
        Self {
            runtime: runtime.into(),
            functions: functions.iter().map(|&name| name.to_owned()).collect(),
            concurrency: 10,
            timeout: Duration::from_mins(5),
            retry_delays: vec![Duration::from_secs(1), Duration::from_secs(2)],
            failures: failures.into(),
        }
    }
}

/// How a function is invoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Asynchronously: the queue runs the function.
    Event,
    /// Synchronously: the caller waits for the answer.
    RequestResponse,
}

/// An invocation that has ended, with all its attempts.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The function's plain name.
    pub function: String,
    /// The request id. All attempts and the failure record have the same.
    pub request_id: String,
    /// How the function was invoked.
    pub kind: Kind,
    /// The event.
    pub payload: Value,
    /// The number of attempts.
    pub attempts: u32,
    /// When the invocation was accepted.
    pub queued: SystemTime,
    /// When the last attempt began.
    pub started: SystemTime,
    /// When the last attempt ended.
    pub finished: SystemTime,
    /// How the last attempt ended.
    pub outcome: Outcome,
    /// The failure record, if every attempt of an event failed.
    pub failure: Option<PathBuf>,
}

/// A running front with its queue. Dropping it stops both.
pub struct Front {
    server: Server,
    queue: Arc<Queue>,
}

impl Front {
    /// Starts the front on a port of 127.0.0.1. Port 0 means any free port.
    ///
    /// # Errors
    /// [`Error::Port`] if the port cannot be used.
    pub async fn start(port: u16, config: Config) -> Result<Self, Error> {
        let listener = bind(port, "Lambda's API", "LAMBDA_PORT").await?;
        let queue = Arc::new(Queue::new(config));
        Ok(Self { server: Server::start(listener, front::router(Arc::clone(&queue))), queue })
    }

    /// The address of the front.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The endpoint for SDKs and the AWS CLI.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// A handle that queues events, as S3 does with its notifications.
    #[must_use]
    pub fn events(&self) -> Events {
        Events(Arc::clone(&self.queue))
    }

    /// Receives every invocation that ends from now on.
    #[must_use]
    pub fn observe(&self) -> broadcast::Receiver<Arc<Invocation>> {
        self.queue.finished.subscribe()
    }

    /// Injects faults from now on; `None` ends them.
    pub fn inject(&self, faults: Option<Arc<dyn Faults>>) {
        self.queue.injected.set(faults);
    }

    /// Returns when no invocation is queued, waiting for a retry, or running.
    pub async fn idle(&self) {
        // `wait` returns only if the tracker is closed. A closed tracker still accepts tasks.
        self.queue.tasks.close();
        self.queue.tasks.wait().await;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.queue.stopped.cancel();
    }
}

/// Returns when a function has answered `event`, with a result or an error.
pub(crate) async fn answers(runtime: &str, function: &str, event: &Value) {
    let runtime = runtime::Runtime::new(runtime, Duration::MAX);
    // The runtime is unreachable until it listens and knows the functions.
    while let Outcome::Unreachable(_) = runtime.invoke(function, "start", event).await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Queues events.
#[derive(Clone)]
pub struct Events(Arc<Queue>);

impl Events {
    /// Queues an event for a function. Call it within the tokio runtime.
    #[expect(clippy::needless_pass_by_value, reason = "no caller needs the event any more")]
    pub fn send(&self, function: &str, event: Value) {
        self.0.enqueue(&FunctionName { function: function.to_owned(), qualifier: None }, &new_id(), &event);
    }
}
