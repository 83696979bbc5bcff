//! A source that is processed while it still arrives.

use std::{
    io::{self, BufReader, ErrorKind, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The sending side of [`incoming`]. If it is dropped before [`finish`](Self::finish), the source counts as cut.
#[derive(Debug)]
pub struct Feed(Arc<Shared>);

/// The receiving side of [`incoming`].
#[derive(Debug)]
pub struct Incoming(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// The length of the whole source.
    length: usize,
}

#[derive(Debug)]
struct State {
    bytes: Vec<u8>,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Cut,
}

/// Creates a source of `length` bytes that arrives piece by piece. One thread sends it, and another makes thumbnails of it by
/// [`crate::make_incoming`].
#[must_use]
pub fn incoming(length: usize) -> (Feed, Incoming) {
    let state = Mutex::new(State { bytes: Vec::with_capacity(length), end: None });
    let shared = Arc::new(Shared { state, changed: Condvar::new(), length });
    (Feed(Arc::clone(&shared)), Incoming(shared))
}

impl Shared {
    /// Locks the state. A poisoned lock is ignored, because every operation leaves the state valid.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there are more than `more_than` bytes, or the source has ended.
    fn wait_for(&self, more_than: usize) -> MutexGuard<'_, State> {
        let waits = |state: &mut State| state.bytes.len() <= more_than && state.end.is_none();
        self.changed.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, end: End) {
        self.state().end.get_or_insert(end);
        self.changed.notify_all();
    }
}

impl Feed {
    /// Sends the next piece.
    pub fn send(&self, piece: &[u8]) {
        self.0.state().bytes.extend_from_slice(piece);
        self.0.changed.notify_all();
    }

    /// Returns the number of bytes sent so far.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.0.state().bytes.len()
    }

    /// Confirms that the source is whole. Only then can thumbnails or a rejection be returned.
    pub fn finish(self) {
        self.0.end(End::Whole);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.end(End::Cut);
    }
}

impl Incoming {
    /// The length of the whole source in bytes.
    pub(crate) fn length(&self) -> usize {
        self.0.length
    }

    /// Calls `look` with the first `length` bytes as soon as more than those have arrived. The sender is blocked meanwhile.
    ///
    /// Returns `None` if the source has ended by then, because working ahead gains nothing any more.
    pub(crate) fn peek<T>(&self, length: usize, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let state = self.0.wait_for(length);
        state.end.is_none().then(|| look(&state.bytes[..length]))
    }

    /// Reads the source from its start.
    pub(crate) fn reader(&self) -> BufReader<Arriving<'_>> {
        /// Each copy blocks the sender.
        const COPIED_AT_ONCE: usize = 64 << 10;
        BufReader::with_capacity(COPIED_AT_ONCE, Arriving { shared: &self.0, taken: 0, waited: Duration::ZERO })
    }

    /// Waits for the whole source; returns `None` if it was cut.
    pub(crate) fn whole(self) -> Option<Vec<u8>> {
        let mut state = self.0.wait_for(usize::MAX);
        (state.end == Some(End::Whole)).then(|| std::mem::take(&mut state.bytes))
    }
}

/// Reads a source while it arrives. Every read fails once the source is cut, so that the work on it ends.
#[derive(Debug)]
pub(crate) struct Arriving<'a> {
    shared: &'a Shared,
    /// The number of bytes that were read.
    taken: usize,
    /// The time spent waiting for bytes.
    pub(crate) waited: Duration,
}

impl Arriving<'_> {
    /// The length of the whole source in bytes.
    pub(crate) fn length(&self) -> usize {
        self.shared.length
    }
}

impl Read for Arriving<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let started = Instant::now();
        let state = self.shared.wait_for(self.taken);
        self.waited += started.elapsed();
        if state.end == Some(End::Cut) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let read = state.bytes.get(self.taken..).unwrap_or_default().read(into)?;
        self.taken += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::BufRead, thread};

    use super::*;

    #[test]
    fn what_is_read_is_what_was_sent() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|i| i.to_le_bytes()[i as usize % 3]).collect();
        for piece in [1000, 65_536, 300_000] {
            let (feed, incoming) = incoming(bytes.len());
            thread::scope(|scope| {
                scope.spawn(|| {
                    let mut read = Vec::new();
                    incoming.reader().read_to_end(&mut read).unwrap();
                    assert!(read == bytes);
                });
                bytes.chunks(piece).for_each(|piece| feed.send(piece));
                assert_eq!(feed.sent(), bytes.len());
                feed.finish();
            });
            assert_eq!(incoming.peek(0, <[u8]>::len), None, "it has ended");
            assert!(incoming.whole().unwrap() == bytes);
        }
    }

    #[test]
    fn a_cut_source_is_no_source() {
        let (feed, incoming) = incoming(10);
        feed.send(b"half");
        assert_eq!(incoming.peek(3, <[u8]>::to_vec), Some(b"hal".to_vec()));
        let mut reader = incoming.reader();
        assert_eq!(reader.fill_buf().unwrap(), b"half");
        feed.send(b"more");
        drop(feed);
        assert_eq!(reader.fill_buf().unwrap(), b"half");
        reader.consume(4);
        assert_eq!(reader.fill_buf().unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(incoming.whole(), None);
    }
}
