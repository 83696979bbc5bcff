//! Decodes one picture, scan by scan.

use std::{
    cell::Cell,
    io::{self, ErrorKind},
};

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
    part::Part,
    progressive::AcScan,
    scan::{ScanHeader, Selected},
    sequential::Sequential,
    slip::Survey,
    transform::Quantisers,
    walk::{Scan, Slip, Walked, walk},
};

impl Decoder<'_> {
    /// Decodes the picture at a scale.
    ///
    /// # Errors
    /// Returns an [`Error`] if nothing can be decoded. A picture that is there in part is not an error: see [`Coverage`].
    pub fn decode(self, scale: Scale) -> Result<Picture, Error> {
        let pixels = self.header.colours().pixels();
        let (output, coverage) = Run::decode(self, scale, false)?;
        let (width, height) = output.geometry.size;
        Ok(Picture { width, height, pixels, data: output.into_pixels(), coverage })
    }

    /// Decodes the planes of the picture's components at a scale.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_planes(self, scale: Scale) -> Result<Vec<Plane>, Error> {
        let (output, _) = Run::decode(self, scale, true)?;
        let planes = output.geometry.channels.iter().zip(&output.planes).map(|(channel, plane)| {
            let (width, height) =
                (channel.blocks.0 as usize * channel.width, channel.blocks.1 as usize * channel.height);
            let rows = plane.samples.chunks_exact(plane.stride).take(height);
            let data = rows.flat_map(|row| &row[..width]).copied().collect();
            Plane { width, height, block: plane.block, data }
        });
        Ok(planes.collect())
    }
}

/// A picture that is being decoded.
struct Run<'a> {
    decoder: Decoder<'a>,
    geometry: Geometry,
    window: Window,
    segment: Vec<u8>,
    /// The number of sound blocks by channel.
    found: Vec<u64>,
    /// The number of blocks by channel that lack data of a damaged scan.
    spoiled: Vec<u64>,
    scans: usize,
}

