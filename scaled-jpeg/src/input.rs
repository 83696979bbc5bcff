//! Reads a file as markers, segments and entropy-coded data.

use std::io::{self, BufRead, ErrorKind};

use crate::error::Error;

/// A JPEG file, read from its beginning to its end.
pub(crate) struct Input<'a> {
    source: Source<'a>,
    /// The marker that ended the last entropy-coded data, if nobody has read it yet.
    pending: Option<u8>,
}

/// The bytes that follow. One type for all readers: the decoder is compiled once, not for each of them.
enum Source<'a> {
    /// The rest of a file in memory.
    Slice(&'a [u8]),
    /// A file that comes in pieces.
    Pieces {
        reader: Box<dyn BufRead + 'a>,
        /// The number of bytes read so far.
        taken: usize,
        /// The length of the file, or more if it is unknown.
        length: usize,
    },
}

impl<'a> Input<'a> {
    pub(crate) fn from_slice(file: &'a [u8]) -> Self {
        Self { source: Source::Slice(file), pending: None }
    }

    pub(crate) fn new(reader: impl BufRead + 'a) -> Self {
        Self { source: Source::Pieces { reader: Box::new(reader), taken: 0, length: usize::MAX }, pending: None }
    }

    /// Whether the end of the file is known.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.source, Source::Slice(_))
    }

    /// Sets the length of a file that comes in pieces.
    pub(crate) fn set_length(&mut self, bytes: usize) {
        if let Source::Pieces { length, .. } = &mut self.source {
            *length = bytes;
        }
    }

    /// The maximum number of bytes that follow.
    pub(crate) fn left(&self) -> usize {
        match self.source {
            Source::Slice(rest) => rest.len(),
            Source::Pieces { taken, length, .. } => length.saturating_sub(taken),
        }
    }

    /// Returns another input that continues at the same place. Returns `None` for a file that comes in pieces.
    pub(crate) fn fork(&self) -> Option<Self> {
        match self.source {
            Source::Slice(rest) => Some(Self { source: Source::Slice(rest), pending: self.pending }),
            Source::Pieces { .. } => None,
        }
    }

    /// Returns the available bytes without consuming them. They are empty at the end of the file.
    #[inline]
    fn chunk(&mut self) -> io::Result<&[u8]> {
        let reader = match &mut self.source {
            Source::Slice(rest) => return Ok(rest),
            Source::Pieces { reader, .. } => reader,
        };
        loop {
            match reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        reader.fill_buf()
    }

    #[inline]
    fn consume(&mut self, count: usize) {
        match &mut self.source {
            Source::Slice(rest) => *rest = &rest[count..],
            Source::Pieces { reader, taken, .. } => {
                *taken += count;
                reader.consume(count);
            }
        }
    }

    #[inline]
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.chunk()?.first().copied();
        if byte.is_some() {
            self.consume(1);
        }
        Ok(byte)
    }

    /// Whether the file begins like a JPEG.
    pub(crate) fn begins(&mut self) -> io::Result<bool> {
        Ok(self.byte()? == Some(0xff) && self.byte()? == Some(0xd8))
    }

    /// Returns the next marker, and skips what is before it: garbage between segments, or the rest of a scan.
    pub(crate) fn marker(&mut self) -> io::Result<Option<u8>> {
        if let Some(marker) = self.pending.take() {
            return Ok(Some(marker));
        }
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let from = stuffed(chunk);
            let found = memchr::memchr(0xff, &chunk[from..]);
            let passed = found.map_or(chunk.len(), |at| from + at + 1);
            self.consume(passed);
            if found.is_none() {
                continue;
            }
            match self.after_ff()? {
                Some(0) => {}
                other => return Ok(other),
            }
        }
    }

    /// Reads the byte behind an FF. Any number of fill bytes FF may precede it.
    #[inline]
    fn after_ff(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.byte()? {
                Some(0xff) => {}
                other => return Ok(other),
            }
        }
    }

    /// Reads the length of a segment, which includes the two bytes of the length. Returns `None` at the end of the file.
    fn segment_length(&mut self) -> io::Result<Option<usize>> {
        let (Some(high), Some(low)) = (self.byte()?, self.byte()?) else { return Ok(None) };
        Ok(Some(usize::from(u16::from_be_bytes([high, low]))))
    }

    /// Reads a segment after its marker. Returns `None` if the file ends in the segment.
    pub(crate) fn segment<'b>(&mut self, into: &'b mut Vec<u8>) -> Result<Option<&'b [u8]>, Error> {
        into.clear();
        let Some(length) = self.segment_length()? else { return Ok(None) };
        let length = length.checked_sub(2).ok_or(Error::Corrupt("a segment's length is less than 2"))?;
        while into.len() < length {
            let missing = length - into.len();
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let taken = missing.min(chunk.len());
            into.extend_from_slice(&chunk[..taken]);
            self.consume(taken);
        }
        Ok(Some(into))
    }

    /// Skips a segment that does not affect the picture. Returns false if the file ends in the segment.
    ///
    /// A wrong length loses only this segment: the next marker is searched behind the length. If the end of the file is unknown, a
    /// length may lead beyond it.
    pub(crate) fn skip_segment(&mut self, marker: u8) -> io::Result<bool> {
        let Some(length) = self.segment_length()? else { return Ok(false) };
        let mut length = length.saturating_sub(2);
        // The rest of a segment that contains a picture, such as Exif, must not be taken for the file's own segments.
        let is_harmless = !matches!(marker, 0xe0..=0xe2 | 0xed);
        if self.is_whole() && is_harmless && length > self.chunk()?.len() {
            return Ok(true);
        }
        while length > 0 {
            let available = self.chunk()?.len().min(length);
            if available == 0 {
                return Ok(false);
            }
            self.consume(available);
            length -= available;
        }
        Ok(true)
    }

    /// Reads entropy-coded data without stuffed zeros into `into`. Returns the number of bytes, and whether the data end there, at a marker
    /// or with the file.
    pub(crate) fn entropy(&mut self, into: &mut [u8]) -> io::Result<(usize, bool)> {
        if self.pending.is_some() {
            return Ok((0, true));
        }
        let mut filled = 0;
        while filled < into.len() {
            let room = into.len() - filled;
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Ok((filled, true));
            }
            let chunk = &chunk[..room.min(chunk.len())];
            let plain = memchr::memchr(0xff, chunk);
            let length = plain.unwrap_or(chunk.len());
            into[filled..filled + length].copy_from_slice(&chunk[..length]);
            filled += length;
            self.consume(length + usize::from(plain.is_some()));
            if plain.is_some() {
                match self.after_ff()? {
                    Some(0) => {
                        into[filled] = 0xff;
                        filled += 1;
                    }
                    other => {
                        self.pending = other;
                        return Ok((filled, true));
                    }
                }
            }
        }
        Ok((filled, false))
    }

    /// Whether a marker was found that nobody has read yet.
    pub(crate) fn is_at_marker(&self) -> bool {
        self.pending.is_some()
    }

    /// Puts a marker back.
    pub(crate) fn unread(&mut self, marker: u8) {
        self.pending = Some(marker);
    }
}

