//! The rows of samples of one row of macroblocks.

use std::ops::Range;

/// The number of rows that are kept from the macroblocks above: filtering the next macroblocks changes three of them and reads a fourth.
const KEPT: usize = 4;

/// The rows of luma and of two chroma planes, which have half the width and height. They consist of whole macroblocks.
pub(in crate::decode::webp) struct Strip {
    planes: [Rows; 3],
}

/// The rows of a plane: the rows that are kept, and then those of the current macroblocks.
pub(super) struct Rows {
    samples: Vec<u8>,
    stride: usize,
    /// The number of rows and columns of a macroblock.
    size: usize,
    /// The rows that are finished.
    ready: Range<usize>,
}

impl Strip {
    /// Creates a strip for rows of `columns` macroblocks.
    pub(super) fn new(columns: usize) -> Self {
        Self { planes: [16, 8, 8].map(|size| Rows::new(columns, size)) }
    }

    /// Returns the finished rows of each plane.
    pub(in crate::decode::webp) fn ready(&self) -> [impl Iterator<Item = &[u8]>; 3] {
        self.planes.each_ref().map(Rows::ready)
    }

    /// Returns the planes for writing.
    pub(super) fn planes(&mut self) -> &mut [Rows; 3] {
        &mut self.planes
    }

    /// Moves on to the next row of macroblocks.
    pub(super) fn advance(&mut self) {
        self.planes.iter_mut().for_each(Rows::advance);
    }

    /// Marks rows as finished: those left over from the row of macroblocks above, unless there is none (`first`); and those of the current
    /// one without its last three, unless there is none (`ended`).
    pub(super) fn give(&mut self, first: bool, ended: bool) {
        for rows in &mut self.planes {
            rows.ready = if first { KEPT } else { 1 }..if ended { KEPT } else { rows.size + 1 };
        }
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

    /// Returns a row of the current macroblocks, from a column on.
    #[inline(always)]
    pub(super) fn row(&mut self, y: usize, x: usize) -> &mut [u8] {
        self.kept_row(KEPT + y, x)
    }

    /// Returns a row, counted from the first row that is kept.
    #[inline(always)]
    pub(super) fn kept_row(&mut self, y: usize, x: usize) -> &mut [u8] {
        &mut self.samples[y * self.stride + x..]
    }
}
