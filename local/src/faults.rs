//! Faults that tests inject into S3's operations, Lambda's API, and the delivery of events.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use s3s::S3Error;

/// An operation of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// S3's name of the operation, such as `GetObject`.
    pub name: String,
    /// The key in the request, decoded.
    pub key: Option<String>,
}

/// Decides which faults are injected. The default methods inject none.
pub trait Faults: Send + Sync + 'static {
    /// Is awaited before an operation of S3. An error becomes the answer of the operation. The signature has been checked by then, and the
    /// body has not been read.
    fn before(&self, _operation: Operation) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Is awaited before S3 answers a request with this HTTP method. If it returns true, the answer is lost, and the caller gets 500.
    fn after(&self, _method: &str) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }

    /// Returns the deliveries of an event that Lambda has accepted, each as the delay after which the function gets the event.
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
    /// The call is not carried out, and is answered with this status and error code.
    Refused(u16, &'static str),
    /// The call is carried out, and is answered with `ServiceException`.
    AnswerLost,
}

/// The faults that are injected at present. Clones share them.
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
