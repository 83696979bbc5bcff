//! Decodes scans of baseline and extended sequential files.

use std::{mem, ops::Range};

use crate::{
    bits::{Bits, Bytes, Window},
    huffman::{AcTable, BITS, DcTable, END, PACKED_ADVANCE},
    output::Output,
    scan::ScanHeader,
    streams::{Limits, MOST_BLOCKS, Streams},
    tables,
    transform::{Group, LANES, Quantisers},
    walk::{Scan, Stop},
};

/// A component in a scan.
pub(crate) struct Part {
    pub(crate) channel: usize,
    pub(crate) dc: DcTable,
    pub(crate) ac: AcTable,
    pub(crate) quantisers: Quantisers,
}

/// The places of a component's blocks.
pub(crate) struct Places {
    /// The row and column of each block of an MCU.
    blocks: Vec<(usize, usize)>,
    /// The number of rows and columns of blocks in an MCU.
    pub(crate) shape: (usize, usize),
    /// The zigzag index of the last coefficient that the transform needs.
    pub(crate) needed: u32,
    /// The DC coefficient of the last block.
    pub(crate) last: i16,
}

pub(crate) struct Sequential<'a> {
    output: &'a mut Output,
    /// The number of MCUs in a row, and the number of rows.
    mcus: (u32, u32),
    parts: Vec<Part>,
    /// The places by part.
    places: Vec<Places>,
    ahead: Ahead,
    limits: Limits,
    /// The number of bits and of MCUs that [`decode`](Scan::decode) has read since the last [`leap`](Scan::leap) that used them.
    sample: (u32, u32),
}

/// Whether the scan is decoded at several places at once.
enum Ahead {
    /// Not known yet.
    Unknown,
    Streams(Box<Streams>),
    /// It does not pay.
    Useless,
}

impl<'a> Sequential<'a> {
    pub(crate) fn new(output: &'a mut Output, scan: &ScanHeader, parts: Vec<Part>, limits: Option<Limits>) -> Self {
        let places = parts.iter().map(|part| {
            let channel = &output.geometry.channels[part.channel];
            let (h, v) = scan.mcu(channel);
            Places {
                blocks: (0..v).flat_map(|y| (0..h).map(move |x| (y, x))).collect(),
                shape: (v, h),
                needed: u32::from(channel.last),
                last: 0,
            }
        });
        let places: Vec<Places> = places.collect();
        let mcus = scan.shape(&output.geometry);
        let blocks: usize = places.iter().map(|places| places.blocks.len()).sum();
        let all = blocks as u64 * u64::from(mcus.0) * u64::from(mcus.1);
        let ahead = match limits {
            Some(limits) if all >= limits.blocks && blocks <= MOST_BLOCKS => Ahead::Unknown,
            _ => Ahead::Useless,
        };
        Self { output, mcus, parts, places, ahead, limits: limits.unwrap_or(Limits::USUAL), sample: (0, 0) }
    }

    /// The index at which the samples of a row of the scan's MCUs begin in a part's plane.
    fn start(&self, part: usize, row: u32) -> usize {
        let index = self.parts[part].channel;
        if self.parts.len() > 1 {
            return self.output.start(index, row);
        }
        // In a scan of one component, rows of MCUs are rows of blocks.
        let channel = &self.output.geometry.channels[index];
        let below = (row % channel.v) as usize * channel.height * self.output.geometry.stride(channel);
        self.output.start(index, row / channel.v) + below
    }
}

impl Sequential<'_> {
    fn begin_row(&mut self, row: u32) {
        for part in 0..self.parts.len() {
            let start = self.start(part, row);
            self.output.planes[self.parts[part].channel].begin_row(start);
        }
    }
}

