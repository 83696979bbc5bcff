//! Hooks for tests: what goes wrong with events, calls of the API and processes.

use std::time::Duration;

/// Is asked whenever something could go wrong. By default nothing does.
pub trait Trouble: Send + Sync + 'static {
    /// When an event that was accepted reaches its function, once for each entry.
    fn deliveries(&self) -> Vec<Duration> {
        vec![Duration::ZERO]
    }

    /// What goes wrong with a call of the API.
    fn call(&self) -> Option<Mishap> {
        None
    }

    /// How long into an attempt the function's process is killed. Only processes of our own can be.
    fn life(&self) -> Option<Duration> {
        None
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It is answered with that status and error code, and not carried out.
    Refused(u16, &'static str),
    /// It is carried out, but the caller is told `ServiceException`.
    AnswerLost,
}
