//! The way from a file to pixels.

use std::io::BufRead;

use crate::{
    bits::Window,
    coefficients::{Band, Coefficients},
    error::Error,
    geometry::{Geometry, Scale},
    header::Header,
    huffman::{AcTable, DcTable, ProgressiveTable},
    input::Input,
    output::Output,
    progressive::{AcScan, DcPart, DcScan},
    raster::Pixels,
    scan::{ScanHeader, Selected},
    sequential::{Part, Sequential},
    slip::{Slip, Survey},
    start,
    tables::Tables,
    transform::Quantisers,
    walk::{Walked, walk},
};

/// Scans that a file may have unless [`Decoder::max_scans`] says otherwise. Encoders write a dozen; each may cost as much time as
/// all of the picture.
pub const MAX_SCANS: usize = 500;

/// A JPEG file of which the header was read.
pub struct Decoder<R> {
    input: Input<R>,
    header: Header,
    tables: Tables,
    /// The header of the first scan, which the input has just passed.
    first: Option<ScanHeader>,
    /// Remembers a place in the input, where that can be read again.
    mark: Option<Mark<R>>,
    approximate: bool,
    max_scans: usize,
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
        let (header, tables, first) = start::read(&mut input)?;
        Ok(Self { input, header, tables, first: Some(first), mark: None, approximate: false, max_scans: MAX_SCANS })
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
        let planes = output.geometry.channels.iter().zip(&output.planes).map(|(channel, data)| {
            let (width, height) =
                (channel.blocks.0 as usize * channel.width, channel.blocks.1 as usize * channel.height);
            let rows = data.chunks_exact(output.geometry.stride(channel)).take(height);
            let data = rows.flat_map(|row| &row[..width]).copied().collect();
            Plane { width, height, block: (channel.width, channel.height), data }
        });
        Ok(planes.collect())
    }

    fn run(self, scale: Scale, raster: bool) -> Result<(Output, Coverage), Error> {
        if self.header.height == 0 {
            return Err(Error::Unsupported("the height comes after the picture, which must be in memory for that"));
        }
        let geometry = Geometry::new(&self.header, u32::from(self.header.height), scale);
        let found = vec![0; geometry.channels.len()];
        let spoiled = found.clone();
        let run = Run { decoder: self, window: Window::new(), segment: Vec::new(), found, spoiled, scans: 0 };
        if run.decoder.header.progressive {
            run.progressive(geometry, raster)
        } else {
            run.sequential(geometry, raster)
        }
    }
}

/// The decoding of one picture.
struct Run<R> {
    decoder: Decoder<R>,
    window: Window,
    segment: Vec<u8>,
    /// By channel: blocks that were readable.
    found: Vec<u64>,
    /// By channel: blocks that lack what a scan should have given besides, because it is damaged.
    spoiled: Vec<u64>,
    scans: usize,
}

impl<R: BufRead> Run<R> {
    /// The next scan, after the tables before it; none where the file ends, or what follows cannot be understood.
    fn next_scan(&mut self) -> Result<Option<ScanHeader>, Error> {
        match self.read_scan() {
            // What was decoded so far is worth more than a complaint about the rest.
            Err(Error::Corrupt(_)) if self.scans > 0 => Ok(None),
            Ok(Some(_)) if self.scans == self.decoder.max_scans => Err(Error::TooManyScans),
            Ok(Some(scan)) => {
                self.scans += 1;
                Ok(Some(scan))
            }
            other => other,
        }
    }

