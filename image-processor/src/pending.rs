//! Makes thumbnails on a thread of their own, while the source still arrives.

use std::{panic::resume_unwind, sync::Arc, time::Instant};

use thumbnail::{Feed, Incoming, Made};
use tokio::{
    sync::Semaphore,
    task::{JoinError, JoinHandle, spawn_blocking},
};

use crate::{Settings, store::Rejection};

/// The thumbnails of a source, which are being made from its first byte on. Dropping it cancels the work as early as possible.
#[derive(Debug)]
pub struct PendingThumbnails(JoinHandle<Option<Result<Made, thumbnail::Rejection>>>);

impl PendingThumbnails {
    /// Begins the work on a source of `length` bytes. The caller sends the bytes through the returned feed, and calls
    /// [`Feed::finish`] once the source is known to be whole. An animation takes at most half of the time that is left until
    /// `deadline`.
    pub(crate) fn begin(length: usize, settings: &Arc<Settings>, deadline: Option<Instant>) -> (Feed, Self) {
        let (feed, source) = thumbnail::incoming(length);
        (feed, Self(tokio::spawn(make(source, Arc::clone(settings), deadline))))
    }

    /// Waits for the thumbnails.
    ///
    /// # Errors
    /// Returns a [`Rejection`] if no thumbnails can be made of the source.
    pub async fn wait(mut self) -> Result<Made, Rejection> {
        let made = (&mut self.0).await.unwrap_or_else(unwind);
        made.unwrap_or_else(|| unreachable!("callers wait only after `Feed::finish`")).map_err(Rejection::from)
    }
}

impl Drop for PendingThumbnails {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Makes the thumbnails of one source at a time.
///
/// The memory limit holds for one source. A decoder that has its whole source cannot be stopped, so the work of an invocation
/// that ran out of time may still go on when the process is at its next invocation.
async fn make(
    source: Incoming,
    settings: Arc<Settings>,
    deadline: Option<Instant>,
) -> Option<Result<Made, thumbnail::Rejection>> {
    static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);
    let permit = ONE_AT_A_TIME.acquire().await;
    let made = spawn_blocking(move || {
        let _permit = permit;
        let mut options = settings.thumbnails.clone();
        if let Some(deadline) = deadline {
            let half = deadline.saturating_duration_since(Instant::now()) / 2;
            options.limits.max_animation_time = options.limits.max_animation_time.min(half);
        }
        thumbnail::make_incoming(source, &options)
    });
    made.await.unwrap_or_else(unwind)
}

/// Resumes a panic: it is a bug and no fault of the source, so it must not become a rejection. Lambda retries.
fn unwind<T>(error: JoinError) -> T {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(cancelled) => unreachable!("only `drop` cancels, after which nobody waits: {cancelled}"),
    }
}

#[cfg(test)]
mod tests {
    use common::settings::Reader;
    use image::{Frame, Rgba, RgbaImage, codecs::gif::GifEncoder};
    use thumbnail::Motion;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_done_when_its_turn_comes() {
        let settings = Arc::new(Settings::read(Reader::of(&[])).unwrap());
        let (_feed, _at_work) = PendingThumbnails::begin(1, &settings, None);
        yield_now().await;
        let (feed, waiting) = PendingThumbnails::begin(1, &settings, None);
        feed.finish();
        yield_now().await;
        let held = Arc::strong_count(&settings);
        drop(waiting);
        yield_now().await;
        assert_eq!(Arc::strong_count(&settings), held - 1, "its source and settings are let go");
    }
    #[tokio::test]
    async fn an_animation_watches_the_deadline() {
        let mut file = Vec::new();
        let mut encoder = GifEncoder::new(&mut file);
        for level in [0, 255] {
            encoder.encode_frame(Frame::new(RgbaImage::from_pixel(1, 1, Rgba([level, level, level, 255])))).unwrap();
        }
        drop(encoder);
        let settings = Arc::new(Settings::read(Reader::of(&[("ANIMATION", "keep")])).unwrap());
        let motion = async |deadline| {
            let (feed, pending) = PendingThumbnails::begin(file.len(), &settings, deadline);
            feed.send(&file);
            feed.finish();
            pending.wait().await.unwrap().motion
        };
        assert_eq!(motion(None).await, Some(Motion::Kept(None)));
        assert!(matches!(motion(Some(Instant::now())).await, Some(Motion::First(_))));
    }
}
