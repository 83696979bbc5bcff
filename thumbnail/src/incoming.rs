//! A source that is processed while it still arrives.

use std::{
    io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The number of bytes that a reader copies at once.
const WINDOW: usize = 64 << 10;

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
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { shared: &self.0, taken: 0, window: Vec::new(), used: 0, waited: Duration::ZERO }
    }

    /// Waits for the whole source; returns `None` if it was cut.
    pub(crate) fn whole(self) -> Option<Vec<u8>> {
        let mut state = self.0.wait_for(usize::MAX);
        (state.end == Some(End::Whole)).then(|| std::mem::take(&mut state.bytes))
    }
}

/// Reads a source while it arrives. Every read fails once the source is cut, so that the work on it ends.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    shared: &'a Shared,
    /// The number of bytes in this window and all windows before it.
    taken: usize,
    window: Vec<u8>,
    used: usize,
    /// The time spent waiting for bytes.
    pub(crate) waited: Duration,
}

impl Reader<'_> {
    fn position(&self) -> usize {
        self.taken - (self.window.len() - self.used)
    }
}

impl BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.window.len() {
            let started = Instant::now();
            let state = self.shared.wait_for(self.taken);
            self.waited += started.elapsed();
            if state.end == Some(End::Cut) {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let rest = state.bytes.get(self.taken..).unwrap_or_default();
            self.window.clear();
            self.window.extend_from_slice(&rest[..rest.len().min(WINDOW)]);
            self.taken += self.window.len();
            self.used = 0;
        }
        Ok(&self.window[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => usize::try_from(at).ok(),
            SeekFrom::Current(by) => isize::try_from(by).ok().and_then(|by| self.position().checked_add_signed(by)),
            SeekFrom::End(by) => isize::try_from(by).ok().and_then(|by| self.shared.length.checked_add_signed(by)),
        };
        self.taken = at.ok_or(ErrorKind::InvalidInput)?;
        self.window.clear();
        self.used = 0;
        Ok(self.taken as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

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
    fn a_reader_goes_anywhere() {
        let (feed, incoming) = incoming(10);
        feed.send(b"0123456789");
        feed.finish();
        let mut reader = incoming.reader();
        let mut rest_from = |to| {
            let at = reader.seek(to).unwrap();
            let mut rest = String::new();
            reader.by_ref().take(3).read_to_string(&mut rest).unwrap();
            (at, rest)
        };
        assert_eq!(rest_from(SeekFrom::Start(2)), (2, "234".into()));
        assert_eq!(rest_from(SeekFrom::Current(1)), (6, "678".into()));
        assert_eq!(rest_from(SeekFrom::Current(-9)), (0, "012".into()));
        assert_eq!(rest_from(SeekFrom::End(-2)), (8, "89".into()));
        assert_eq!(rest_from(SeekFrom::Start(20)), (20, String::new()));
        assert!(reader.seek(SeekFrom::Current(-21)).is_err());
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
