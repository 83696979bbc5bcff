//! Shows that callers overlap.
#![allow(dead_code, reason = "each test target uses its part")]

use std::time::Duration;

use futures_util::future::BoxFuture;
use local::{
    faults::{Faults, Operation},
    s3::S3Error,
};
use tokio::sync::watch;

/// Holds every `GetObject` of one key until several are in flight at once, or until the time limit has passed. Then lets all pass.
pub(crate) struct Rendezvous {
    key: String,
    parties: usize,
    limit: Duration,
    meeting: watch::Sender<Meeting>,
}

#[derive(Default)]
struct Meeting {
    waiting: usize,
    /// Whether the parties met, once that is decided.
    met: Option<bool>,
}

impl Rendezvous {
    /// Waits for `parties` GETs of `key`, and holds each for at most `limit`.
    pub(crate) fn new(key: impl Into<String>, parties: usize, limit: Duration) -> Self {
        Self { key: key.into(), parties, limit, meeting: watch::Sender::default() }
    }

    /// Whether `parties` GETs were in flight at once.
    pub(crate) fn met(&self) -> bool {
        self.meeting.borrow().met == Some(true)
    }

    /// Whether the time limit passed first.
    pub(crate) fn failed(&self) -> bool {
        self.meeting.borrow().met == Some(false)
    }

    async fn meet(&self) {
        let _arrival = Arrival::new(self);
        let mut meeting = self.meeting.subscribe();
        if tokio::time::timeout(self.limit, meeting.wait_for(|meeting| meeting.met.is_some())).await.is_err() {
            self.meeting.send_modify(|meeting| _ = meeting.met.get_or_insert(false));
        }
    }
}

/// Counts a GET while its client waits.
struct Arrival<'a>(&'a Rendezvous);

impl<'a> Arrival<'a> {
    fn new(rendezvous: &'a Rendezvous) -> Self {
        rendezvous.meeting.send_modify(|meeting| {
            meeting.waiting += 1;
            if meeting.waiting == rendezvous.parties {
                meeting.met.get_or_insert(true);
            }
        });
        Self(rendezvous)
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.0.meeting.send_modify(|meeting| meeting.waiting -= 1);
    }
}

impl Faults for Rendezvous {
    fn before(&self, operation: Operation) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async move {
            let is_held = operation.name == "GetObject" && operation.key.as_deref() == Some(&self.key);
            if is_held && self.meeting.borrow().met.is_none() {
                self.meet().await;
            }
            Ok(())
        })
    }
}
