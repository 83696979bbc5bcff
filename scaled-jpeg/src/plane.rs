//! Writes blocks of coefficients into a component's plane of samples.

use std::ops::Range;

use crate::{
    geometry::{Channel, Geometry},
    transform::{self, Group, Inverse, LANES, Quantisers},
};

/// A plane under construction. Blocks are written from left to right. Eight neighbours, a [`Group`], are transformed together.
pub(crate) struct PlaneWriter {
    /// The samples of whole MCUs.
    pub(crate) samples: Vec<u8>,
    stride: usize,
    /// The width and height of a block in samples.
    block: (usize, usize),
    inverse: Inverse,
    /// Two groups for each row of blocks in a row of MCUs, used in turns. An MCU may have blocks in two groups, and is written again if
    /// damage is found in it.
    groups: Vec<[Group; 2]>,
    /// The index of the current row of MCUs in the samples.
    start: usize,
}

/// Blocks of one group that are being written. Only [`finish`](Self::finish) puts them into the plane. Blocks that are dropped without it,
/// because their data are damaged, must be opened again.
#[must_use = "only finished blocks get into the plane"]
pub(crate) struct OpenBlocks<'a> {
    plane: &'a mut PlaneWriter,
    /// The row of blocks in the row of MCUs.
    row: usize,
    columns: Range<usize>,
}

impl PlaneWriter {
    /// Makes a grey plane of `mcu_rows` rows of MCUs, with `context` rows of samples above them.
    pub(crate) fn new(geometry: &Geometry, channel: &Channel, mcu_rows: usize, context: usize) -> Self {
        let stride = geometry.stride(channel);
        Self {
            samples: vec![128; stride * (Geometry::mcu_height(channel) * mcu_rows + context)],
            stride,
            block: (channel.width, channel.height),
            inverse: transform::inverse(channel),
            groups: vec![[[[0; LANES]; 64]; 2]; channel.v as usize],
            start: 0,
        }
    }

    /// Begins a row of MCUs at `start` in the samples.
    pub(crate) fn begin_row(&mut self, start: usize) {
        self.start = start;
    }

    /// Opens the blocks `columns`, which must be in one group, in a row of blocks of the row of MCUs.
    ///
    /// All coefficients are zero if no block of the group was opened before.
    #[inline(always)]
    pub(crate) fn open(&mut self, row: usize, columns: Range<usize>) -> OpenBlocks<'_> {
        let (height, is_first) = (self.block.1, columns.start.is_multiple_of(LANES));
        let mut blocks = OpenBlocks { plane: self, row, columns };
        let group = blocks.group();
        if is_first {
            group.as_chunks_mut().0.iter_mut().take(height).for_each(|line| *line = [[0; LANES]; 8]);
        }
        blocks
    }

    /// Ends a row of `blocks` blocks, and transforms its last group even if the group is not full.
    pub(crate) fn end_row(&mut self, row: usize, columns: usize, quantisers: &Quantisers) {
        let blocks = columns % LANES;
        if blocks > 0 {
            self.transform(row, columns - blocks, blocks, quantisers);
        }
    }

    /// Writes a row of blocks that have one sample each, from their DC coefficients.
    pub(crate) fn put_row(&mut self, row: usize, dc: &[i16], quantisers: &Quantisers) {
        quantisers.flat(dc, &mut self.samples[self.start + row * self.stride..]);
    }

    /// Transforms the first `blocks` of the group that begins in `column`.
    #[inline(always)]
    fn transform(&mut self, row: usize, column: usize, blocks: usize, quantisers: &Quantisers) {
        let (width, height) = self.block;
        let out = &mut self.samples[self.start + row * height * self.stride + column * width..];
        (self.inverse)(&self.groups[row][column / LANES % 2], quantisers, out, self.stride, blocks, self.block);
    }
}

impl OpenBlocks<'_> {
    /// The group of the blocks. The lane of each block is its column modulo [`LANES`].
    #[inline(always)]
    pub(crate) fn group(&mut self) -> &mut Group {
        &mut self.plane.groups[self.row][self.columns.start / LANES % 2]
    }

    /// Replaces the coefficients of each block by those of a plain block.
    pub(crate) fn flatten(&mut self, dc: i16) {
        let lanes = self.columns.clone().map(|column| column % LANES);
        let stored = 8 * self.plane.block.1.min(8);
        let group = self.group();
        for lane in lanes {
            group[..stored].iter_mut().for_each(|values| values[lane] = 0);
            group[0][lane] = dc;
        }
    }

    /// Puts the blocks into the plane. A full group is transformed.
    #[inline(always)]
    pub(crate) fn finish(self, quantisers: &Quantisers) {
        let end = self.columns.end;
        if end.is_multiple_of(LANES) {
            self.plane.transform(self.row, end - LANES, LANES, quantisers);
        }
    }
}
