//! Scans of progressive files.
//!
//! A scan that only says more of coefficients that no kept sample depends on is not read at all. One that refines needs to know
//! which coefficients were not zero before it, since these take a bit each: that is one word a block.

use std::ops::Range;

use crate::{
    bits::{Bits, Bytes, Window},
    coefficients::Coefficients,
    geometry::Geometry,
    huffman::{AC_BITS, DcTable, END, PACKED_ADVANCE, ProgressiveTable},
    scan::ScanHeader,
    walk::{Scan, Stop},
};

/// A component of a scan of first coefficients.
pub(crate) struct DcPart {
    pub(crate) channel: usize,
    /// None where the scan refines.
    pub(crate) table: Option<DcTable>,
}

/// A scan of first coefficients.
pub(crate) struct DcScan<'a> {
    geometry: &'a Geometry,
    all: &'a mut [Coefficients],
    parts: Vec<DcPart>,
    /// By part: blocks of an MCU.
    shapes: Vec<(usize, usize)>,
    last: Vec<i32>,
    shift: u32,
}

impl<'a> DcScan<'a> {
    pub(crate) fn new(geometry: &'a Geometry, all: &'a mut [Coefficients], parts: Vec<DcPart>, shift: u32) -> Self {
        let shape = |part: &DcPart| {
            let channel = &geometry.channels[part.channel];
            if parts.len() == 1 { (1, 1) } else { (channel.h as usize, channel.v as usize) }
        };
        let shapes = parts.iter().map(shape).collect();
        let last = vec![0; parts.len()];
        Self { geometry, all, parts, shapes, last, shift }
    }
}

impl Scan for DcScan<'_> {
    fn shape(&self) -> (u32, u32) {
        match &self.parts[..] {
            [only] => self.geometry.channels[only.channel].blocks,
            _ => self.geometry.mcus,
        }
    }

    fn blocks(&self) -> usize {
        self.shapes.iter().map(|(h, v)| h * v).sum()
    }

    fn decode(&mut self, window: &Window, state: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, Stop) {
        let mut bits = *state;
        let mut column = columns.start;
        let stop = 'mcus: loop {
            if column == columns.end {
                break Stop::Done;
            }
            if bits.at > safe {
                break Stop::Hungry;
            }
            for ((part, &(h, v)), last) in self.parts.iter().zip(&self.shapes).zip(&mut self.last) {
                let own = &mut self.all[part.channel];
                for y in 0..v {
                    let at = (row as usize * v + y) * own.width + column as usize * h;
                    for dc in &mut own.dc[at..at + h] {
                        bits.refill(&window.bytes);
                        match &part.table {
                            None => *dc |= (bits.bits(1) << self.shift) as i16,
                            Some(table) => {
                                let Some(difference) = table.difference(&mut bits) else { break 'mcus Stop::Damaged };
                                *last = last.wrapping_add(difference);
                                *dc = (*last << self.shift) as i16;
                            }
                        }
                    }
                }
            }
            if window.overrun(&bits) {
                break Stop::Damaged;
            }
            column += 1;
        };
        *state = bits;
        (column, stop)
    }

    fn lose(&mut self, row: u32, columns: Range<u32>) {
        for ((part, &(h, v)), last) in self.parts.iter().zip(&self.shapes).zip(&self.last) {
            if part.table.is_some() {
                let own = &mut self.all[part.channel];
                for y in 0..v {
                    let at = (row as usize * v + y) * own.width;
                    let blocks = at + columns.start as usize * h..at + columns.end as usize * h;
                    own.dc[blocks].fill((last << self.shift) as i16);
                }
            }
        }
    }

    fn restart(&mut self) {
        self.last.fill(0);
    }

    fn end_row(&mut self, _row: u32) {}
}

/// A scan of a band of one component's other coefficients.
pub(crate) struct AcScan<'a> {
    own: &'a mut Coefficients,
    /// The component's blocks.
    shape: (u32, u32),
    table: ProgressiveTable,
    band: Band,
    shift: u32,
    refines: bool,
    /// Whether a later scan may need to know which coefficients were not zero.
    remembers: bool,
    /// Blocks that follow without new coefficients.
    ended: u32,
}