impl Scan for Sequential<'_> {
    fn shape(&self) -> (u32, u32) {
        self.mcus
    }

    fn blocks(&self) -> usize {
        self.places.iter().map(|places| places.blocks.len()).sum()
    }

    fn decode(&mut self, window: &Window, state: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, Stop) {
        self.begin_row(row);
        let mut bits = *state;
        let mut stop = Stop::Done;
        let mut column = columns.start;
        'mcus: while column < columns.end {
            if bits.at > safe {
                stop = Stop::Hungry;
                break;
            }
            for (part, places) in self.parts.iter().zip(&mut self.places) {
                for &(y, x) in &places.blocks {
                    let at = column as usize * places.shape.1 + x;
                    let mut block = self.output.planes[part.channel].open(y, at..at + 1);
                    let group = block.group();
                    let Some(difference) = decode_block(&mut bits, &window.bytes, part, places.needed, group, at)
                    else {
                        stop = Stop::Damaged;
                        break 'mcus;
                    };
                    places.last = places.last.wrapping_add(difference as i16);
                    group[0][at % LANES] = places.last;
                    block.finish(&part.quantisers);
                }
            }
            if window.overrun(&bits) {
                stop = Stop::Damaged;
                break;
            }
            column += 1;
        }
        if !matches!(self.ahead, Ahead::Useless) {
            self.sample.0 += bits.position() - state.position();
            self.sample.1 += column - columns.start;
        }
        *state = bits;
        (column, stop)
    }

    fn leaps(&self) -> bool {
        match self.ahead {
            Ahead::Unknown => self.sample.1 >= self.limits.sample,
            Ahead::Streams(_) => true,
            Ahead::Useless => false,
        }
    }

    fn leap(&mut self, window: &Window, bits: &mut Bits, mcus: Range<u32>, left: usize) -> u32 {
        let shapes: Vec<_> = self.places.iter().map(|own| (own.needed, own.blocks.len())).collect();
        let is_known = self.sample.1 >= self.limits.sample;
        let sample = if is_known { mem::take(&mut self.sample) } else { self.sample };
        let density = Streams::density(&shapes, sample);
        let mut streams = match mem::replace(&mut self.ahead, Ahead::Useless) {
            Ahead::Unknown if Streams::room(density, self.limits).is_none() => {
                self.ahead = Ahead::Unknown;
                return 0;
            }
            Ahead::Unknown => {
                let left = (self.mcus.0 * self.mcus.1 - mcus.start, left);
                let Some(streams) = Streams::new(&self.parts, &shapes, sample, left, self.limits) else { return 0 };
                Box::new(streams)
            }
            Ahead::Streams(streams) => streams,
            Ahead::Useless => return 0,
        };
        if is_known {
            streams.learn(density);
        }
        let mut mcu = mcus.start;
        for mut piece in streams.decode(&self.parts, window, bits, mcus.end - mcu) {
            let end = mcu + streams.count(&piece);
            while mcu < end {
                let (row, column) = (mcu / self.mcus.0, mcu % self.mcus.0);
                let count = (self.mcus.0 - column).min(end - mcu);
                self.begin_row(row);
                streams.put(&mut piece, (column, count), &self.parts, &mut self.places, self.output);
                mcu += count;
                if column + count == self.mcus.0 {
                    self.end_row(row);
                }
            }
        }
        #[cfg(test)]
        crate::streams::tests::count(mcu - mcus.start);
        if streams.is_promising() {
            self.ahead = Ahead::Streams(streams);
        }
        mcu - mcus.start
    }

    fn lose(&mut self, row: u32, columns: Range<u32>) {
        self.begin_row(row);
        for column in columns {
            for (part, places) in self.parts.iter().zip(&self.places) {
                for &(y, x) in &places.blocks {
                    let at = column as usize * places.shape.1 + x;
                    let mut block = self.output.planes[part.channel].open(y, at..at + 1);
                    block.flatten(places.last);
                    block.finish(&part.quantisers);
                }
            }
        }
    }

    fn spare(&mut self, bytes: &Bytes, bits: &mut Bits) -> bool {
        let mut nowhere = [[0; LANES]; 64];
        self.parts.iter().zip(&mut self.places).all(|(part, places)| {
            (0..places.blocks.len()).all(|_| {
                let difference = decode_block(bits, bytes, part, 1, &mut nowhere, 0);
                places.last = places.last.wrapping_add(difference.unwrap_or(0) as i16);
                difference.is_some()
            })
        })
    }

    fn lower(&mut self, excess: &[i16]) {
        for (places, &excess) in self.places.iter_mut().zip(excess) {
            places.last = places.last.wrapping_sub(excess);
        }
    }

    fn restart(&mut self) {
        self.places.iter_mut().for_each(|places| places.last = 0);
    }

    fn end_row(&mut self, row: u32) {
        for (part, places) in self.parts.iter().zip(&self.places) {
            let columns = self.mcus.0 as usize * places.shape.1;
            for y in 0..places.shape.0 {
                self.output.planes[part.channel].end_row(y, columns, &part.quantisers);
            }
        }
        self.output.end_row(row);
    }
}

