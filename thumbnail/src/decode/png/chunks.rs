//! Filters the chunks of a PNG.

use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom};

/// Reads a PNG without the chunks that its picture does not need, because a damaged animation, text or colour description must not
/// lose the picture. A palette of an invalid length is left out, too.
pub(super) struct Essential<R> {
    file: R,
    /// The length and the kind of the current chunk; empty for the signature.
    head: Vec<u8>,
    /// The number of bytes of `head` that were read.
    head_read: usize,
    /// The number of remaining bytes of the current chunk, including its checksum.
    rest: u64,
}

impl<R: BufRead> Essential<R> {
    pub(super) fn new(file: R) -> Self {
        const SIGNATURE: u64 = 8;
        Self { file, head: Vec::new(), head_read: 0, rest: SIGNATURE }
    }

    /// Skips to the next chunk that the picture needs, or to the end of the file.
    fn next_chunk(&mut self) -> io::Result<()> {
        loop {
            self.head.clear();
            self.head_read = 0;
            self.file.by_ref().take(8).read_to_end(&mut self.head)?;
            let [a, b, c, d, kind @ ..] = &self.head[..] else { return Ok(()) };
            let length = u32::from_be_bytes([*a, *b, *c, *d]);
            self.rest = u64::from(length) + 4;
            match kind {
                b"PLTE" if length % 3 != 0 || length == 0 => {}
                b"IHDR" | b"PLTE" | b"tRNS" | b"iCCP" | b"IDAT" | b"IEND" => return Ok(()),
                // A capital letter marks a critical chunk. The decoder reports the ones it does not know.
                [first, ..] if first.is_ascii_uppercase() => return Ok(()),
                _ => {}
            }
            io::copy(&mut self.file.by_ref().take(self.rest), &mut io::sink())?;
        }
    }
}

impl<R: BufRead> BufRead for Essential<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest == 0 && self.head_read == self.head.len() {
            self.next_chunk()?;
        }
        if self.head_read < self.head.len() {
            return Ok(&self.head[self.head_read..]);
        }
        let buffer = self.file.fill_buf()?;
        let most = usize::try_from(self.rest).unwrap_or(usize::MAX).min(buffer.len());
        Ok(&buffer[..most])
    }

    fn consume(&mut self, amount: usize) {
        if self.head_read < self.head.len() {
            self.head_read += amount;
        } else {
            self.rest -= amount as u64;
            self.file.consume(amount);
        }
    }
}

impl<R: BufRead> Read for Essential<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// The decoder requires `Seek`, but never calls it.
impl<R: BufRead> Seek for Essential<R> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(ErrorKind::Unsupported.into())
    }
}
