//! Decodes DC scans of progressive files. A DC coefficient is the mean of its block.

use std::{cell::Cell, ops::Range};

use crate::{
    bits::{Bits, Bytes, Window},
    coefficients::Coefficients,
    huffman::DcTable,
    walk::{Scan, Stop},
};

/// A component of a DC scan.
pub(crate) struct DcPart<'a> {
    own: &'a mut Coefficients,
    /// The number of columns and rows of blocks in an MCU.
    h: usize,
    v: usize,
    /// The Huffman table; `None` if the scan refines.
    table: Option<DcTable>,
    last: Cell<i32>,
}

/// A line of blocks of a component in a row of MCUs.
struct Line<'a> {
    dc: &'a mut [i16],
    /// The number of columns of blocks in an MCU.
    h: usize,
    table: Option<&'a DcTable>,
    last: &'a Cell<i32>,
}

impl<'a> DcPart<'a> {
    pub(crate) fn new(own: &'a mut Coefficients, (h, v): (usize, usize), table: Option<DcTable>) -> Self {
        Self { own, h, v, table, last: Cell::new(0) }
    }

    fn lines(&mut self, row: u32) -> impl Iterator<Item = Line<'_>> {
        let row = self.v * self.own.width * row as usize;
        let lines = self.own.dc[row..].chunks_exact_mut(self.own.width).take(self.v);
        lines.map(|dc| Line { dc, h: self.h, table: self.table.as_ref(), last: &self.last })
    }
}

impl Line<'_> {
    /// Reads the blocks of an MCU. Returns `None` if the data are invalid.
    #[inline(always)]
    fn read(&mut self, bits: &mut Bits, bytes: &Bytes, column: u32, shift: u32) -> Option<()> {
        let blocks = &mut self.dc[column as usize * self.h..][..self.h];
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
    /// The number of MCUs in a row, and the number of rows.
    pub(crate) mcus: (u32, u32),
    pub(crate) parts: Vec<DcPart<'a>>,
    pub(crate) shift: u32,
}

impl Scan for DcScan<'_> {
    fn shape(&self) -> (u32, u32) {
        self.mcus
    }

    fn blocks(&self) -> usize {
        self.parts.iter().map(|part| part.h * part.v).sum()
    }

    fn decode(&mut self, window: &Window, state: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, Stop) {
        let mut lines: Vec<_> = self.parts.iter_mut().flat_map(|part| part.lines(row)).collect();
        let mut bits = *state;
        let mut column = columns.start;
        let stop = 'mcus: loop {
            if column == columns.end {
                break Stop::Done;
            }
            if bits.at > safe {
                break Stop::Hungry;
            }
            for line in &mut lines {
                if line.read(&mut bits, &window.bytes, column, self.shift).is_none() {
                    break 'mcus Stop::Damaged;
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
        for part in self.parts.iter_mut().filter(|part| part.table.is_some()) {
            let dc = (part.last.get() << self.shift) as i16;
            for line in part.lines(row) {
                line.dc[columns.start as usize * line.h..columns.end as usize * line.h].fill(dc);
            }
        }
    }

    fn spare(&mut self, bytes: &Bytes, bits: &mut Bits) -> bool {
        let mut parts = self.parts.iter();
        parts.all(|part| {
            (0..part.h * part.v).all(|_| {
                bits.refill(bytes);
                // Any bits can be a refinement, so they do not prove that there is a block.
                part.table.as_ref().is_some_and(|table| table.difference(bits).is_some())
            })
        })
    }

    fn restart(&mut self) {
        self.parts.iter_mut().for_each(|part| part.last.set(0));
    }

    fn end_row(&mut self, _row: u32) {}
}
