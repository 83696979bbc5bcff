//! A component's plane of samples, and the blocks of coefficients on their way into it.

use std::ops::Range;

use crate::{
    geometry::{Channel, Geometry},
    transform::{self, Group, Inverse, LANES, Quantisers},
};

/// A plane under construction. Blocks come in from left to right, and eight neighbours, a [`Group`], are transformed together.
pub(crate) struct PlaneWriter {
    /// In whole MCUs.
    pub(crate) samples: Vec<u8>,
    stride: usize,
    /// Samples of a block, across and down.
    block: (usize, usize),
    inverse: Inverse,
    /// By row of blocks in a row of MCUs: the group that is being filled and, in turns, the one before or after it. An MCU may have
    /// blocks in both, and be written once more where damage is found in it.
    groups: Vec<[Group; 2]>,
    /// Where the row of MCUs begins that is being written.
    start: usize,
}

/// Blocks of one group that are being filled in. Only [`finish`](Self::finish) brings them into the plane: those that are dropped
/// before, because their data are damaged, have to be opened again.
#[must_use = "only finished blocks get into the plane"]
pub(crate) struct OpenBlocks<'a> {
    plane: &'a mut PlaneWriter,
    /// Of blocks, in the row of MCUs.
    row: usize,
    columns: Range<usize>,
}

impl PlaneWriter {
    /// A grey plane of so many rows of MCUs, with `context` rows of samples above them.
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

    /// Goes to a row of MCUs, which begins at `start` in the samples.
    pub(crate) fn begin_row(&mut self, start: usize) {
        self.start = start;
    }

    /// Opens the blocks in `columns`, which lie in one group, of a row of blocks in the row of MCUs.
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

    /// Ends a row of so many blocks: its last group is transformed even if it is not full.
    pub(crate) fn end_row(&mut self, row: usize, columns: usize, quantisers: &Quantisers) {
        let blocks = columns % LANES;
        if blocks > 0 {
            self.transform(row, columns - blocks, blocks, quantisers);
        }
    }

    /// Writes a row of blocks that have one sample each, from their first coefficients.
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
    /// The group that they are in; the lane of each is its column modulo [`LANES`].
    #[inline(always)]
    pub(crate) fn group(&mut self) -> &mut Group {
        &mut self.plane.groups[self.row][self.columns.start / LANES % 2]
    }

    /// Makes each of them a block of one colour, whatever was filled in.
    pub(crate) fn flatten(&mut self, dc: i16) {
        let lanes = self.columns.clone().map(|column| column % LANES);
        let stored = 8 * self.plane.block.1.min(8);
        let group = self.group();
        for lane in lanes {
            group[..stored].iter_mut().for_each(|values| values[lane] = 0);
            group[0][lane] = dc;
        }
    }

    /// Says that they are whole. If the group is full now, it is transformed.
    #[inline(always)]
    pub(crate) fn finish(self, quantisers: &Quantisers) {
        let end = self.columns.end;
        if end.is_multiple_of(LANES) {
            self.plane.transform(self.row, end - LANES, LANES, quantisers);
        }
    }
}