/// Reads a block into its lane of the group, up to the zigzag index `needed` or somewhat further. Returns the difference of the DC
/// coefficient, or `None` if the data are invalid. A run beyond the last coefficient stands for the last one, as in other decoders.
///
/// The function is long because its loops share values in registers.
#[inline(always)]
pub(crate) fn decode_block(
    bits: &mut Bits,
    bytes: &Bytes,
    part: &Part,
    needed: u32,
    group: &mut Group,
    column: usize,
) -> Option<i32> {
    let lane = column % LANES;
    let group = group.as_flattened_mut();
    let ac = &part.ac;
    bits.refill(bytes);
    let difference = part.dc.difference(bits)?;
    let mut index = 1;
    // An entry with the end of the block must not be used if its value may be the last coefficient.
    let quick = needed.min(63 - 16);
    // The difference took up to 31 of 56 bits.
    let mut refilled = 1;
    'quick: loop {
        for _ in 0..refilled {
            if index > quick {
                break 'quick;
            }
            let entry = ac.value[bits.peek::<BITS>()];
            if entry == 0 {
                bits.refill(bytes);
                let (size, advance) = ac.long(bits)?;
                index += advance;
                group[place(index - 1, lane)] = bits.value(size) as i16;
                break;
            }
            let value = extend(bits.buffer << (entry >> 24), entry >> 16 & 15);
            bits.take(entry);
            index += entry >> 8 & 0xff;
            group[place(index - 1, lane)] = value;
        }
        bits.refill(bytes);
        refilled = 3;
    }
    while index <= needed {
        bits.refill(bytes);
        let entry = ac.value[bits.peek::<BITS>()];
        let (length, size, advance) = (entry >> 24, entry >> 16 & 15, entry >> 8 & 0xff);
        let (size, advance) = if entry == 0 {
            ac.long(bits)?
        } else {
            bits.take(length);
            // The end of the block is not taken, because it does not follow the last coefficient.
            (size, if size > 0 { advance & (END - 1) } else { advance })
        };
        index += advance;
        group[place(index - 1, lane)] = bits.value(size) as i16;
    }
    while index < 64 - PACKED_ADVANCE {
        bits.refill(bytes);
        let entry = ac.packed[bits.peek::<BITS>()];
        if entry == 0 {
            let (size, advance) = ac.long(bits)?;
            bits.take(size);
            index += advance;
            continue;
        }
        bits.take(u32::from(entry));
        index += u32::from(entry >> 8);
        // Two more entries or none, without an unpredictable branch.
        for _ in 0..2 {
            let goes_on = (index.wrapping_sub(64 - PACKED_ADVANCE) as i32 >> 31) as u32;
            let entry = u32::from(ac.packed[bits.peek::<BITS>()]) & goes_on;
            bits.take(entry);
            index += entry >> 8;
        }
    }
    while index < 64 {
        bits.refill(bytes);
        let entry = ac.single[bits.peek::<BITS>()];
        if entry == 0 {
            let (size, advance) = ac.long(bits)?;
            bits.take(size);
            index += advance;
            continue;
        }
        bits.take(u32::from(entry));
        index += u32::from(entry >> 8);
    }
    Some(difference)
}

/// The index of a lane's coefficient in its group, for any index that damaged data may give.
#[inline(always)]
fn place(index: u32, lane: usize) -> usize {
    (usize::from(PLACES[(index & (END - 1)) as usize]) + lane) & (64 * LANES - 1)
}

/// The index of each coefficient in the first lane. Indices beyond the last coefficient, which damaged data may give, stand for the last.
static PLACES: [u16; END as usize] = {
    let mut places = [63 * LANES as u16; END as usize];
    let mut index = 0;
    while index < 64 {
        places[index] = tables::NATURAL[index] as u16 * LANES as u16;
        index += 1;
    }
    places
};

/// The value of `size` bits at the top of a word.
#[inline(always)]
fn extend(word: u64, size: u32) -> i16 {
    let value = (word >> 1 >> (63 - size)) as i32;
    // All ones if the first bit is 0, which makes the value negative.
    let negative = !((word as i64 >> 63) as i32);
    (value + (negative & (1 - (1 << size)))) as i16
}
