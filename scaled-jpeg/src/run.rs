//! Decodes one picture, scan by scan.

use std::io::{self, ErrorKind};

use crate::{
    bits::Window,
    coefficients::{Band, Coefficients},
    decoder::{Coverage, Decoder, Picture, Plane},
    error::Error,
    geometry::{Geometry, Scale},
    huffman::{AcTable, DcTable, ProgressiveTable},
    input::Input,
    means::{DcPart, DcScan},
    output::Output,
    progressive::AcScan,
    scan::{ScanHeader, Selected},
    sequential::{Part, Sequential},
    slip::{Slip, Survey},
    transform::Quantisers,
    walk::{Walked, walk},
};

impl Decoder<'_> {
    /// Decodes the picture at a scale.
    ///
    /// # Errors
    /// Returns an [`Error`] if nothing can be decoded. A picture that is there in part is not an error: see [`Coverage`].
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

/// A picture that is being decoded.
pub(crate) struct Run<'a> {
    decoder: Decoder<'a>,
    window: Window,
    segment: Vec<u8>,
    /// The number of sound blocks by channel.
    found: Vec<u64>,
    /// The number of blocks by channel that lack data of a damaged scan.
    spoiled: Vec<u64>,
    scans: usize,
}

impl<'a> Run<'a> {
    /// Decodes a picture to planes and, if wanted, to a raster. Returns how much of the picture was found.
    pub(crate) fn decode(decoder: Decoder<'a>, scale: Scale, raster: bool) -> Result<(Output, Coverage), Error> {
        let header = &decoder.header;
        if header.height == 0 {
            return Err(Error::Unsupported("the height comes after the picture, which must be in memory for that"));
        }
        let geometry = Geometry::new(header, u32::from(header.height), scale);
        let found = vec![0; geometry.channels.len()];
        let (is_progressive, spoiled) = (header.progressive, found.clone());
        let run = Self { decoder, window: Window::new(), segment: Vec::new(), found, spoiled, scans: 0 };
        if is_progressive { run.progressive(geometry, raster) } else { run.sequential(geometry, raster) }
    }

    /// Reads the tables up to the next scan and the scan's header. Returns `None` if the file ends or continues with invalid segments.
    fn next_scan(&mut self) -> Result<Option<ScanHeader>, Error> {
        match self.read_scan() {
            // An error here would lose what was decoded so far.
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
                // A slice skips a comment with a wrong length. Input in pieces must not lose the scans behind it either.
                _ if !input.is_whole() => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
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
            let start = self.decoder.input.fork().filter(|_| complete);
            let mut mcus = match self.sequential_scan(&scan, &mut output, None) {
                Err(_) if self.scans > 1 => {
                    made = Some(output);
                    break;
                }
                mcus => mcus?,
            };
            if mcus.slipped
                && let Some(start) = start
            {
                let Output { geometry, .. } = output;
                let slip = self.survey(&scan, &geometry, start)?;
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

    /// The parts of a sequential scan. `last` gives the zigzag index of the last needed coefficient of each channel.
    fn parts(&self, scan: &ScanHeader, last: impl Fn(usize) -> u8) -> Result<Vec<Part>, Error> {
        let Decoder { tables, header, .. } = &self.decoder;
        let parts = scan.parts.iter().map(|&Selected { channel, dc, ac }| {
            let quantisers = Quantisers::new(tables.quantisation(header.components[channel].quantisation)?);
            let (dc, ac) = (DcTable::new(tables.dc(dc)), AcTable::new(tables.ac(ac), last(channel)));
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
        let mut decoding = Sequential::new(output, scan, parts, self.decoder.streams);
        let Decoder { input, tables, .. } = &mut self.decoder;
        Ok(walk(input, &mut self.window, tables.interval, slip, &mut decoding)?)
    }

    /// Finds the place where a scan of all components slipped, and returns to the beginning of the scan.
    fn survey(&mut self, scan: &ScanHeader, geometry: &Geometry, start: Input<'a>) -> Result<Option<Slip>, Error> {
        let shape = scan.shape(geometry);
        // The picture is dropped first, because it is made again.
        let room = self.decoder.header.memory(geometry.scale) - (256 << 10);
        let ahead = start.fork().filter(|_| Survey::memory(shape, scan.parts.len()) <= room);
        self.decoder.input = start;
        let Some(mut ahead) = ahead else { return Ok(None) };
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
                let table = (!scan.refines).then(|| DcTable::new(tables.dc(part.dc)));
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
            let table = ProgressiveTable::new(tables.ac(part.ac));
            let shape = geometry.channels[part.channel].blocks;
            let remembers = own.is_refined_after(scan.shift, *approximate);
            let mut decoding = AcScan::new(own, shape, table, band, scan, remembers);
            let mcus = walk(input, &mut self.window, tables.interval, None, &mut decoding)?;
            // Blocks that are not refined cost little.
            if !scan.refines {
                let spoiled = &mut self.spoiled[part.channel];
                *spoiled = mcus.spoiled.max(*spoiled);
            }
        }
        Ok(())
    }

    /// Adds the blocks that a scan gave to its channels.
    fn note(&mut self, scan: &ScanHeader, geometry: &Geometry, mcus: u64) {
        let (width, height) = scan.shape(geometry);
        for part in &scan.parts {
            let (across, down) = geometry.channels[part.channel].blocks;
            // The same share of the visible blocks as of all blocks in MCUs.
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
