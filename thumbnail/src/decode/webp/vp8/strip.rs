//! The rows of samples that one row of macroblocks makes.

use std::ops::Range;

/// Rows of the macroblocks above that are kept, because filtering the ones below changes three of them and looks at a fourth.
const KEPT: usize = 4;

/// Luma, and two planes of chroma with half as many rows and half as many samples in each; as wide as whole macroblocks.
pub(in crate::decode::webp) struct Strip {
    luma: Rows,
    chroma: [Rows; 2],
}

/// Rows of one plane: those that are kept, then as many as a macroblock has.
pub(super) struct Rows {
    samples: Vec<u8>,
    stride: usize,
    /// Rows and columns of a macroblock.
    size: usize,
    /// The rows that will not change any more.
    ready: Range<usize>,
}

impl Strip {
    /// For rows of so many macroblocks.
    pub(super) fn new(columns: usize) -> Self {
        Self { luma: Rows::new(columns, 16), chroma: [Rows::new(columns, 8), Rows::new(columns, 8)] }
    }

    /// The next rows of luma.
    pub(in crate::decode::webp) fn luma(&self) -> impl Iterator<Item = &[u8]> {
        self.luma.ready()
    }

    /// The next rows of the two chroma planes.
    pub(in crate::decode::webp) fn chroma(&self) -> [impl Iterator<Item = &[u8]>; 2] {
        self.chroma.each_ref().map(Rows::ready)
    }

    /// To write to: luma, and the two chroma planes.
    pub(super) fn planes(&mut self) -> (&mut Rows, &mut [Rows; 2]) {
        (&mut self.luma, &mut self.chroma)
    }

    /// Makes room for the next row of macroblocks.
    pub(super) fn advance(&mut self) {
        self.each(Rows::advance);
    }

    /// Gives out what a row of macroblocks made, but for the last three rows; with what was left of the one before.
    pub(super) fn give_row(&mut self, first: bool) {
        self.each(|rows| rows.ready = if first { KEPT } else { 1 }..rows.size + 1);
    }

    /// Gives out what is left of the last row of macroblocks.
    pub(super) fn give_rest(&mut self) {
        self.each(|rows| rows.ready = 1..KEPT);
    }

    fn each(&mut self, change: impl Fn(&mut Rows)) {
        change(&mut self.luma);
        self.chroma.iter_mut().for_each(change);
    }
}

impl Rows {
    fn new(columns: usize, size: usize) -> Self {
        let stride = columns * size;
        Self { samples: vec![0; (KEPT + size) * stride], stride, size, ready: 0..0 }
    }

    fn ready(&self) -> impl Iterator<Item = &[u8]> {
        self.samples[self.ready.start * self.stride..self.ready.end * self.stride].chunks_exact(self.stride)
    }

    fn advance(&mut self) {
        self.samples.copy_within(self.size * self.stride.., 0);
    }

    /// A row of the macroblocks in the making, from a column on.
    #[inline(always)]
    pub(super) fn row(&mut self, y: usize, x: usize) -> &mut [u8] {
        self.kept_row(KEPT + y, x)
    }

    /// The same, counted from the first row that is kept.
    #[inline(always)]
    pub(super) fn kept_row(&mut self, y: usize, x: usize) -> &mut [u8] {
        &mut self.samples[y * self.stride + x..]
    }
}
