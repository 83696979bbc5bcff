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

/// The number of invocations that an observer may lag behind before it misses some.
const OBSERVED: usize = 65_536;

/// Runs invocations of both kinds, and sends each that has ended to the observers.
pub(super) struct Queue {
    runtime: Runtime,
    pub(super) injected: Injected,
    retry_delays: Vec<Duration>,
    failures: PathBuf,
    /// One semaphore for each function: as in Lambda, no function takes the capacity of another.
    pub(super) workers: HashMap<String, Semaphore>,
    /// The invocations that are queued or running.
    pub(super) tasks: TaskTracker,
    /// Aborts every invocation that is queued or running, and drops events that arrive later.
    pub(super) stopped: CancellationToken,
    pub(super) finished: broadcast::Sender<Arc<Invocation>>,
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

    /// Queues an event.
    pub(super) fn enqueue(self: &Arc<Self>, name: &FunctionName, request_id: &str, payload: &Value) {
        let deliveries = self.injected.get().map_or_else(|| vec![Duration::ZERO], |faults| faults.deliveries());
        for delay in deliveries {
            let (queue, name, id, payload) = (Arc::clone(self), name.clone(), request_id.to_owned(), payload.clone());
            drop(self.begin(async move {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                queue.attempts(name, id, payload, Kind::Event).await;
            }));
        }
    }

    /// Starts a task that runs to its end, or until the queue is stopped.
    fn begin<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<Option<T>> {
        self.tasks.spawn(self.stopped.clone().run_until_cancelled_owned(work))
    }

    /// Runs a function once, and returns its outcome. As in Lambda, it runs to its end even if the caller is gone.
    pub(super) async fn run(self: &Arc<Self>, name: FunctionName, request_id: String, payload: Value) -> Outcome {
        let queue = Arc::clone(self);
        let running = self.begin(async move { queue.attempts(name, request_id, payload, Kind::RequestResponse).await });
        running.await.ok().flatten().unwrap_or_else(|| Outcome::Unreachable("the local stack is stopping".to_owned()))
    }

    /// Runs a function. Retries an event that fails, and records it if every attempt fails.
    async fn attempts(&self, name: FunctionName, request_id: String, payload: Value, kind: Kind) -> Outcome {
        let queued = SystemTime::now();
        let mut delays = match kind {
            Kind::Event => self.retry_delays.iter(),
            Kind::RequestResponse => [].iter(),
        };
        let mut attempts = 0;
        let (started, outcome) = loop {
            attempts += 1;
            let (started, outcome) = self.attempt(&name, &request_id, &payload).await;
            match delays.next() {
                Some(delay) if !matches!(outcome, Outcome::Answered(_)) => tokio::time::sleep(*delay).await,
                _ => break (started, outcome),
            }
        };
        let mut invocation = Invocation {
            function: name.function.clone(),
            request_id,
            kind,
            payload,
            attempts,
            queued,
            started,
            finished: SystemTime::now(),
            outcome: outcome.clone(),
            failure: None,
        };
        if kind == Kind::Event {
            invocation.failure = failure::record(&name, &invocation, &self.failures);
        }
        // Sending fails if nobody observes.
        let _ = self.finished.send(Arc::new(invocation));
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
}
