//! Decodes DC scans of progressive files. A DC coefficient is the mean of its block.

use std::{cell::Cell, ops::Range};

use crate::{
    bits::{Bits, Bytes, Window},
    coefficients::Coefficients,
    huffman::DcTable,
    walk::{Scan, read_each},
};

/// A component of a DC scan.
pub(crate) struct DcPart<'a> {
    pub(crate) own: &'a mut Coefficients,
    /// The number of columns and rows of blocks in an MCU.
    pub(crate) mcu: (usize, usize),
    /// The Huffman table; `None` if the scan refines.
    pub(crate) table: Option<DcTable>,
    /// The DC coefficient of the last block.
    pub(crate) last: Cell<i32>,
}

/// A line of blocks of a component in a row of MCUs.
struct Line<'a> {
    dc: &'a mut [i16],
    /// The number of columns of blocks in an MCU.
    across: usize,
    table: Option<&'a DcTable>,
    last: &'a Cell<i32>,
}

impl DcPart<'_> {
    fn lines(&mut self, row: u32) -> impl Iterator<Item = Line<'_>> {
        let Self { own, mcu: (across, down), table, last } = self;
        let lines = own.dc[*down * own.width * row as usize..].chunks_exact_mut(own.width).take(*down);
        lines.map(|dc| Line { dc, across: *across, table: table.as_ref(), last })
    }
}

impl Line<'_> {
    /// Reads the blocks of an MCU. Returns `None` if the data are invalid.
    #[inline(always)]
    fn read(&mut self, bits: &mut Bits, bytes: &Bytes, column: u32, shift: u32) -> Option<()> {
        let blocks = &mut self.dc[column as usize * self.across..][..self.across];
        if let Some(table) = self.table {
            for dc in blocks {
                bits.refill(bytes);
                let last = self.last.get().wrapping_add(table.difference(bits)?);
                self.last.set(last);
                *dc = (last << shift) as i16;
            }
        } else {
            bits.refill(bytes);
            for dc in blocks {
                *dc |= (bits.bits(1) << shift) as i16;
            }
        }
        Some(())
    }
}

/// A scan of DC coefficients.
pub(crate) struct DcScan<'a> {
    pub(crate) parts: Vec<DcPart<'a>>,
    pub(crate) shift: u32,
}

impl Scan for DcScan<'_> {
    fn read(&mut self, window: &Window, bits: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, bool) {
        let mut lines: Vec<_> = self.parts.iter_mut().flat_map(|part| part.lines(row)).collect();
        read_each(window, bits, columns, safe, |bits, column| {
            lines.iter_mut().try_for_each(|line| line.read(bits, &window.bytes, column, self.shift))?;
            Some(1)
        })
    }

    fn lose(&mut self, row: u32, columns: Range<u32>) {
        for part in self.parts.iter_mut().filter(|part| part.table.is_some()) {
            let dc = (part.last.get() << self.shift) as i16;
            for line in part.lines(row) {
                line.dc[columns.start as usize * line.across..columns.end as usize * line.across].fill(dc);
            }
        }
    }

    fn spare(&mut self, bits: &mut Bits, bytes: &Bytes) -> bool {
        self.parts.iter().all(|part| {
            (0..part.mcu.0 * part.mcu.1).all(|_| {
                bits.refill(bytes);
                // Any bits can be a refinement, so they do not prove that there is a block.
                part.table.as_ref().is_some_and(|table| table.difference(bits).is_some())
            })
        })
    }

    fn restart(&mut self) {
        self.parts.iter_mut().for_each(|part| part.last.set(0));
    }
}