    fn read_scan(&mut self) -> Result<Option<ScanHeader>, Error> {
        let Decoder { input, header, tables, first, .. } = &mut self.decoder;
        if let Some(first) = first.take() {
            return Ok(Some(first));
        }
        while let Some(marker) = input.marker()? {
            match marker {
                0xd8 | 0xd9 => return Ok(None),
                0xd0..=0xd7 | 0x00..=0xbf => {}
                0xda => {
                    let segment = input.segment(&mut self.segment)?;
                    return segment.map(|segment| ScanHeader::read(segment, header)).transpose();
                }
                0xc4 | 0xdb | 0xdd => match input.segment(&mut self.segment)? {
                    Some(segment) => tables.read(marker, segment)?,
                    None => return Ok(None),
                },
                _ if input.skip_segment(marker)? => {}
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn sequential(mut self, geometry: Geometry, raster: bool) -> Result<(Output, Coverage), Error> {
        let (mut made, mut geometry) = (None, Some(geometry));
        let mut missing: Vec<bool> = self.found.iter().map(|_| true).collect();
        while missing.contains(&true)
            && let Some(scan) = self.next_scan()?
        {
            let complete = scan.parts.len() == missing.len();
            let mut output = match (made.take(), geometry.take()) {
                (None, Some(geometry)) => self.output(geometry, !complete, raster),
                (Some(output), _) => output,
                (None, None) => break,
            };
            let mark = self.decoder.mark.filter(|_| complete).map(|mark| mark(&self.decoder.input));
            let mut mcus = match self.sequential_scan(&scan, &mut output, None) {
                Err(_) if self.scans > 1 => {
                    made = Some(output);
                    break;
                }
                mcus => mcus?,
            };
            if mcus.slipped
                && let Some(mark) = mark
            {
                let Output { geometry, .. } = output;
                let slip = self.survey(&scan, &geometry, mark)?;
                output = self.output(geometry, !complete, raster);
                mcus = self.sequential_scan(&scan, &mut output, slip.as_ref())?;
            }
            self.note(&scan, &output.geometry, mcus.found);
            scan.parts.iter().for_each(|part| missing[part.channel] = false);
            made = Some(output);
        }
        let output = made.ok_or(Error::NoPicture)?;
        let coverage = self.coverage(&output.geometry);
        Ok((output, coverage))
    }

    fn output(&self, geometry: Geometry, whole: bool, raster: bool) -> Output {
        Output::new(geometry, raster.then_some(&self.decoder.header), whole || !raster)
    }

    /// What a sequential scan is decoded with, of whose coefficients those up to the zigzag index that `last` gives are needed.
    fn parts(&self, scan: &ScanHeader, last: impl Fn(usize) -> u8) -> Result<Vec<Part>, Error> {
        let Decoder { tables, header, .. } = &self.decoder;
        let parts = scan.parts.iter().map(|&Selected { channel, dc, ac }| {
            let quantisers = Quantisers::new(tables.quantisation(header.components[channel].quantisation)?);
            let (dc, ac) = (DcTable::new(&tables.dc(dc)), AcTable::new(&tables.ac(ac), last(channel)));
            Ok(Part { channel, dc, ac, quantisers })
        });
        parts.collect()
    }

    fn sequential_scan(
        &mut self,
        scan: &ScanHeader,
        output: &mut Output,
        slip: Option<&Slip>,
    ) -> Result<Walked, Error> {
        let parts = self.parts(scan, |channel| output.geometry.channels[channel].last)?;
        let mut decoding = Sequential::new(output, scan, parts);
        let Decoder { input, tables, .. } = &mut self.decoder;
        Ok(walk(input, &mut self.window, tables.interval, slip, &mut decoding)?)
    }

    /// Looks for the place where a scan of all components slipped, and goes back to its beginning.
    fn survey(&mut self, scan: &ScanHeader, geometry: &Geometry, start: Input<R>) -> Result<Option<Slip>, Error> {
        let mark = self.decoder.mark;
        self.decoder.input = start;
        let shape = scan.shape(geometry);
        // In place of the picture, which is made again.
        let room = self.decoder.header.memory(geometry.scale) - (256 << 10);
        let Some(mark) = mark.filter(|_| Survey::memory(shape, scan.parts.len()) <= room) else {
            return Ok(None);
        };
        let mut ahead = mark(&self.decoder.input);
        let parts = self.parts(scan, |_| 0)?.into_iter();
        let parts = parts.map(|part| {
            let mcu = scan.mcu(&geometry.channels[part.channel]);
            (part, mcu)
        });
        let mut survey = Survey::new(shape, parts);
        let walked = walk(&mut ahead, &mut self.window, 0, None, &mut survey)?;
        Ok(if walked.slipped { survey.slip() } else { None })
    }

    fn progressive(mut self, geometry: Geometry, raster: bool) -> Result<(Output, Coverage), Error> {
        let mut all: Vec<_> = geometry.channels.iter().map(|channel| Coefficients::new(&geometry, channel)).collect();
        while let Some(scan) = self.next_scan()? {
            match self.progressive_scan(&scan, &geometry, &mut all) {
                Err(Error::Corrupt(_)) if self.scans > 1 => break,
                result => result?,
            }
        }
        if self.scans == 0 {
            return Err(Error::NoPicture);
        }
        let coverage = self.coverage(&geometry);
        let quantisers: Vec<_> = all.iter().map(|own| Quantisers::new(&own.table.unwrap_or([0; 64]))).collect();
        for own in &mut all {
            own.history = Vec::new();
        }
        let mut output = Output::new(geometry, raster.then_some(&self.decoder.header), !raster);
        Coefficients::transform(&all, &quantisers, &mut output);
        Ok((output, coverage))
    }

    fn progressive_scan(
        &mut self,
        scan: &ScanHeader,
        geometry: &Geometry,
        all: &mut [Coefficients],
    ) -> Result<(), Error> {
        let Decoder { input, header, tables, approximate, .. } = &mut self.decoder;
        for part in &scan.parts {
            let table = &mut all[part.channel].table;
            if table.is_none() {
                *table = Some(*tables.quantisation(header.components[part.channel].quantisation)?);
            }
        }
        if scan.first == 0 {
            let mut all: Vec<_> = all.iter_mut().map(Some).collect();
            let parts = scan.parts.iter().filter_map(|part| {
                let table = (!scan.refines).then(|| DcTable::new(&tables.dc(part.dc)));
                Some(DcPart::new(all[part.channel].take()?, scan.mcu(&geometry.channels[part.channel]), table))
            });
            let mut decoding = DcScan { mcus: scan.shape(geometry), parts: parts.collect(), shift: scan.shift };
            let mcus = walk(input, &mut self.window, tables.interval, None, &mut decoding)?;
            if !scan.refines {
                self.note(scan, geometry, mcus.found);
            }
            return Ok(());
        }
        let [part] = scan.parts[..] else { return Ok(()) };
        let own = &mut all[part.channel];
        let band = Band { first: u32::from(scan.first), last: u32::from(scan.last) };
        if own.wants(band, scan.shift, scan.refines, *approximate) {
            let table = ProgressiveTable::new(&tables.ac(part.ac));
            let shape = geometry.channels[part.channel].blocks;
            let remembers = own.is_refined_after(scan.shift, *approximate);
            let mut decoding = AcScan::new(own, shape, table, band, scan, remembers);
            let mcus = walk(input, &mut self.window, tables.interval, None, &mut decoding)?;
            // What is not refined costs little.
            if !scan.refines {
                let spoiled = &mut self.spoiled[part.channel];
                *spoiled = mcus.spoiled.max(*spoiled);
            }
        }
        Ok(())
    }

    /// Notes how much of its components a scan gave.
    fn note(&mut self, scan: &ScanHeader, geometry: &Geometry, mcus: u64) {
        let (width, height) = scan.shape(geometry);
        for part in &scan.parts {
            let (across, down) = geometry.channels[part.channel].blocks;
            // As many parts of the blocks that show something as of those that MCUs have.
            let blocks = u64::from(across) * u64::from(down) * mcus / (u64::from(width) * u64::from(height));
            self.found[part.channel] = self.found[part.channel].max(blocks);
        }
    }

    fn coverage(&self, geometry: &Geometry) -> Coverage {
        let blocks = geometry.channels.iter().map(|channel| u64::from(channel.blocks.0) * u64::from(channel.blocks.1));
        let sound = self.found.iter().zip(&self.spoiled).zip(blocks.clone());
        let found = sound.map(|((&found, spoiled), expected)| found.min(expected.saturating_sub(*spoiled))).sum();
        Coverage { found, expected: blocks.sum() }
    }
}