/// Zigzag indices of the first and the last coefficient.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Band {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Band {
    /// A bit for each index from `from` on.
    fn mask(self, from: u32) -> u64 {
        let up_to_last = u64::MAX >> (63 - self.last);
        if from > 63 { 0 } else { up_to_last & u64::MAX << from }
    }

    /// A bit for each index.
    pub(crate) fn bits(self) -> u64 {
        self.mask(self.first)
    }
}

impl<'a> AcScan<'a> {
    pub(crate) fn new(
        own: &'a mut Coefficients,
        shape: (u32, u32),
        table: ProgressiveTable,
        band: Band,
        &ScanHeader { shift, refines, .. }: &ScanHeader,
        remembers: bool,
    ) -> Self {
        if (remembers || refines) && own.history.is_empty() {
            own.history = vec![0; own.dc.len()];
        }
        Self { own, shape, table, band, shift, refines, remembers, ended: 0 }
    }

    /// Reads a block of a scan that does not refine. The indices that are not zero, or none where the data are no block.
    #[inline(always)]
    fn first(&mut self, bits: &mut Bits, bytes: &Bytes, at: usize) -> Option<u64> {
        let Band { first: mut index, last } = self.band;
        let table = &self.table;
        let kept = self.own.kept & self.band.bits();
        let needed = 64 - kept.leading_zeros();
        let mut history = 0;
        // Coefficients of which some are kept, one by one.
        while index < needed {
            bits.refill(bytes);
            let symbol = table.symbol(bits)?;
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            index += run;
            if size > 0 {
                if index > last {
                    return None;
                }
                let value = bits.value(size);
                history |= 1 << index;
                if kept >> index & 1 == 1 {
                    let slot = at * self.own.count() + usize::from(self.own.slots[index as usize & 63]);
                    self.own.ac[slot] = (value << self.shift) as i16;
                }
            } else if run < 15 {
                self.ended = (1 << run) - 1 + bits.bits(run) as u32;
                return Some(history);
            }
            index += 1;
        }
        // The others several at a time.
        while index + PACKED_ADVANCE <= last {
            bits.refill(bytes);
            let entry = table.packed[bits.peek::<AC_BITS>()];
            if entry == 0 {
                if rare(table, last, bits, &mut index, &mut history, &mut self.ended)? {
                    return Some(history);
                }
                continue;
            }
            bits.take(entry);
            history |= u64::from(entry >> 16).wrapping_shl(index);
            index += entry >> 8 & 0xff;
        }
        while index <= last {
            bits.refill(bytes);
            let entry = table.single[bits.peek::<AC_BITS>()];
            if entry == 0 {
                if rare(table, last, bits, &mut index, &mut history, &mut self.ended)? {
                    return Some(history);
                }
                continue;
            }
            bits.take(entry);
            history |= u64::from(entry >> 16).wrapping_shl(index);
            index += entry >> 8 & 0xff;
        }
        (index == last + 1 || index >= END).then_some(history)
    }

    /// Reads a block of a scan that refines.
    #[inline(always)]
    fn refine(&mut self, bits: &mut Bits, bytes: &Bytes, at: usize) -> Option<()> {
        let history = self.own.history[at];
        let mut fresh = 0;
        let mut index = self.band.first;
        while self.ended == 0 && index <= self.band.last {
            bits.refill(bytes);
            let symbol = self.table.symbol(bits)?;
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 && run < 15 {
                // This block is the first of those that end.
                self.ended = (1 << run) + bits.bits(run) as u32;
                break;
            }
            let positive = size > 0 && bits.bits(1) == 1;
            // The place behind `run` coefficients that were zero so far; the others on the way take a bit each.
            let place = if history >> index & ((2 << run) - 1) == 0 {
                index + run
            } else {
                let mut zeros = !history & self.band.mask(index);
                for _ in 0..run {
                    zeros &= zeros.wrapping_sub(1);
                }
                let place = zeros.trailing_zeros();
                self.correct(bits, bytes, at, history & self.band.mask(index) & below(place));
                place
            };
            if size > 0 {
                if place > self.band.last {
                    return None;
                }
                fresh |= 1 << place;
                if self.own.kept >> place & 1 == 1 {
                    let slot = self.slot(at, place);
                    self.own.ac[slot] = if positive { 1 << self.shift } else { -1 << self.shift };
                }
            }
            index = place + 1;
        }
        if self.ended > 0 {
            self.ended -= 1;
            self.correct(bits, bytes, at, history & self.band.mask(index));
        }
        if self.remembers {
            self.own.history[at] = history | fresh;
        }
        Some(())
    }

