//! Functions in processes of our own, run as Lambda runs them: through the Runtime API, one invocation at a time each.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
//!
//! `cargo lambda watch` starts no process in the place of one that ended, and leaves its caller without an answer. Here that
//! is an error of the invocation at once, the process is killed when its time is up, and the next invocation gets a new one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use super::runtime::Outcome;
use crate::http::{self, Server};

/// Makes the command that starts a function's program, by the function's name. What tells it of Lambda is added to that.
pub(crate) type Starter = Box<dyn Fn(&str) -> Command + Send + Sync>;

/// Where the paths of the Runtime API begin.
const API: &str = "/2018-06-01/runtime/";

/// The memory that functions are told to have, in MB; they are not held to it.
const MEMORY: &str = "1024";

/// The processes of all functions.
pub(super) struct Sandboxes {
    starter: Starter,
    limit: Duration,
    idle: Mutex<HashMap<String, Vec<Sandbox>>>,
}

impl Sandboxes {
    /// An invocation may take as long as `limit`.
    pub(super) fn new(starter: Starter, limit: Duration) -> Self {
        Self { starter, limit, idle: Mutex::default() }
    }

    /// Runs the function once, in a process that waits for work or a new one. Its process is killed after `life`.
    pub(super) async fn invoke(
        &self,
        function: &str,
        request_id: &str,
        payload: Bytes,
        life: Option<Duration>,
    ) -> Outcome {
        let idle = self.idle().get_mut(function).and_then(Vec::pop);
        let mut sandbox = match idle {
            Some(sandbox) => sandbox,
            None => match Sandbox::start(function, (self.starter)(function)).await {
                Ok(sandbox) => sandbox,
                Err(error) => return Outcome::Unreachable(format!("cannot start {function}: {error}")),
            },
        };
        match sandbox.invoke(request_id, payload, self.limit, life).await {
            Ok(outcome) => {
                self.idle().entry(function.to_owned()).or_default().push(sandbox);
                outcome
            }
            Err(outcome) => outcome,
        }
    }

    /// Ends what waits for work.
    pub(super) fn stop(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Sandbox>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One process and the Runtime API that it speaks to, both gone when this is.
struct Sandbox {
    process: Process,
    _api: Server,
    events: UnboundedSender<Event>,
    outcomes: UnboundedReceiver<Outcome>,
}

/// An event for the process.
struct Event {
    request_id: String,
    payload: Bytes,
    deadline: SystemTime,
}

/// The process's view.
struct Mailbox {
    events: tokio::sync::Mutex<UnboundedReceiver<Event>>,
    outcomes: UnboundedSender<Outcome>,
}

impl Sandbox {
    async fn start(function: &str, mut command: Command) -> io::Result<Self> {
        let listener = http::bind(0, "the Runtime API", "no").await.map_err(io::Error::other)?;
        let (events, waiting) = unbounded_channel();
        let (answered, outcomes) = unbounded_channel();
        let mailbox = Arc::new(Mailbox { events: waiting.into(), outcomes: answered });
        let api = Server::start(listener, move |request, _| serve(Arc::clone(&mailbox), request))?;
        command
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", function)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY)
            .stdin(Stdio::null());
        Ok(Self { process: Process(command.spawn()?), _api: api, events, outcomes })
    }

    /// Has the process do one event. The outcome is an error where there is no process any more.
    async fn invoke(
        &mut self,
        request_id: &str,
        payload: Bytes,
        limit: Duration,
        life: Option<Duration>,
    ) -> Result<Outcome, Outcome> {
        let failed = |kind: &str, message: String| {
            Outcome::Failed(json!({
                "errorType": kind,
                "errorMessage": format!("RequestId: {request_id} Error: {message}"),
            }))
        };
        let event = Event { request_id: request_id.to_owned(), payload, deadline: SystemTime::now() + limit };
        // Where nobody receives it, the process has ended.
        let _ = self.events.send(event);
        tokio::select! {
            biased;
            outcome = self.outcomes.recv() => {
                outcome.ok_or_else(|| failed("Runtime.ExitError", "Runtime exited without an answer".into()))
            }
            status = self.process.ended() => {
                Err(failed("Runtime.ExitError", format!("Runtime exited with error: {status}")))
            }
            () = sleep(life.unwrap_or(Duration::MAX)) => {
                Err(failed("Runtime.ExitError", "Runtime exited with error: signal: killed".into()))
            }
            () = sleep(limit) => {
                Err(failed("Sandbox.Timedout", format!("Task timed out after {:.2} seconds", limit.as_secs_f64())))
            }
        }
    }
}

/// A process that is killed with this.
struct Process(Child);

impl Process {
    async fn ended(&mut self) -> ExitStatus {
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return status,
                _ => sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The Runtime API, for one process.
async fn serve(mailbox: Arc<Mailbox>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let method = request.method().clone();
    let path = request.uri().path().strip_prefix(API).unwrap_or_default().to_owned();
    let answer = match (method, path.as_str()) {
        (Method::GET, "invocation/next") => {
            let Some(event) = mailbox.events.lock().await.recv().await else { return Ok(status(StatusCode::GONE)) };
            let deadline = event.deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            Response::builder()
                .header("lambda-runtime-aws-request-id", event.request_id)
                .header("lambda-runtime-deadline-ms", deadline.to_string())
                .header("lambda-runtime-invoked-function-arn", "local")
                .header("content-type", "application/json")
                .body(Full::new(event.payload))
                .unwrap_or_default()
        }
        (Method::POST, path) => {
            let Ok(body) = request.into_body().collect().await else { return Ok(status(StatusCode::BAD_REQUEST)) };
            let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
            let is_error = path.ends_with("/error");
            let _ = mailbox.outcomes.send(if is_error { Outcome::Failed(body) } else { Outcome::Answered(body) });
            status(StatusCode::ACCEPTED)
        }
        _ => status(StatusCode::NOT_FOUND),
    };
    Ok(answer)
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one invocation of a shell script comes to, given half a second.
    async fn run(script: &'static str, life: Option<Duration>) -> Outcome {
        let starter = Box::new(move |_: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        });
        Sandboxes::new(starter, Duration::from_millis(500)).invoke("function", "id", "{}".into(), life).await
    }

    fn failure(outcome: Outcome) -> (String, String) {
        let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
        let text = |field: &str| error[field].as_str().unwrap().to_owned();
        (text("errorType"), text("errorMessage"))
    }

    #[tokio::test]
    async fn a_process_that_ends_is_the_invocations_error() {
        let (kind, message) = failure(run("exit 7", None).await);
        assert_eq!(kind, "Runtime.ExitError");
        assert!(message.contains("exit status: 7"), "{message}");
    }

    #[tokio::test]
    async fn a_process_that_takes_too_long_is_killed() {
        let (kind, message) = failure(run("exec sleep 60", None).await);
        assert_eq!(kind, "Sandbox.Timedout");
        assert!(message.contains("0.50 seconds"), "{message}");
        let (kind, message) = failure(run("exec sleep 60", Some(Duration::ZERO)).await);
        assert_eq!(kind, "Runtime.ExitError");
        assert!(message.contains("signal: killed"), "{message}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let starter = Box::new(|_: &str| Command::new("/no such program"));
        let outcome = Sandboxes::new(starter, Duration::MAX).invoke("function", "id", "{}".into(), None).await;
        assert!(matches!(&outcome, Outcome::Unreachable(reason) if reason.contains("function")), "{outcome:?}");
    }
}
