//! Faults that a test injects: into S3's operations, Lambda's API, and the delivery of events.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use s3s::S3Error;

/// An operation of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// S3's name for it, such as `GetObject`.
    pub name: String,
    /// The bucket that it names.
    pub bucket: Option<String>,
    /// The key that it names, decoded.
    pub key: Option<String>,
}

/// Decides which faults are injected. The default methods inject none.
pub trait Faults: Send + Sync + 'static {
    /// Returns when an operation of S3 may go on; an error is the operation's answer. Its signature is checked by then, and
    /// its body is not yet read.
    fn before(&self, _operation: Operation) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Returns when the answer to a request of that HTTP method may go out; true loses the answer, and the caller gets 500.
    fn after(&self, _method: &str) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }

    /// When an event that Lambda accepted reaches its function, one entry for each delivery.
    fn deliveries(&self) -> Vec<Duration> {
        vec![Duration::ZERO]
    }

    /// Returns the fault of the next call of Lambda's API.
    fn call(&self) -> Option<CallFault> {
        None
    }
}

/// A fault of a call of Lambda's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// The call is answered with that status and error code, and not carried out.
    Refused(u16, &'static str),
    /// The call is carried out, but the caller gets `ServiceException`.
    AnswerLost,
}

/// The faults that are injected now, shared by all that ask for them.
#[derive(Clone, Default)]
pub(crate) struct Injected(Arc<RwLock<Option<Arc<dyn Faults>>>>);

impl Injected {
    pub(crate) fn set(&self, faults: Option<Arc<dyn Faults>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    pub(crate) fn get(&self) -> Option<Arc<dyn Faults>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
