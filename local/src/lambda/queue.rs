//! The asynchronous queue. It runs events in the background, retries them, and records the events that failed in every attempt.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::Value;
use tokio::{
    sync::{Semaphore, broadcast},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Config, Invocation, Kind, failure,
    name::FunctionName,
    runtime::{Outcome, Runtime},
};
use crate::faults::Injected;

/// Invocations that an observer may lag behind before it misses some.
const OBSERVED: usize = 65_536;

/// Runs invocations of both kinds, and sends each that has ended to the observers.
pub(super) struct Queue {
    runtime: Runtime,
    pub(super) injected: Injected,
    retry_delays: Vec<Duration>,
    failures: PathBuf,
    /// As in Lambda, no function takes another's capacity.
    workers: HashMap<String, Semaphore>,
    /// The invocations that are queued or running.
    tasks: TaskTracker,
    stopped: CancellationToken,
    finished: broadcast::Sender<Arc<Invocation>>,
}

impl Queue {
    pub(super) fn new(config: Config) -> Self {
        let workers = |name: String| (name, Semaphore::new(config.concurrency));
        Self {
            runtime: Runtime::new(&config.runtime, config.timeout),
            injected: Injected::default(),
            retry_delays: config.retry_delays,
            failures: config.failures,
            workers: config.functions.into_iter().map(workers).collect(),
            tasks: TaskTracker::new(),
            stopped: CancellationToken::new(),
            finished: broadcast::Sender::new(OBSERVED),
        }
    }

    pub(super) fn knows(&self, function: &str) -> bool {
        self.workers.contains_key(function)
    }

    pub(super) fn observe(&self) -> broadcast::Receiver<Arc<Invocation>> {
        self.finished.subscribe()
    }

    pub(super) async fn idle(&self) {
        // A tracker that is not closed would wait for later tasks too; it takes them all the same.
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Aborts every invocation that is queued or running, and drops events that arrive later.
    pub(super) fn stop(&self) {
        self.stopped.cancel();
    }

    /// Takes an event to run in the background.
    pub(super) fn enqueue(self: &Arc<Self>, name: &FunctionName, request_id: &str, payload: &Value) {
        let deliveries = self.injected.get().map_or_else(|| vec![Duration::ZERO], |faults| faults.deliveries());
        for delay in deliveries {
            let (queue, name, id, payload) = (Arc::clone(self), name.clone(), request_id.to_owned(), payload.clone());
            drop(self.begin(async move {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                queue.attempts(name, id, payload, (Kind::Event, &queue.retry_delays)).await;
            }));
        }
    }

    /// Starts something that runs to its end, or until all is stopped.
    fn begin<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<Option<T>> {
        self.tasks.spawn(self.stopped.clone().run_until_cancelled_owned(work))
    }

    /// Runs a function once, for a caller that waits. As in Lambda, it runs to its end also when the caller is gone.
    pub(super) async fn run(self: &Arc<Self>, name: FunctionName, request_id: String, payload: Value) -> Outcome {
        let queue = Arc::clone(self);
        let running =
            self.begin(async move { queue.attempts(name, request_id, payload, (Kind::RequestResponse, &[])).await });
        running.await.ok().flatten().unwrap_or_else(|| Outcome::Unreachable("everything is being stopped".to_owned()))
    }

    /// Runs an event, and again after each delay while it fails.
    async fn attempts(
        &self,
        name: FunctionName,
        request_id: String,
        payload: Value,
        (kind, delays): (Kind, &[Duration]),
    ) -> Outcome {
        let queued = SystemTime::now();
        let mut attempts = 1;
        let (mut started, mut outcome) = self.attempt(&name, &request_id, &payload).await;
        for delay in delays {
            if matches!(outcome, Outcome::Answered(_)) {
                break;
            }
            tracing::warn!(function = name.function, request_id, attempts, ?delay, ?outcome, "failed, retrying");
            tokio::time::sleep(*delay).await;
            attempts += 1;
            (started, outcome) = self.attempt(&name, &request_id, &payload).await;
        }
        let failure = match kind {
            Kind::Event => self.record(&name, &request_id, &payload, attempts, &outcome),
            Kind::RequestResponse => None,
        };
        // Without an observer nobody receives it.
        let _ = self.finished.send(Arc::new(Invocation {
            function: name.function,
            request_id,
            kind,
            payload,
            attempts,
            queued,
            started,
            finished: SystemTime::now(),
            outcome: outcome.clone(),
            failure,
        }));
        outcome
    }

    async fn attempt(&self, name: &FunctionName, request_id: &str, payload: &Value) -> (SystemTime, Outcome) {
        // The semaphores are never closed.
        let _permit = match self.workers.get(&name.function) {
            Some(workers) => workers.acquire().await.ok(),
            None => None,
        };
        let started = SystemTime::now();
        (started, self.runtime.invoke(&name.function, request_id, payload).await)
    }

    /// Writes the failure record of an event that is given up.
    fn record(
        &self,
        name: &FunctionName,
        request_id: &str,
        payload: &Value,
        attempts: u32,
        outcome: &Outcome,
    ) -> Option<PathBuf> {
        let record = failure::record(name, request_id, payload, attempts, outcome)?;
        let written = failure::write(&record, &self.failures.join(&name.function), request_id);
        let lost =
            |error| tracing::error!(folder = %self.failures.display(), %error, %record, "the failure record is lost");
        written.map_err(lost).ok()
    }
}
