//! The pixels, made off the threads that wait for the network.

use std::sync::Arc;

use thumbnail::{Incoming, Made, Sender};
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, spawn_blocking},
};

use crate::{Settings, reconcile::Rejection};

/// The thumbnails of one source in the making, from its first byte on.
#[derive(Debug)]
pub struct Making(JoinHandle<Result<Made, Rejection>>);

impl Making {
    /// Begins with a source of `length` bytes, which goes to the sender piece by piece. Only that one's `finish` says that it
    /// is whole: before it nothing may be made of this.
    pub(crate) fn begin(length: usize, settings: &Arc<Settings>) -> (Sender, Self) {
        let (sender, source) = thumbnail::incoming(length);
        (sender, Self(tokio::spawn(make(source, Arc::clone(settings)))))
    }

    /// The thumbnails.
    ///
    /// # Errors
    /// [`Rejection`] where there never will be any.
    pub async fn made(self) -> Result<Made, Rejection> {
        self.0.await.unwrap_or_else(|panic| Err(panicked(&panic.to_string())))
    }
}

/// One at a time: the memory limit is for one picture, and the work of an invocation that ran out of time goes on, since a
/// decoder cannot be stopped, while the process may be at its next one already.
async fn make(source: Incoming, settings: Arc<Settings>) -> Result<Made, Rejection> {
    static AT_WORK: Semaphore = Semaphore::const_new(1);
    let permit = AT_WORK.acquire().await;
    let made = spawn_blocking(move || {
        let _permit = permit;
        thumbnail::make_incoming(source, &settings.thumbnails)
    });
    match made.await {
        Ok(Some(made)) => made.map_err(Rejection::from),
        Ok(None) => Err(panicked("nobody waits for a source that was cut")),
        Err(panic) => Err(panicked(&panic.to_string())),
    }
}

fn panicked(message: &str) -> Rejection {
    Rejection { reason: "panic", message: message.to_owned(), info: None }
}
