//! Decodes scans of baseline and extended sequential files.

use std::{io, mem, ops::Range};

use crate::{
    bits::{Bits, Bytes, SIZE, Window},
    input::Input,
    output::Output,
    part::{Part, decode_block},
    streams::{Limits, MOST_BLOCKS, Streams},
    transform::LANES,
    walk::{Scan, read_each},
};

/// A sequential scan, which is decoded to planes.
pub(crate) struct Sequential<'a> {
    output: &'a mut Output,
    /// The number of MCUs in a row, and the number of rows.
    mcus: (u32, u32),
    parts: Vec<Part>,
    /// When several places of the scan are decoded at once; `None` if this is impossible or does not pay.
    limits: Option<Limits>,
    /// The streams that decode several places at once; `None` until enough of the scan is known.
    streams: Option<Streams>,
    /// The number of bits and of MCUs that were read one by one since the last [`leap`](Scan::leap) that used them.
    sample: (u32, u32),
}

impl<'a> Sequential<'a> {
    pub(crate) fn new(output: &'a mut Output, mcus: (u32, u32), parts: Vec<Part>, limits: Option<Limits>) -> Self {
        let blocks: usize = parts.iter().map(Part::blocks).sum();
        let all = blocks as u64 * u64::from(mcus.0) * u64::from(mcus.1);
        let limits = limits.filter(|limits| all >= limits.blocks && blocks <= MOST_BLOCKS);
        Self { output, mcus, parts, limits, streams: None, sample: (0, 0) }
    }
}

impl Sequential<'_> {
    fn begin_row(&mut self, row: u32) {
        for part in &self.parts {
            self.output.begin_row(part.channel, row as usize * part.mcu.1);
        }
    }
}

impl Scan for Sequential<'_> {
    fn read(&mut self, window: &Window, bits: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, bool) {
        self.begin_row(row);
        let (position, start) = (bits.position(), columns.start);
        let (reached, is_damaged) = read_each(window, bits, columns, safe, |bits, column| {
            for part in &mut self.parts {
                let plane = &mut self.output.planes[part.channel];
                let (across, down) = part.mcu;
                for y in 0..down {
                    for x in 0..across {
                        let column = column as usize * across + x;
                        let group = plane.open(y, column);
                        let difference = decode_block(bits, &window.bytes, part, part.needed, group, column)?;
                        part.last = part.last.wrapping_add(difference as i16);
                        group[0][column % LANES] = part.last;
                        plane.close(y, column + 1, &part.quantisers);
                    }
                }
            }
            Some(1)
        });
        if self.limits.is_some() {
            self.sample.0 += bits.position() - position;
            self.sample.1 += reached - start;
        }
        (reached, is_damaged)
    }

    fn leap(&mut self, input: &mut Input, window: &mut Window, bits: &mut Bits, mcus: Range<u32>) -> io::Result<u32> {
        let Some(limits) = self.limits else { return Ok(0) };
        let is_known = self.sample.1 >= limits.sample;
        if self.streams.is_none() && !is_known {
            return Ok(0);
        }
        if !window.is_ended && window.left(bits) < SIZE * 8 / 2 {
            window.fill(bits, input)?;
        }
        if is_known {
            let sample = mem::take(&mut self.sample);
            let density = Streams::density(&self.parts, sample);
            if let Some(streams) = &mut self.streams {
                streams.density = density;
            } else if Streams::room(density, limits).is_some() {
                let bytes = input.left().saturating_add(window.left(bits) / 8);
                let left = (self.mcus.0 * self.mcus.1 - mcus.start, bytes);
                self.streams = Streams::new(&self.parts, sample, left, density, limits);
            } else {
                return Ok(0);
            }
        }
        let Some(mut streams) = self.streams.take() else {
            self.limits = None;
            return Ok(0);
        };
        let mut mcu = mcus.start;
        for mut piece in streams.decode(&self.parts, window, bits, mcus.end - mcu) {
            let end = mcu + streams.count(&piece);
            while mcu < end {
                let (row, column) = (mcu / self.mcus.0, mcu % self.mcus.0);
                let count = (self.mcus.0 - column).min(end - mcu);
                self.begin_row(row);
                streams.put(&mut piece, (column, count), &mut self.parts, self.output);
                mcu += count;
                if column + count == self.mcus.0 {
                    self.end_row(row);
                }
            }
        }
        #[cfg(test)]
        crate::streams::tests::count(mcu - mcus.start);
        if streams.is_promising() {
            self.streams = Some(streams);
        } else {
            self.limits = None;
        }
        Ok(mcu - mcus.start)
    }

    fn lose(&mut self, row: u32, columns: Range<u32>) {
        self.begin_row(row);
        for column in columns {
            for part in &self.parts {
                let plane = &mut self.output.planes[part.channel];
                let (across, down) = part.mcu;
                for y in 0..down {
                    for x in 0..across {
                        let column = column as usize * across + x;
                        plane.flatten(y, column, part.last);
                        plane.close(y, column + 1, &part.quantisers);
                    }
                }
            }
        }
    }

    fn spare(&mut self, bits: &mut Bits, bytes: &Bytes) -> bool {
        let mut nowhere = [[0; LANES]; 64];
        self.parts.iter_mut().all(|part| {
            (0..part.blocks()).all(|_| {
                let difference = decode_block(bits, bytes, part, 1, &mut nowhere, 0);
                part.last = part.last.wrapping_add(difference.unwrap_or(0) as i16);
                difference.is_some()
            })
        })
    }

    fn lower(&mut self, excess: &[i16]) {
        for (part, &excess) in self.parts.iter_mut().zip(excess) {
            part.last = part.last.wrapping_sub(excess);
        }
    }

    fn restart(&mut self) {
        self.parts.iter_mut().for_each(|part| part.last = 0);
    }

    fn end_row(&mut self, row: u32) {
        for part in &self.parts {
            let columns = self.mcus.0 as usize * part.mcu.0;
            for y in 0..part.mcu.1 {
                self.output.planes[part.channel].end_row(y, columns, &part.quantisers);
            }
        }
        self.output.end_row(row);
    }
}
