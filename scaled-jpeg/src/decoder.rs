//! The way from a file to pixels.

use std::io::BufRead;

use crate::{
    bits::Window,
    error::Error,
    geometry::{Geometry, Scale},
    header::{self, Header, Tables},
    huffman::{AcTable, DcTable},
    input::Input,
    output::Output,
    raster::Pixels,
    sequential::{Part, Sequential},
    transform::Quantisers,
    walk::{self, Scan as _},
};

/// A JPEG file of which the header was read.
pub struct Decoder<R> {
    input: Input<R>,
    header: Header,
    tables: Tables,
}

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

/// Samples of one component, before they are brought to the picture's size and become colours.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plane {
    /// In samples.
    pub width: usize,
    /// In samples.
    pub height: usize,
    /// Samples that a block has, across and down.
    pub block: (usize, usize),
    /// Rows from the top, without gaps.
    pub data: Vec<u8>,
}

/// A component as a scan names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selected {
    pub(crate) channel: usize,
    dc: u8,
    ac: u8,
}

/// A scan's header.
#[derive(Debug)]
pub(crate) struct ScanHeader {
    pub(crate) parts: Vec<Selected>,
}

impl<R: BufRead> Decoder<R> {
    /// Reads a file's header.
    ///
    /// # Errors
    /// [`Error`] where the input is no JPEG, ends in its header, or is of a kind that this crate does not decode.
    pub fn new(reader: R) -> Result<Self, Error> {
        let mut input = Input::new(reader);
        let (header, tables) = header::read(&mut input)?;
        Ok(Self { input, header, tables })
    }

    /// What is known before the first scan.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Decodes the picture at a scale.
    ///
    /// # Errors
    /// [`Error`] where nothing of it can be decoded. A picture that is there in part is no error: see [`Coverage`].
    pub fn decode(self, scale: Scale) -> Result<Picture, Error> {
        let pixels = self.header.colours().pixels();
        let (output, coverage) = self.run(scale, true)?;
        let (width, height) = output.geometry.size;
        Ok(Picture { width, height, pixels, data: output.into_pixels(), coverage })
    }

    /// Decodes the planes of the picture's components at a scale.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_planes(self, scale: Scale) -> Result<Vec<Plane>, Error> {
        let (output, _) = self.run(scale, false)?;
        let planes = output.geometry.channels.iter().zip(output.planes).map(|(channel, data)| {
            let (width, height) = (channel.blocks.0 as usize * channel.width, channel.blocks.1 as usize * channel.height);
            let stride = output.geometry.stride(channel);
            let data = data.chunks_exact(stride).take(height).flat_map(|row| &row[..width]).copied().collect();
            Plane { width, height, block: (channel.width, channel.height), data }
        });
        Ok(planes.collect())
    }

    fn run(mut self, scale: Scale, raster: bool) -> Result<(Output, Coverage), Error> {
        let geometry = Geometry::new(&self.header, u32::from(self.header.height), scale);
        let mut found = vec![0; geometry.channels.len()];
        let mut buffer = Vec::new();
        let mut window = Window::new();
        let mut geometry = Some(geometry);
        let mut output: Option<Output> = None;
        while let Some(marker) = self.input.marker()? {
            match marker {
                0xd9 => break,
                0xd0..=0xd8 | 0x00..=0xbf => continue,
                _ => {}
            }
            let Some(segment) = self.input.segment(&mut buffer)? else { break };
            if marker != 0xda {
                self.tables.read(marker, segment)?;
                continue;
            }
            let scan = ScanHeader::read(segment, &self.header)?;
            let complete = scan.parts.len() == found.len();
            let output = output.get_or_insert_with(|| {
                let header = raster.then_some(&self.header);
                Output::new(geometry.take().expect("set"), header, !complete || !raster)
            });
            let mut parts = Vec::new();
            for selected in &scan.parts {
                parts.push(Part {
                    channel: selected.channel,
                    dc: DcTable::new(&self.tables.dc(selected.dc)),
                    ac: AcTable::new(&self.tables.ac(selected.ac)),
                    quantisers: Quantisers::new(
                        self.tables.quantisation(self.header.components[selected.channel].quantisation)?,
                    ),
                });
            }
            let mut sequential = Sequential::new(output, parts);
            let n = sequential.blocks();
            let _ = n;
            let mcus = walk::walk(&mut self.input, &mut window, self.tables.interval, &mut sequential)?;
            for selected in &scan.parts {
                let channel = &output.geometry.channels[selected.channel];
                let blocks = if scan.parts.len() == 1 { 1 } else { u64::from(channel.h * channel.v) };
                found[selected.channel] = mcus * blocks;
            }
            if complete {
                break;
            }
        }
        let output = output.ok_or(Error::NoPicture)?;
        let expected: Vec<u64> =
            output.geometry.channels.iter().map(|c| u64::from(c.blocks.0) * u64::from(c.blocks.1)).collect();
        let found = found.iter().zip(&expected).map(|(found, expected)| found.min(expected)).sum();
        Ok((output, Coverage { found, expected: expected.iter().sum() }))
    }
}

impl ScanHeader {
    fn read(segment: &[u8], header: &Header) -> Result<Self, Error> {
        const CUT: Error = Error::Corrupt("a scan header is cut off");
        let (&count, rest) = segment.split_first().ok_or(CUT)?;
        let listed = rest.get(..2 * usize::from(count)).ok_or(CUT)?;
        let mut parts = Vec::new();
        for &[id, tables] in listed.as_chunks::<2>().0 {
            let channel = header.components.iter().position(|component| component.id == id);
            let channel = channel.ok_or(Error::Corrupt("a scan names a component that is not in the frame"))?;
            parts.push(Selected { channel, dc: tables >> 4, ac: tables & 15 });
        }
        Ok(Self { parts })
    }
}
