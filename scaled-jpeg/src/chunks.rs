//! A file that comes in pieces.

use std::io::{self, BufRead, Read};

/// Reads a file from pieces of any size, such as those of a download that still runs; an iterator that waits for the next one,
/// like a channel's receiver, makes the decoder wait.
#[derive(Debug)]
pub struct Chunks<I, B> {
    source: I,
    current: Option<B>,
    used: usize,
}

impl<I, B> Chunks<I, B>
where
    I: Iterator<Item = io::Result<B>>,
    B: AsRef<[u8]>,
{
    /// Reads the pieces that `source` gives. Each is dropped when the next one is asked for.
    pub fn new(source: I) -> Self {
        Self { source, current: None, used: 0 }
    }
}

impl<I, B> BufRead for Chunks<I, B>
where
    I: Iterator<Item = io::Result<B>>,
    B: AsRef<[u8]>,
{
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.as_ref().is_none_or(|chunk| chunk.as_ref().len() <= self.used) {
            self.current = None;
            self.used = 0;
            match self.source.next().transpose()? {
                Some(chunk) => self.current = Some(chunk),
                None => return Ok(&[]),
            }
        }
        Ok(self.current.as_ref().map_or(&[], |chunk| &chunk.as_ref()[self.used..]))
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}

impl<I, B> Read for Chunks<I, B>
where
    I: Iterator<Item = io::Result<B>>,
    B: AsRef<[u8]>,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.fill_buf()?;
        let read = chunk.len().min(buffer.len());
        buffer[..read].copy_from_slice(&chunk[..read]);
        self.consume(read);
        Ok(read)
    }
}
