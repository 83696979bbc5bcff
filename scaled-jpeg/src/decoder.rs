//! The public interface: a file whose header has been read, and how to decode it.

use std::io::BufRead;

use crate::{
    colours::Pixels, error::Error, header::Header, input::Input, open::open, scan::ScanHeader, streams::Limits,
    tables::Tables,
};

/// The maximum number of scans of a file, unless [`Decoder::max_scans`] sets another. Encoders write about a dozen. A scan may take as much
/// time as the rest of the picture.
pub const MAX_SCANS: usize = 500;

/// A JPEG file whose header has been read.
pub struct Decoder<'a> {
    pub(crate) input: Input<'a>,
    pub(crate) header: Header,
    pub(crate) tables: Tables,
    /// The header of the first scan. The input is directly behind it.
    pub(crate) first: Option<ScanHeader>,
    pub(crate) approximate: bool,
    /// When several places of a scan are decoded at once; `None` for never.
    pub(crate) streams: Option<Limits>,
    pub(crate) max_scans: usize,
}

/// A reduced picture.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Picture {
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// What the bytes of a pixel mean.
    pub pixels: Pixels,
    /// `width * height * pixels.channels()` bytes: rows from the top, without gaps.
    pub data: Vec<u8>,
    /// How much of the picture the file contains.
    pub coverage: Coverage,
}

/// How much of a picture is in its file. Missing blocks have the colour of the block before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Coverage {
    /// The number of sound blocks of 8 × 8 samples in all components. In a progressive file, a block is sound if its mean is.
    pub found: u64,
    /// The number of blocks of the picture.
    pub expected: u64,
}

impl Coverage {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.found == self.expected
    }
}

/// The samples of one component, before they are scaled to the picture's size and converted to colours.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plane {
    /// The width in samples: whole blocks, as many as cover the picture.
    pub width: usize,
    /// The height in samples, as for the width.
    pub height: usize,
    /// The width and height of a block in samples.
    pub block: (usize, usize),
    /// `width * height` samples: rows from the top, without gaps.
    pub data: Vec<u8>,
}

/// The properties of a file that follow its first scan, as far as they are known without decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Outline {
    /// The number of scans.
    pub scans: u32,
    /// Whether an end marker follows the last scan.
    pub ended: bool,
    /// The height that a DNL segment gives; 0 if there is no such segment.
    pub height: u16,
}

impl<'a> Decoder<'a> {
    /// Reads the header of a file in memory. Unlike [`new`](Self::new), it finds a height that only a segment behind the first scan
    /// contains.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut decoder = Self::open(Input::from_slice(bytes))?;
        if decoder.header.height == 0 {
            decoder.header.height = decoder.outline().map_or(0, |outline| outline.height);
        }
        Ok(decoder)
    }

    /// Surveys the rest of a file in memory, which takes a part of the time of decoding. Returns `None` for a file that comes in pieces.
    #[must_use]
    pub fn outline(&self) -> Option<Outline> {
        let mut ahead = self.input.fork()?;
        let mut outline = Outline { scans: 1, ..Outline::default() };
        // A slice can always be read.
        while let Ok(Some(marker)) = ahead.marker() {
            match marker {
                0xd9 => outline.ended = true,
                0xda => outline.scans += 1,
                0xdc if outline.height == 0 => {
                    let mut segment = Vec::new();
                    let lines = ahead.fork()?.segment(&mut segment).ok().flatten().and_then(<[u8]>::first_chunk);
                    outline.height = lines.map_or(0, |&lines| u16::from_be_bytes(lines));
                }
                _ => {}
            }
            // A second start marker belongs to another picture: this one lacks its end marker.
            let has_segment = !matches!(marker, 0xd0..=0xd9 | 0x00..=0xbf);
            if matches!(marker, 0xd8 | 0xd9) || has_segment && !ahead.skip_segment(marker).unwrap_or(false) {
                break;
            }
        }
        Some(outline)
    }

    /// Reads the header of a file. A file whose height is in a segment behind the first scan, which is rare, can only be decoded from a
    /// slice, with [`from_slice`](Decoder::from_slice).
    ///
    /// The reader may return the file in pieces of any size. Each piece is copied at once and read only once.
    ///
    /// # Errors
    /// Returns an [`Error`] if the input is not a JPEG, ends in its header, or is of a kind that this crate does not decode.
    pub fn new(reader: impl BufRead + 'a) -> Result<Self, Error> {
        Self::open(Input::new(reader))
    }

    fn open(mut input: Input<'a>) -> Result<Self, Error> {
        let (header, tables, first) = open(&mut input)?;
        Ok(Self {
            input,
            header,
            tables,
            first: Some(first),
            approximate: false,
            streams: Some(Limits::USUAL),
            max_scans: MAX_SCANS,
        })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Permits the decoder to skip the last refinement of a progressive file's component if the quantisers show that it changes no sample
    /// by a level or more. The last refinement is often half of the file.
    #[must_use]
    pub fn approximate(mut self, allowed: bool) -> Self {
        self.approximate = allowed;
        self
    }

    /// Returns components as they are stored, whatever colours the file announces, for containers that announce their own. Four components
    /// still count as inks that Adobe's convention inverts.
    #[must_use]
    pub fn untransformed(mut self) -> Self {
        (self.header.jfif, self.header.adobe) = (false, Some(0));
        self
    }

    /// Tells the length in bytes of a file that comes in pieces. The decoder uses it only to choose the faster way.
    #[must_use]
    pub fn length(mut self, bytes: usize) -> Self {
        self.input.set_length(bytes);
        self
    }

    /// Sets the maximum number of scans, instead of [`MAX_SCANS`]. Decoding takes time in proportion to the number of scans and the size of
    /// the picture. A file with more scans is an error.
    #[must_use]
    pub fn max_scans(mut self, scans: usize) -> Self {
        self.max_scans = scans;
        self
    }

    /// Decodes one place of a scan at a time, for comparison. The picture is the same.
    #[doc(hidden)]
    #[must_use]
    pub fn one_at_a_time(mut self) -> Self {
        self.streams = None;
        self
    }

    /// Decodes several places of a scan at once wherever this is possible, even where it does not pay, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn several_at_once(mut self) -> Self {
        self.streams = Some(Limits::NONE);
        self
    }
}
