//! Lambda's invoke API in front of a runtime, with the asynchronous queue that the runtime lacks.
//!
//! `cargo lambda watch` runs functions, but answers an `Event` invocation only when it is done, answers 500 for a
//! function's error, and knows functions by their plain names. The front answers as Lambda does
//! (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>):
//! - `Event`: 202 at once; the queue runs it, retries a failure twice and then writes a failure record.
//! - `RequestResponse`: 200 with the function's answer, or with its error and `X-Amz-Function-Error: Unhandled`.
//! - `DryRun`: 204.
//! - Names, partial and full ARNs, with or without a qualifier.
//!
//! # What differs from AWS
//! - Retries wait 1 and 2 seconds (configurable), where AWS waits 1 and 2 minutes. A runtime that does not answer is
//!   retried like a failing function, where AWS goes on for up to six hours; there is no throttling.
//! - The queue lives in memory: events that are queued when the process ends are lost. Each event is delivered once; AWS
//!   delivers it at least once.
//! - No versions or aliases: every qualifier runs the function. Signatures are not checked. `X-Amz-Log-Type` and
//!   `X-Amz-Client-Context` are ignored. Answers are not limited in size.

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
use tokio::{net::TcpListener, sync::broadcast};

pub use self::runtime::Outcome;
use self::{name::FunctionName, queue::Queue};
use crate::{
    Error,
    faults::Faults,
    http::{Server, new_id},
};

/// The front's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The runtime's endpoint, such as `http://127.0.0.1:9000`.
    pub runtime: String,
    /// The functions that exist.
    pub functions: Vec<String>,
    /// Invocations of one function that run at once; more wait.
    pub concurrency: usize,
    /// The longest that one attempt may take.
    pub timeout: Duration,
    /// How long to wait before each retry of an event; as many retries as delays.
    pub retry_delays: Vec<Duration>,
    /// Where failure records go, in a folder per function; made when needed.
    pub failures: PathBuf,
}

impl Config {
    /// Ten at once, two retries after 1 and 2 s, 5 minutes for an attempt.
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

/// An invocation that is over, all its attempts included.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The function's plain name.
    pub function: String,
    /// The same in every attempt, and in the failure record.
    pub request_id: String,
    /// How it was invoked.
    pub kind: Kind,
    /// The event.
    pub payload: Value,
    /// Attempts made, 1 to 3.
    pub attempts: u32,
    /// When it was accepted.
    pub queued: SystemTime,
    /// When the last attempt began.
    pub started: SystemTime,
    /// When the last attempt ended.
    pub finished: SystemTime,
    /// How the last attempt ended.
    pub outcome: Outcome,
    /// The failure record's file, when the event was given up.
    pub failure: Option<PathBuf>,
}

/// A running front with its queue; both stop when this is dropped.
pub struct Front {
    server: Server,
    queue: Arc<Queue>,
}

impl Front {
    /// Binds the port (0 takes a free one) and serves.
    ///
    /// # Errors
    /// [`Error::Port`] when the port is taken.
    pub async fn start(port: u16, config: Config) -> Result<Self, Error> {
        Self::start_on(crate::http::bind(port, "Lambda's API", "LAMBDA_PORT").await?, config)
    }

    /// Serves on a listener that is bound already.
    ///
    /// # Errors
    /// [`Error::Server`] when the listener cannot be used.
    pub fn start_on(listener: TcpListener, config: Config) -> Result<Self, Error> {
        let queue = Arc::new(Queue::new(config));
        let server = Server::start(listener, front::router(Arc::clone(&queue)))?;
        Ok(Self { server, queue })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The address as an endpoint for an SDK or the AWS CLI.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// A handle that puts events into the queue as an AWS service does: S3's notifications.
    #[must_use]
    pub fn events(&self) -> Events {
        Events(Arc::clone(&self.queue))
    }

    /// Every invocation that ends from now on.
    #[must_use]
    pub fn observe(&self) -> broadcast::Receiver<Arc<Invocation>> {
        self.queue.observe()
    }

    /// Injects faults from now on; `None` ends them.
    pub fn inject(&self, faults: Option<Arc<dyn Faults>>) {
        self.queue.injected.set(faults);
    }

    /// Returns when nothing is queued, waiting for a retry, or running.
    pub async fn idle(&self) {
        self.queue.idle().await;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.queue.stop();
    }
}

/// Returns when a function has answered the runtime, well or badly.
pub(crate) async fn answers(runtime: &str, function: &str, event: &Value) {
    let runtime = runtime::Runtime::new(runtime, Duration::MAX);
    // Until it listens, and until it knows the functions.
    while let Outcome::Unreachable(_) = runtime.invoke(function, "start", event).await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Puts events into the queue.
#[derive(Clone)]
pub struct Events(Arc<Queue>);

impl Events {
    /// Queues an event for a function. Call it within the tokio runtime.
    #[expect(clippy::needless_pass_by_value, reason = "who sends an event has no more use for it")]
    pub fn send(&self, function: &str, event: Value) {
        self.0.enqueue(&FunctionName { function: function.to_owned(), qualifier: None }, &new_id(), &event);
    }
}
