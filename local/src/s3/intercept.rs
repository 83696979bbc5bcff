//! Hooks for tests: look at each operation before it happens, delay it, or answer with an error instead.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use s3s::S3Error;
use tokio::sync::watch;

/// An operation that is about to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// S3's name for it, such as `GetObject`.
    pub name: String,
    /// The bucket that it names.
    pub bucket: Option<String>,
    /// The key that it names, decoded. (`DeleteObjects` names none: its keys are in the body.)
    pub key: Option<String>,
}

/// Is asked before each operation, after its signature was checked and before its body is read.
pub trait Interceptor: Send + Sync + 'static {
    /// Returns when the operation may go on; an error is the operation's answer.
    fn before(&self, operation: Operation) -> BoxFuture<'_, Result<(), S3Error>>;

    /// Is asked after each request of that HTTP method was carried out. Returns when the answer may go out; true where it
    /// gets lost, and the caller is told 500 instead.
    fn after(&self, _method: &str) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }
}

/// Holds `GetObject` of one key until several of them are in flight at once: a proof that their callers overlap.
///
/// After the meeting, or after the time limit, everything passes.
pub struct Rendezvous {
    key: String,
    parties: usize,
    limit: Duration,
    state: Mutex<Meeting>,
    over: watch::Sender<bool>,
}

#[derive(Default)]
struct Meeting {
    waiting: usize,
    met: bool,
    failed: bool,
}

impl Rendezvous {
    /// Waits for `parties` GETs of `key`, each at most as long as `limit`.
    #[must_use]
    pub fn new(key: impl Into<String>, parties: usize, limit: Duration) -> Self {
        Self { key: key.into(), parties, limit, state: Mutex::default(), over: watch::Sender::new(false) }
    }

    /// Whether so many GETs were in flight at once.
    #[must_use]
    pub fn met(&self) -> bool {
        self.with(|meeting| meeting.met)
    }

    /// Whether the time limit passed first.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.with(|meeting| meeting.failed)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Meeting) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn meet(&self) {
        let mut over = self.over.subscribe();
        let arrival = Arrival::new(self);
        let complete = self.with(|meeting| {
            meeting.met |= meeting.waiting == self.parties && !meeting.failed;
            meeting.met
        });
        if complete {
            self.over.send_replace(true);
        }
        if tokio::time::timeout(self.limit, over.wait_for(|over| *over)).await.is_err() {
            self.with(|meeting| meeting.failed = !meeting.met);
            self.over.send_replace(true);
        }
        drop(arrival);
    }
}

/// Counts a GET as long as its client waits for it.
struct Arrival<'a>(&'a Rendezvous);

impl<'a> Arrival<'a> {
    fn new(rendezvous: &'a Rendezvous) -> Self {
        rendezvous.with(|meeting| meeting.waiting += 1);
        Self(rendezvous)
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.0.with(|meeting| meeting.waiting -= 1);
    }
}

impl Interceptor for Rendezvous {
    fn before(&self, operation: Operation) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async move {
            let held = operation.name == "GetObject" && operation.key.as_deref() == Some(&self.key);
            if held && !*self.over.borrow() {
                self.meet().await;
            }
            Ok(())
        })
    }
}