impl<'a> Run<'a> {
    /// Decodes a picture. `whole` says that the output's planes must hold all rows. Returns how much of the picture was found.
    fn decode(decoder: Decoder<'a>, scale: Scale, whole: bool) -> Result<(Output, Coverage), Error> {
        let header = &decoder.header;
        if header.height == 0 {
            return Err(Error::Unsupported("the height comes after the picture, which must be in memory for that"));
        }
        let geometry = Geometry::new(header, u32::from(header.height), scale);
        let is_progressive = header.progressive;
        // The rows of a sequential picture in several scans are complete only after the last scan.
        let whole = whole || !is_progressive && !header.interleaved;
        let (found, spoiled) = (vec![0; geometry.channels.len()], vec![0; geometry.channels.len()]);
        let mut run = Self { decoder, geometry, window: Window::new(), segment: Vec::new(), found, spoiled, scans: 0 };
        let output = if is_progressive { run.progressive(whole) } else { run.sequential(whole) }?;
        Ok((output, run.coverage()))
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

    fn output(&self, whole: bool) -> Output {
        Output::new(self.geometry.clone(), self.decoder.header.colours(), whole)
    }

    fn sequential(&mut self, whole: bool) -> Result<Output, Error> {
        let mut output = self.output(whole);
        let mut missing = vec![true; self.found.len()];
        while missing.contains(&true)
            && let Some(scan) = self.next_scan()?
        {
            let complete = scan.parts.len() == missing.len();
            let start = self.decoder.input.fork().filter(|_| complete);
            let mut mcus = match self.sequential_scan(&scan, &mut output, None) {
                Err(_) if self.scans > 1 => break,
                mcus => mcus?,
            };
            if mcus.slipped
                && let Some(start) = start
            {
                // The picture is dropped before the survey, because it is made again.
                drop(output);
                let slip = self.survey(&scan, start)?;
                output = self.output(whole);
                mcus = self.sequential_scan(&scan, &mut output, slip.as_ref())?;
            }
            self.note(&scan, mcus.found);
            scan.parts.iter().for_each(|part| missing[part.channel] = false);
        }
        Ok(output)
    }

    /// Decodes a scan whose header the input has just passed.
    fn walk(&mut self, scan: &ScanHeader, slip: Option<&Slip>, decoding: &mut impl Scan) -> Result<Walked, Error> {
        let Decoder { input, tables, .. } = &mut self.decoder;
        let (shape, blocks) = (scan.shape(&self.geometry), scan.blocks(&self.geometry));
        Ok(walk(input, &mut self.window, tables.interval, shape, blocks, slip, decoding)?)
    }

    /// The parts of a sequential scan.
    fn parts(&self, scan: &ScanHeader) -> Result<Vec<Part>, Error> {
        let Decoder { tables, header, .. } = &self.decoder;
        let parts = scan.parts.iter().map(|&Selected { channel, dc, ac }| {
            let quantisers = Quantisers::new(tables.quantisation(header.components[channel].quantisation)?);
            let own = &self.geometry.channels[channel];
            let (dc, ac) = (DcTable::new(tables.dc(dc)), AcTable::new(tables.ac(ac), own.last));
            Ok(Part { channel, dc, ac, quantisers, mcu: scan.mcu(own), needed: own.last.into(), last: 0 })
        });
        parts.collect()
    }

    fn sequential_scan(
        &mut self,
        scan: &ScanHeader,
        output: &mut Output,
        slip: Option<&Slip>,
    ) -> Result<Walked, Error> {
        let (mcus, parts) = (scan.shape(&self.geometry), self.parts(scan)?);
        self.walk(scan, slip, &mut Sequential::new(output, mcus, parts, self.decoder.streams))
    }

    /// Finds the place where a scan of all components slipped, and returns to the beginning of the scan.
    fn survey(&mut self, scan: &ScanHeader, start: Input<'a>) -> Result<Option<Slip>, Error> {
        let shape = scan.shape(&self.geometry);
        let room = self.decoder.header.memory(self.geometry.scale) - (256 << 10);
        let again = start.fork().filter(|_| Survey::memory(shape, scan.parts.len()) <= room);
        self.decoder.input = start;
        let Some(again) = again else { return Ok(None) };
        let mut survey = Survey::new(shape, self.parts(scan)?);
        let walked = self.walk(scan, None, &mut survey)?;
        self.decoder.input = again;
        Ok(if walked.slipped { survey.slip() } else { None })
    }

    fn progressive(&mut self, whole: bool) -> Result<Output, Error> {
        let channels = self.geometry.channels.iter();
        let mut all: Vec<_> = channels.map(|channel| Coefficients::new(&self.geometry, channel)).collect();
        while let Some(scan) = self.next_scan()? {
            match self.progressive_scan(&scan, &mut all) {
                Err(Error::Corrupt(_)) if self.scans > 1 => break,
                result => result?,
            }
        }
        let quantisers: Vec<_> = all.iter().map(|own| Quantisers::new(&own.table.unwrap_or([0; 64]))).collect();
        for own in &mut all {
            own.history = Vec::new();
        }
        let mut output = self.output(whole);
        Coefficients::transform(&all, &quantisers, &mut output);
        Ok(output)
    }

    fn progressive_scan(&mut self, scan: &ScanHeader, all: &mut [Coefficients]) -> Result<(), Error> {
        let Decoder { header, tables, approximate, .. } = &self.decoder;
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
                let mcu = scan.mcu(&self.geometry.channels[part.channel]);
                Some(DcPart { own: all[part.channel].take()?, mcu, table, last: Cell::new(0) })
            });
            let mut decoding = DcScan { parts: parts.collect(), shift: scan.shift };
            let mcus = self.walk(scan, None, &mut decoding)?;
            if !scan.refines {
                self.note(scan, mcus.found);
            }
            return Ok(());
        }
        let [part] = scan.parts[..] else { return Ok(()) };
        let own = &mut all[part.channel];
        let band = Band { first: u32::from(scan.first), last: u32::from(scan.last) };
        if own.wants(band, scan.shift, scan.refines, *approximate) {
            let table = ProgressiveTable::new(tables.ac(part.ac));
            let remembers = own.is_refined_after(scan.shift, *approximate);
            let mut decoding = AcScan::new(own, table, band, scan, remembers);
            let mcus = self.walk(scan, None, &mut decoding)?;
            // Blocks that are not refined cost little.
            if !scan.refines {
                let spoiled = &mut self.spoiled[part.channel];
                *spoiled = mcus.spoiled.max(*spoiled);
            }
        }
        Ok(())
    }

    /// Adds the blocks that a scan gave to its channels.
    fn note(&mut self, scan: &ScanHeader, mcus: u64) {
        let (width, height) = scan.shape(&self.geometry);
        for part in &scan.parts {
            let (across, down) = self.geometry.channels[part.channel].blocks;
            // The same share of the visible blocks as of all blocks in MCUs.
            let blocks = u64::from(across) * u64::from(down) * mcus / (u64::from(width) * u64::from(height));
            self.found[part.channel] = self.found[part.channel].max(blocks);
        }
    }

    fn coverage(&self) -> Coverage {
        let channels = self.geometry.channels.iter();
        let blocks = channels.map(|channel| u64::from(channel.blocks.0) * u64::from(channel.blocks.1));
        let sound = self.found.iter().zip(&self.spoiled).zip(blocks.clone());
        let found = sound.map(|((&found, spoiled), expected)| found.min(expected.saturating_sub(*spoiled))).sum();
        Coverage { found, expected: blocks.sum() }
    }
}
