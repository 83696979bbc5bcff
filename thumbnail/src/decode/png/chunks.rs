//! Filters the chunks of a PNG.

use std::io::{self, BufRead, Cursor, ErrorKind, Read, Seek, SeekFrom, Take};

/// Reads a PNG without the chunks that its picture does not need, because a damaged animation, text or colour description must not
/// lose the picture. A palette of an invalid length is left out, too.
pub(super) struct Essential<R> {
    /// The length and the kind of the current chunk; empty for the signature.
    head: Cursor<Vec<u8>>,
    /// The rest of the current chunk, including its checksum.
    rest: Take<R>,
}

impl<R: BufRead> Essential<R> {
    pub(super) fn new(file: R) -> Self {
        const SIGNATURE: u64 = 8;
        Self { head: Cursor::default(), rest: file.take(SIGNATURE) }
    }

    /// Skips to the next chunk that the picture needs, or to the end of the file.
    fn next_chunk(&mut self) -> io::Result<()> {
        loop {
            let mut head = Vec::new();
            self.rest.set_limit(8);
            self.rest.read_to_end(&mut head)?;
            self.head = Cursor::new(head);
            let [a, b, c, d, kind @ ..] = &self.head.get_ref()[..] else { return Ok(()) };
            let length = u32::from_be_bytes([*a, *b, *c, *d]);
            self.rest.set_limit(u64::from(length) + 4);
            match kind {
                b"PLTE" if length % 3 != 0 || length == 0 => {}
                b"IHDR" | b"PLTE" | b"tRNS" | b"iCCP" | b"IDAT" | b"IEND" => return Ok(()),
                // A capital letter marks a critical chunk. The decoder reports the ones it does not know.
                [first, ..] if first.is_ascii_uppercase() => return Ok(()),
                _ => {}
            }
            io::copy(&mut self.rest, &mut io::sink())?;
        }
    }

    fn is_in_head(&self) -> bool {
        self.head.position() < self.head.get_ref().len() as u64
    }
}

impl<R: BufRead> BufRead for Essential<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest.limit() == 0 && !self.is_in_head() {
            self.next_chunk()?;
        }
        if self.is_in_head() { self.head.fill_buf() } else { self.rest.fill_buf() }
    }

    fn consume(&mut self, amount: usize) {
        if self.is_in_head() { self.head.consume(amount) } else { self.rest.consume(amount) }
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