/// The number of bytes at the start that contain no marker, because a stuffed zero follows each FF.
fn stuffed(bytes: &[u8]) -> usize {
    const STEP: usize = 64;
    let steps = bytes.windows(STEP + 1).step_by(STEP);
    let free = |window: &&[u8]| {
        let pairs = window[..STEP].iter().zip(&window[1..]);
        pairs.fold(0, |any, (&byte, &next)| any | u8::from(byte == 0xff) & u8::from(next != 0)) == 0
    };
    STEP * steps.take_while(free).count()
}

#[cfg(test)]
mod tests {
    use super::{Input, stuffed};

    #[test]
    fn a_marker_is_found_wherever_it_lies() {
        for length in [0, 1, 62, 63, 64, 65, 127, 128, 129, 200] {
            for fill in 0..3 {
                // Stuffed bytes at every other place before the marker, which the file ends with, or a few more bytes.
                let mut bytes: Vec<u8> = (0..length).map(|at| if at % 2 == length % 2 { 0xff } else { 0 }).collect();
                bytes.extend(vec![0xff; 1 + fill]);
                bytes.push(0xd3);
                assert!(stuffed(&bytes) <= length, "{length}");
                for behind in [0, 1, 64, 100] {
                    bytes.resize(length + fill + 2 + behind, 7);
                    let mut input = Input::new(&bytes[..]);
                    assert_eq!(input.marker().unwrap(), Some(0xd3), "{length}, {fill}");
                    assert_eq!(input.chunk().unwrap().len(), behind, "{length}, {fill}");
                }
            }
        }
    }
}
