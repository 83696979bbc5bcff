//! Finds the blocks of a picture that change from one frame to the next.

use std::ops::Range;

/// The edge of a block in pixels. VP8 transforms blocks of 4 × 4 pixels, and libwebp gives each transparent block of 8 × 8 pixels one
/// colour, so no transform mixes a block that changes with one that does not.
const EDGE: usize = 8;

/// The blocks of a picture, row by row. The blocks on the right and at the bottom may be smaller.
pub(super) struct Blocks {
    width: usize,
    height: usize,
    columns: usize,
    changed: Vec<bool>,
}

impl Blocks {
    /// Compares two RGBA pictures of `width` pixels a row. A block changes if a channel of a pixel differs by more than `tolerance`.
    pub(super) fn compare(shown: &[u8], next: &[u8], width: u32, tolerance: u8) -> Self {
        let width = width as usize;
        let height = next.len() / (width * 4);
        let columns = width.div_ceil(EDGE);
        let mut changed = vec![false; columns * height.div_ceil(EDGE)];
        let rows = |picture| <[u8]>::chunks_exact(picture, width * 4);
        for (y, (shown, next)) in rows(shown).zip(rows(next)).enumerate() {
            let blocks = shown.chunks(EDGE * 4).zip(next.chunks(EDGE * 4));
            for (changed, (shown, next)) in changed[y / EDGE * columns..].iter_mut().zip(blocks) {
                let most = shown.iter().zip(next).fold(0, |most, (a, b)| a.abs_diff(*b).max(most));
                *changed |= most > tolerance;
            }
        }
        Self { width, height, columns, changed }
    }

    /// Returns the smallest rectangle (left, top, width, height) around the blocks that change; `None` if no block changes.
    pub(super) fn area(&self) -> Option<[u32; 4]> {
        let changed = (0..self.changed.len()).filter(|&block| self.changed[block]);
        let areas = changed.map(|block| (self.columns_of(block), self.rows_of(block)));
        let (x, y) = areas.reduce(|(x, y), (columns, rows)| {
            (x.start.min(columns.start)..x.end.max(columns.end), y.start.min(rows.start)..y.end.max(rows.end))
        })?;
        // A picture is at most as wide and as high as `u32` allows.
        #[allow(clippy::cast_possible_truncation)]
        Some([x.start, y.start, x.len(), y.len()].map(|edge| edge as u32))
    }

    /// Copies the blocks of `area` that change from `next` to `shown`. In `next`, makes the others transparent: each gets its mean colour,
    /// which disturbs its neighbours least when the encoder smooths the edges of blocks. If few would be transparent, all count as changed.
    pub(super) fn leave_out_unchanged(&self, area: [u32; 4], shown: &mut [u8], next: &mut [u8]) {
        /// Transparent blocks save more than the alpha channel takes if they are at least one in this number of blocks.
        const WORTH: usize = 7;
        let [left, top, width, height] = area.map(|edge| edge as usize);
        let (columns, rows) = (left / EDGE..(left + width).div_ceil(EDGE), top / EDGE..(top + height).div_ceil(EDGE));
        let within = rows.flat_map(|row| columns.clone().map(move |column| row * self.columns + column));
        let (all, unchanged) = (within.clone().count(), within.clone().filter(|&block| !self.changed[block]).count());
        let is_whole = unchanged * WORTH < all;
        for block in within {
            let columns = self.columns_of(block);
            let row = |y: usize| (y * self.width + columns.start) * 4..(y * self.width + columns.end) * 4;
            let rows = self.rows_of(block).map(row);
            if is_whole || self.changed[block] {
                rows.for_each(|row| shown[row.clone()].copy_from_slice(&next[row]));
            } else {
                let [red, green, blue] = mean(rows.clone().flat_map(|row| next[row].as_chunks().0));
                rows.for_each(|row| next[row].as_chunks_mut().0.fill([red, green, blue, 0]));
            }
        }
    }

    fn columns_of(&self, block: usize) -> Range<usize> {
        let left = block % self.columns * EDGE;
        left..(left + EDGE).min(self.width)
    }

    fn rows_of(&self, block: usize) -> Range<usize> {
        let top = block / self.columns * EDGE;
        top..(top + EDGE).min(self.height)
    }
}

/// Returns the mean colour of a block's pixels.
fn mean<'a>(pixels: impl Iterator<Item = &'a [u8; 4]>) -> [u8; 3] {
    let (mut sum, mut count) = ([0_u16; 3], 0);
    for pixel in pixels {
        for (sum, channel) in sum.iter_mut().zip(pixel) {
            *sum += u16::from(*channel);
        }
        count += 1;
    }
    // The mean of bytes is a byte.
    #[allow(clippy::cast_possible_truncation)]
    sum.map(|sum| (sum / count.max(1)) as u8)
}
