//! The way from a file to pixels.

use std::io::BufRead;

use crate::{
    error::Error,
    geometry::Scale,
    header::{self, Header, ScanHeader},
    input::Input,
    raster::Pixels,
    run::Run,
    streams::Limits,
    tables::Tables,
};

/// Scans that a file may have unless [`Decoder::max_scans`] says otherwise. Encoders write a dozen; each may cost as much time as
/// all of the picture.
pub const MAX_SCANS: usize = 500;

/// A JPEG file of which the header was read.
pub struct Decoder<R> {
    pub(crate) input: Input<R>,
    pub(crate) header: Header,
    pub(crate) tables: Tables,
    /// The header of the first scan, which the input has just passed.
    pub(crate) first: Option<ScanHeader>,
    /// Remembers a place in the input, where that can be read again.
    pub(crate) mark: Option<Mark<R>>,
    pub(crate) approximate: bool,
    /// When several places of a scan are decoded at once; `None` for never.
    pub(crate) streams: Option<Limits>,
    pub(crate) max_scans: usize,
}

/// Gives an input that goes on where another is.
type Mark<R> = fn(&Input<R>) -> Input<R>;

/// A reduced picture.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Picture {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// What the bytes of a pixel mean.
    pub pixels: Pixels,
    /// `width * height * pixels.channels()` bytes: rows from the top, without gaps.
    pub data: Vec<u8>,
    /// How much of it was there.
    pub coverage: Coverage,
}

/// How much of a picture its file really holds. What is missing has the colour of what comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Coverage {
    /// Blocks of 8 × 8 samples, of all components, that were readable. In a progressive file: whose mean was.
    pub found: u64,
    /// Blocks that the picture has.
    pub expected: u64,
}

impl Coverage {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.found == self.expected
    }
}

/// Samples of one component, before they are brought to the picture's size and become colours.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plane {
    /// In samples: whole blocks, as many as show something of the picture.
    pub width: usize,
    /// In samples, likewise.
    pub height: usize,
    /// Samples that a block has, across and down.
    pub block: (usize, usize),
    /// `width * height` samples: rows from the top, without gaps.
    pub data: Vec<u8>,
}

impl<'a> Decoder<&'a [u8]> {
    /// Reads the header of a file in memory. Other than [`new`](Self::new), it finds a height that only a segment behind the
    /// first scan gives.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut decoder = Self { mark: Some(Input::clone), ..Self::open(Input::from_slice(bytes))? };
        if decoder.header.height == 0 {
            let mut ahead = Input::from_slice(bytes);
            while let Some(marker) = ahead.marker()? {
                match marker {
                    0xdc => {
                        decoder.header.height = lines(ahead.segment(&mut Vec::new())?);
                        break;
                    }
                    0xd9 => break,
                    0x00..=0xbf | 0xd0..=0xd8 => {}
                    _ => {
                        ahead.skip_segment(marker)?;
                    }
                }
            }
        }
        Ok(decoder)
    }

    /// Looks through the rest of the file, which takes as long as some of its decoding.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let mut ahead = self.input.clone();
        let mut outline = Outline { scans: 1, ended: false };
        // A slice can always be read.
        while let Ok(Some(marker)) = ahead.marker() {
            match marker {
                0xd9 => outline.ended = true,
                0xda => outline.scans += 1,
                _ => {}
            }
            // A second start: another picture's, and this one is over without its end.
            let has_segment = !matches!(marker, 0xd0..=0xd9 | 0x00..=0xbf);
            if matches!(marker, 0xd8 | 0xd9) || has_segment && !ahead.skip_segment(marker).unwrap_or(false) {
                break;
            }
        }
        outline
    }
}

/// What can be known of a file's scans without decoding them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Outline {
    /// Scans, the first one included.
    pub scans: u32,
    /// Whether an end marker follows the last of them.
    pub ended: bool,
}

/// What a segment says that gives the number of lines.
fn lines(segment: Option<&[u8]>) -> u16 {
    segment.and_then(<[u8]>::first_chunk).map_or(0, |&bytes| u16::from_be_bytes(bytes))
}

impl<R: BufRead> Decoder<R> {
    /// Reads a file's header, and no further. A height that only a segment behind the first scan gives is not in it: such a file,
    /// of which there are hardly any, can be decoded from a slice only, with [`from_slice`](Decoder::from_slice).
    ///
    /// The reader may be a slice, or anything that hands out a file piece by piece; what it hands out at a time is copied
    /// at once, and never asked for again.
    ///
    /// # Errors
    /// [`Error`] where the input is no JPEG, ends in its header, or is of a kind that this crate does not decode.
    pub fn new(reader: R) -> Result<Self, Error> {
        Self::open(Input::new(reader))
    }

    fn open(mut input: Input<R>) -> Result<Self, Error> {
        let (header, tables, first) = header::read(&mut input)?;
        Ok(Self {
            input,
            header,
            tables,
            first: Some(first),
            mark: None,
            approximate: false,
            streams: Some(Limits::USUAL),
            max_scans: MAX_SCANS,
        })
    }

    /// What is known before the first scan.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Allows to leave out the last refinement of a progressive file's component where that changes no sample by a level or
    /// more, as its quantisers tell. It is often half of the file.
    #[must_use]
    pub fn approximate(mut self, allowed: bool) -> Self {
        self.approximate = allowed;
        self
    }

    /// Hands out components as they are stored, whatever the file says of their colours: for a container that knows better. Four
    /// still count as inks in Adobe's sense, and are inverted.
    #[must_use]
    pub fn untransformed(mut self) -> Self {
        (self.header.jfif, self.header.adobe) = (false, Some(0));
        self
    }

    /// How many scans the file may have, instead of [`MAX_SCANS`]: a bound of the time that it takes, which is in proportion to
    /// them and to the picture's size. A file with more is an error, not a picture of its first ones.
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

    /// Decodes the picture at a scale.
    ///
    /// # Errors
    /// [`Error`] where nothing of it can be decoded. A picture that is there in part is no error: see [`Coverage`].
    pub fn decode(self, scale: Scale) -> Result<Picture, Error> {
        let pixels = self.header.colours().pixels();
        let (output, coverage) = Run::decode(self, scale, true)?;
        let (width, height) = output.geometry.size;
        Ok(Picture { width, height, pixels, data: output.into_pixels(), coverage })
    }

    /// Decodes the planes of the picture's components at a scale.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_planes(self, scale: Scale) -> Result<Vec<Plane>, Error> {
        let (output, _) = Run::decode(self, scale, false)?;
        let planes = output.geometry.channels.iter().zip(&output.planes).map(|(channel, plane)| {
            let (width, height) =
                (channel.blocks.0 as usize * channel.width, channel.blocks.1 as usize * channel.height);
            let rows = plane.samples.chunks_exact(output.geometry.stride(channel)).take(height);
            let data = rows.flat_map(|row| &row[..width]).copied().collect();
            Plane { width, height, block: (channel.width, channel.height), data }
        });
        Ok(planes.collect())
    }
}
