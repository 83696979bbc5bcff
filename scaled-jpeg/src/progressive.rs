//! Decodes AC scans of progressive files.
//!
//! A scan is skipped if no needed sample depends on its coefficients. A refining scan has a bit for each coefficient that was not zero
//! before, so a mask for each block records these coefficients.

use std::ops::Range;

use crate::{
    bits::{Bits, Bytes, Window},
    coefficients::{Band, Coefficients},
    deposit::{deposit, place},
    huffman::{BITS, END, ProgressiveTable},
    scan::ScanHeader,
    walk::{Scan, read_each},
};

/// A scan of a band of AC coefficients of one component.
pub(crate) struct AcScan<'a> {
    own: &'a mut Coefficients,
    table: ProgressiveTable,
    band: Band,
    shift: u32,
    refines: bool,
    /// Whether a later scan may need to know which coefficients were not zero.
    remembers: bool,
    /// The number of following blocks without new coefficients.
    ended: u32,
}

impl<'a> AcScan<'a> {
    pub(crate) fn new(
        own: &'a mut Coefficients,
        table: ProgressiveTable,
        band: Band,
        &ScanHeader { shift, refines, .. }: &ScanHeader,
        remembers: bool,
    ) -> Self {
        if (remembers || refines) && own.history.is_empty() {
            own.history = vec![0; own.dc.len()];
        }
        Self { own, table, band, shift, refines, remembers, ended: 0 }
    }

    /// Reads a block of a scan that does not refine. Returns a bit for each coefficient that is not zero, or `None` if the data are
    /// invalid.
    #[inline(always)]
    fn first(&mut self, bits: &mut Bits, bytes: &Bytes, at: usize) -> Option<u64> {
        let Band { first: mut index, last } = self.band;
        let needed = 64 - (self.own.kept & self.band.bits()).leading_zeros();
        let mut history = 0;
        while index < needed {
            bits.refill(bytes);
            index = self.one(bits, at, index, &mut history, true)?;
        }
        // Behind the last kept coefficient, several are skipped at once if the band has so many.
        while index <= last {
            bits.refill(bytes);
            let word = bits.peek::<BITS>();
            let mut entry = self.table.packed[word];
            if index + (entry >> 8 & (END - 1)) > last + 1 {
                entry = self.table.single[word];
            }
            if entry == 0 {
                index = self.one(bits, at, index, &mut history, false)?;
                continue;
            }
            bits.take(entry);
            history |= u64::from(entry >> 16).wrapping_shl(index);
            index += entry >> 8 & 0xff;
        }
        Some(history)
    }

    /// Reads a coefficient with the zeros before it, and keeps it if `keeps` allows. Returns the index of the next coefficient.
    #[inline(always)]
    fn one(&mut self, bits: &mut Bits, at: usize, index: u32, history: &mut u64, keeps: bool) -> Option<u32> {
        let symbol = self.table.symbol(bits)?;
        if let Some(ended) = ended(symbol, bits) {
            self.ended = ended - 1;
            return Some(index + END);
        }
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size > 0 {
            // A run may lead beyond the band, but not beyond the block.
            let place = (index + run).min(63);
            let value = bits.value(size);
            *history |= 1 << place;
            if keeps && self.own.kept >> place & 1 == 1 {
                *self.value(at, 1 << place) = (value << self.shift) as i16;
            }
        }
        Some(index + run + 1)
    }

    /// Reads a block of a scan that refines. Returns `None` if the data are invalid.
    #[inline(always)]
    fn refine(&mut self, bits: &mut Bits, bytes: &Bytes, at: usize) -> Option<()> {
        let history = self.own.history[at];
        let mut fresh = 0;
        // The coefficients that follow in the band.
        let mut left = self.band.bits();
        while self.ended == 0 && left != 0 {
            bits.refill(bytes);
            let symbol = self.table.symbol(bits)?;
            if let Some(ended) = ended(symbol, bits) {
                self.ended = ended;
                break;
            }
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            let positive = size > 0 && bits.bits(1) == 1;
            // The place behind `run` coefficients that were zero before. Each other coefficient on the way has a bit.
            let place = place(left & !history, run);
            let passed = left & (place ^ place.wrapping_sub(1));
            self.correct(bits, bytes, at, history & passed);
            left &= !passed;
            if size > 0 {
                fresh |= place;
                if self.own.kept & place != 0 {
                    *self.value(at, place) = if positive { 1 << self.shift } else { -1 << self.shift };
                }
            }
        }
        if self.ended > 0 {
            self.ended -= 1;
            bits.refill(bytes);
            self.correct(bits, bytes, at, history & left);
        }
        if self.remembers {
            self.own.history[at] = history | fresh;
        }
        Some(())
    }

