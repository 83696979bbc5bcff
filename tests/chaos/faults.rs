//! Faults by chance: S3's and Lambda's calls fail, also after they were carried out; events come twice, late and in another
//! order, or are lost and delivered again.
//!
//! A seed decides what goes wrong. Which call meets with it depends on the machine too, so a seed repeats a run in kind, not to
//! the letter.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use futures_util::future::BoxFuture;
use local::{
    faults::{CallFault, Faults, Operation},
    s3::{S3Error, S3ErrorCode},
};
use tokio::time::sleep;

/// What goes wrong, and how often it did.
pub(crate) struct Chaos(Mutex<State>);

struct State {
    random: Rng,
    tally: BTreeMap<&'static str, usize>,
}

impl Chaos {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(State { random: Rng::with_seed(seed), tally: BTreeMap::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts something, and answers with what it is about.
    fn count<T>(&mut self, what: &'static str, about: T) -> T {
        *self.tally.entry(what).or_default() += 1;
        about
    }

    /// A delay for some of a hundred requests, up to `longest` milliseconds.
    fn delay(&mut self, percent: u8, longest: u64) -> Duration {
        if self.random.u8(..100) >= percent {
            return Duration::ZERO;
        }
        let delay = self.up_to(longest);
        self.count("requests of S3 late", delay)
    }

    fn up_to(&mut self, milliseconds: u64) -> Duration {
        Duration::from_millis(self.random.u64(..=milliseconds))
    }
}

/// Of a hundred calls eight are refused, most in a way that the SDK tries again, two are carried out but seem to fail.
/// Many answers are late, so that invocations for one key overtake each other.
impl Faults for Chaos {
    fn before(&self, operation: Operation) -> BoxFuture<'_, Result<(), S3Error>> {
        let mut state = self.state();
        state.count("calls of S3", ());
        let answer = match state.random.u8(..100) {
            0..3 => Err(state.count("calls of S3 refused", S3ErrorCode::SlowDown)),
            3..6 => Err(state.count("calls of S3 refused", S3ErrorCode::InternalError)),
            6..8 => Err(state.count("calls of S3 refused", S3ErrorCode::AccessDenied)),
            _ => Ok(()),
        };
        // A write that is late may come after those of an invocation that saw a newer source.
        let delay = if operation.name == "PutObject" { state.delay(10, 1500) } else { Duration::ZERO };
        drop(state);
        Box::pin(async move {
            sleep(delay).await;
            answer.map_err(|code| S3Error::with_message(code, format!("chaos meets {}", operation.name)))
        })
    }

    fn after(&self, method: &str) -> BoxFuture<'_, bool> {
        let mut state = self.state();
        let is_lost = state.random.u8(..100) < 2 && state.count("answers of S3 lost", true);
        // A source that takes its time to arrive may be another one by then, and its thumbnails made by others.
        let delay = if method == "GET" { state.delay(35, 2000) } else { state.delay(10, 150) };
        drop(state);
        Box::pin(async move {
            sleep(delay).await;
            is_lost
        })
    }

    fn deliveries(&self) -> Vec<Duration> {
        let mut state = self.state();
        state.count("events", ());
        let first = match state.random.u8(..10) {
            0..7 => state.up_to(25),
            7..9 => state.up_to(750),
            // Nothing comes of the first delivery, and the sender notices after a while.
            _ => state.count("events lost and delivered again", Duration::from_secs(1)) + state.up_to(1000),
        };
        let mut deliveries = vec![first];
        while state.random.u8(..10) == 0 {
            state.count("events delivered once more", ());
            deliveries.push(state.up_to(1500));
        }
        deliveries
    }

    fn call(&self) -> Option<CallFault> {
        let mut state = self.state();
        state.count("invocations", ());
        match state.random.u8(..100) {
            0..4 => Some(state.count("invocations refused", CallFault::Refused(429, "TooManyRequestsException"))),
            4..7 => Some(state.count("invocations refused", CallFault::Refused(500, "ServiceException"))),
            7..8 => Some(state.count("invocations refused", CallFault::Refused(403, "AccessDeniedException"))),
            8..10 => Some(state.count("answers of Lambda lost", CallFault::AnswerLost)),
            _ => None,
        }
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let mut separator = "";
        for (what, count) in &state.tally {
            write!(f, "{separator}{count} {what}")?;
            separator = ", ";
        }
        Ok(())
    }
}
