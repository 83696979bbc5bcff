//! Writes blocks of coefficients into a component's plane of samples.

use crate::{
    geometry::{Channel, Geometry},
    transform::{self, Group, Inverse, LANES, Quantisers},
};

/// A plane under construction. Blocks are written from left to right. Eight neighbours, a [`Group`], are transformed together.
pub(crate) struct PlaneWriter {
    /// The samples of whole MCUs.
    pub(crate) samples: Vec<u8>,
    pub(crate) stride: usize,
    /// The width and height of a block in samples.
    pub(crate) block: (usize, usize),
    inverse: Inverse,
    /// Two groups for each row of blocks in a row of MCUs, used in turns. An MCU may have blocks in two groups, and is written again if
    /// damage is found in it.
    groups: Vec<[Group; 2]>,
    /// The index of the current row of MCUs in the samples.
    pub(crate) start: usize,
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

    /// Returns the group of the block in `column`, in a row of blocks of the row of MCUs. The block's lane is its column modulo [`LANES`].
    ///
    /// The group's first block clears all coefficients of the group. A block whose data are damaged is not closed, but opened again.
    #[inline(always)]
    pub(crate) fn open(&mut self, row: usize, column: usize) -> &mut Group {
        let group = &mut self.groups[row][column / LANES % 2];
        if column.is_multiple_of(LANES) {
            group.as_chunks_mut().0.iter_mut().take(self.block.1).for_each(|line| *line = [[0; LANES]; 8]);
        }
        group
    }

    /// Puts the blocks before `column` into the plane if they complete a group.
    #[inline(always)]
    pub(crate) fn close(&mut self, row: usize, column: usize, quantisers: &Quantisers) {
        if column.is_multiple_of(LANES) {
            self.transform(row, column - LANES, LANES, quantisers);
        }
    }

    /// Replaces the coefficients of a block by those of a plain block.
    pub(crate) fn flatten(&mut self, row: usize, column: usize, dc: i16) {
        let (lane, stored) = (column % LANES, 8 * self.block.1.min(8));
        let group = self.open(row, column);
        group[..stored].iter_mut().for_each(|values| values[lane] = 0);
        group[0][lane] = dc;
    }

    /// Ends a row of `columns` blocks, and transforms its last group even if the group is not full.
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