    /// Returns the lowest of the kept coefficients `places` of a block.
    #[inline(always)]
    fn value(&mut self, at: usize, places: u64) -> &mut i16 {
        let slot = usize::from(self.own.slots[places.trailing_zeros() as usize & 63]);
        let count = self.own.count();
        &mut self.own.ac[at * count + slot]
    }

    /// Takes a bit for each of the given coefficients, and applies it to kept coefficients. At least 32 bits must be available.
    #[inline(always)]
    fn correct(&mut self, bits: &mut Bits, bytes: &Bytes, at: usize, places: u64) {
        let count = places.count_ones();
        if count <= 32 {
            self.correct_some(bits, at, places, count);
        } else {
            let low = places & u64::from(u32::MAX);
            self.correct_some(bits, at, low, low.count_ones());
            bits.refill(bytes);
            self.correct_some(bits, at, places ^ low, count - low.count_ones());
        }
    }

    #[inline(always)]
    fn correct_some(&mut self, bits: &mut Bits, at: usize, places: u64, count: u32) {
        let kept = self.own.kept;
        if places & kept != 0 {
            let up_to_last = u64::MAX >> kept.leading_zeros();
            let mut grown = deposit(bits.buffer.reverse_bits(), places & up_to_last) & kept;
            while grown != 0 {
                let shift = self.shift;
                let value = self.value(at, grown);
                *value = value.wrapping_add(if *value < 0 { -1 << shift } else { 1 << shift });
                grown &= grown - 1;
            }
        }
        bits.take(count);
    }
}

/// Returns the number of blocks that a symbol ends, including the current one; `None` for a coefficient or sixteen zeros.
#[inline(always)]
fn ended(symbol: u8, bits: &mut Bits) -> Option<u32> {
    let run = u32::from(symbol >> 4);
    (symbol & 15 == 0 && run < 15).then(|| (1 << run) + bits.bits(run) as u32)
}

impl Scan for AcScan<'_> {
    // Inlined into the walk, the loop would have too few registers.
    #[inline(never)]
    fn read(&mut self, window: &Window, bits: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, bool) {
        let (start, end, bytes) = (row as usize * self.own.width, columns.end, &window.bytes);
        read_each(window, bits, columns, safe, |bits, column| {
            let at = start + column as usize;
            if self.refines {
                self.refine(bits, bytes, at)?;
            } else if self.ended > 0 {
                let skipped = self.ended.min(end - column);
                self.ended -= skipped;
                return Some(skipped);
            } else {
                let history = self.first(bits, bytes, at)?;
                if self.remembers {
                    self.own.history[at] |= history;
                }
            }
            Some(1)
        })
    }

    fn retract(&mut self, row: u32, columns: Range<u32>) {
        if self.refines {
            return;
        }
        let band = self.own.kept & self.band.bits();
        for column in columns {
            let at = row as usize * self.own.width + column as usize;
            for index in (0..64).filter(|index| band >> index & 1 == 1) {
                *self.value(at, 1 << index) = 0;
            }
            if let Some(history) = self.own.history.get_mut(at) {
                *history &= !self.band.bits();
            }
        }
    }

    fn spare(&mut self, bits: &mut Bits, bytes: &Bytes) -> bool {
        if self.refines {
            return false;
        }
        self.ended = self.ended.saturating_sub(1);
        if self.ended > 0 {
            return true;
        }
        let kept = std::mem::take(&mut self.own.kept);
        let block = self.first(bits, bytes, 0);
        self.own.kept = kept;
        block.is_some()
    }

    fn restart(&mut self) {
        self.ended = 0;
    }
}