    fn slot(&self, at: usize, index: u32) -> usize {
        at * self.own.count() + usize::from(self.own.slots[index as usize & 63])
    }

    /// Reads a bit for each of these coefficients, and applies it to those that are kept.
    #[inline(always)]
    fn correct(&mut self, bits: &mut Bits, bytes: &Bytes, at: usize, mut passed: u64) {
        while passed & self.own.kept != 0 {
            let index = (passed & self.own.kept).trailing_zeros();
            skip(bits, bytes, (passed & below(index)).count_ones());
            bits.refill(bytes);
            if bits.bits(1) == 1 {
                let slot = self.slot(at, index);
                let value = &mut self.own.ac[slot];
                *value = value.wrapping_add(if *value < 0 { -1 << self.shift } else { 1 << self.shift });
            }
            passed &= u64::MAX << index << 1;
        }
        skip(bits, bytes, passed.count_ones());
    }
}

/// Takes a symbol that the quick tables do not have, and no value of it; whether it ends the block.
#[inline(always)]
fn rare(
    table: &ProgressiveTable,
    last: u32,
    bits: &mut Bits,
    index: &mut u32,
    history: &mut u64,
    ended: &mut u32,
) -> Option<bool> {
    let symbol = table.symbol(bits)?;
    let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
    if size == 0 && run < 15 {
        *ended = (1 << run) - 1 + bits.bits(run) as u32;
        return Some(true);
    }
    *index += run;
    if size > 0 {
        if *index > last {
            return None;
        }
        *history |= 1 << *index;
        bits.take(size);
    }
    *index += 1;
    Some(false)
}

/// A bit for each index below that one.
fn below(index: u32) -> u64 {
    1_u64.checked_shl(index).map_or(u64::MAX, |bit| bit - 1)
}

/// Takes up to 64 bits.
#[inline(always)]
fn skip(bits: &mut Bits, bytes: &Bytes, count: u32) {
    bits.refill(bytes);
    bits.take(count.min(32));
    if count > 32 {
        bits.refill(bytes);
        bits.take(count - 32);
    }
}

impl Scan for AcScan<'_> {
    fn shape(&self) -> (u32, u32) {
        self.shape
    }

    fn blocks(&self) -> usize {
        1
    }

    fn decode(&mut self, window: &Window, state: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, Stop) {
        let mut bits = *state;
        let start = row as usize * self.own.width;
        let mut column = columns.start;
        let stop = loop {
            if column == columns.end {
                break Stop::Done;
            }
            if !self.refines && self.ended > 0 {
                let skipped = self.ended.min(columns.end - column);
                self.ended -= skipped;
                column += skipped;
                continue;
            }
            if bits.at > safe {
                break Stop::Hungry;
            }
            let at = start + column as usize;
            if self.refines {
                if self.refine(&mut bits, &window.bytes, at).is_none() {
                    break Stop::Damaged;
                }
            } else {
                let Some(history) = self.first(&mut bits, &window.bytes, at) else { break Stop::Damaged };
                if self.remembers {
                    self.own.history[at] |= history;
                }
            }
            if window.overrun(&bits) {
                break Stop::Damaged;
            }
            column += 1;
        };
        *state = bits;
        (column, stop)
    }

    fn lose(&mut self, _row: u32, _columns: Range<u32>) {}

    fn restart(&mut self) {
        self.ended = 0;
    }

    fn end_row(&mut self, _row: u32) {}
}
