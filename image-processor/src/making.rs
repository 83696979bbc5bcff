//! The pixels, made off the threads that wait for the network.

use std::{panic::resume_unwind, sync::Arc};

use thumbnail::{Feed, Incoming, Made};
use tokio::{
    sync::Semaphore,
    task::{JoinError, JoinHandle, spawn_blocking},
};

use crate::{Settings, reconcile::Rejection};

/// The thumbnails of one source in the making, from its first byte on. Dropped, it takes no more time than it must.
#[derive(Debug)]
pub struct Making(JoinHandle<Option<Result<Made, thumbnail::Rejection>>>);

impl Making {
    /// Begins with a source of `length` bytes, which comes by the feed. Only that one's `finish` says that it is whole: before
    /// it nothing may be made of this.
    pub(crate) fn begin(length: usize, settings: &Arc<Settings>) -> (Feed, Self) {
        let (feed, source) = thumbnail::incoming(length);
        (feed, Self(tokio::spawn(make(source, Arc::clone(settings)))))
    }

    /// The thumbnails.
    ///
    /// # Errors
    /// [`Rejection`] where there never will be any.
    pub async fn made(mut self) -> Result<Made, Rejection> {
        let made = (&mut self.0).await.unwrap_or_else(unwind);
        made.unwrap_or_else(|| unreachable!("thumbnails are asked for before their source is whole"))
            .map_err(Rejection::from)
    }
}

impl Drop for Making {
    /// Nobody waits any more: what has not begun never does.
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One at a time: the memory limit is for one picture, and the work of an invocation that ran out of time goes on, since a
/// decoder cannot be stopped where it has all of its file, while the process may be at its next one already.
async fn make(source: Incoming, settings: Arc<Settings>) -> Option<Result<Made, thumbnail::Rejection>> {
    static AT_WORK: Semaphore = Semaphore::const_new(1);
    let permit = AT_WORK.acquire().await;
    let made = spawn_blocking(move || {
        let _permit = permit;
        thumbnail::make_incoming(source, &settings.thumbnails)
    });
    made.await.unwrap_or_else(unwind)
}

/// A bug, not the source's fault: it must not become a verdict on it. Lambda tries again.
fn unwind<T>(error: JoinError) -> T {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(cancelled) => unreachable!("nobody waits for what is cancelled: {cancelled}"),
    }
}

#[cfg(test)]
mod tests {
    use thumbnail_job::settings::Reader;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_done_when_its_turn_comes() {
        let settings = Arc::new(Settings::read(Reader::of(&[])).unwrap());
        let (_feed, _at_work) = Making::begin(1, &settings);
        yield_now().await;
        let (feed, waiting) = Making::begin(1, &settings);
        feed.finish();
        yield_now().await;
        let held = Arc::strong_count(&settings);
        drop(waiting);
        yield_now().await;
        assert_eq!(Arc::strong_count(&settings), held - 1, "its source and settings are let go");
    }
}
