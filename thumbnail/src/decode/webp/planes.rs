//! The box filter for planes of luma and chroma.
//!
//! Means keep more bits than samples have, because a colour is a sum of three of them and rounding errors would become visible.

use crate::box_filter;

/// The number of parts of a level in a mean.
pub(super) const PARTS: u16 = 64;

/// A plane of means.
#[derive(Debug, PartialEq)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Rows of means, in [`PARTS`] of a level.
    pub(super) samples: Vec<u16>,
}

/// Collects the rows of a plane and averages them.
pub(super) struct PlaneBoxFilter {
    by: usize,
    /// The width and height of the plane, and the number of rows that are still missing.
    width: usize,
    height: usize,
    left: usize,
    /// Whether each sample is doubled horizontally and vertically.
    double: bool,
    /// The last row.
    row: Vec<u8>,
    /// The sums of each column, and the number of rows in them.
    sums: Vec<u16>,
    pending: usize,
    samples: Vec<u16>,
}

impl PlaneBoxFilter {
    /// Expects luma of `width` by `height` samples, and averages squares of `by` by `by` samples.
    pub(super) fn of_luma((width, height): (u32, u32), by: u32) -> Self {
        let (width, height, by) = (width as usize, height as usize, by as usize);
        Self {
            by,
            width,
            height,
            left: height,
            double: false,
            row: Vec::with_capacity(width),
            sums: vec![0; width],
            pending: 0,
            samples: Vec::with_capacity(width.div_ceil(by) * height.div_ceil(by)),
        }
    }

    /// Expects chroma of a picture of `size`, which has one sample for two by two samples of luma, and averages squares of half of `by`.
    ///
    /// If `by` is odd, the samples are doubled first; if `by` is 1, chroma keeps half the size of luma.
    pub(super) fn of_chroma(size: (u32, u32), by: u32) -> Self {
        if by == 1 || by.is_multiple_of(2) {
            Self::of_luma((size.0.div_ceil(2), size.1.div_ceil(2)), by.div_ceil(2))
        } else {
            Self { double: true, ..Self::of_luma(size, by) }
        }
    }

    /// Adds a row. Samples and rows outside of the picture are ignored.
    pub(super) fn add(&mut self, row: &[u8]) {
        self.row.clear();
        if self.double {
            self.row.extend(row.iter().flat_map(|&sample| [sample; 2]));
            self.row.truncate(self.width);
            self.repeat();
        } else {
            self.row.extend_from_slice(&row[..self.width]);
        }
        self.repeat();
    }

    /// Adds the last row again.
    fn repeat(&mut self) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if self.by == 1 {
            return self.samples.extend(self.row.iter().map(|&sample| PARTS * u16::from(sample)));
        }
        box_filter::add(&mut self.sums, &self.row);
        self.pending += 1;
        if self.pending < self.by && self.left > 0 {
            return;
        }
        for square in self.sums.chunks(self.by) {
            let total: u32 = square.iter().map(|&sum| u32::from(sum)).sum();
            self.samples.push(mean(total, square.len() * self.pending));
        }
        self.sums.fill(0);
        self.pending = 0;
    }

    /// Returns the number of rows that were added.
    pub(super) fn found(&self) -> usize {
        self.height - self.left
    }

    /// Returns the plane of means. Missing rows repeat the last row; there must have been one.
    pub(super) fn finish(mut self) -> Plane {
        (0..self.left).for_each(|_| self.repeat());
        Plane { width: self.width.div_ceil(self.by), height: self.height.div_ceil(self.by), samples: self.samples }
    }
}

/// Computes a mean in [`PARTS`] of a level. `f32` represents the total of up to 65,536 samples exactly, and is much faster than a
/// division of integers.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn mean(total: u32, samples: usize) -> u16 {
    (total as f32 * (f32::from(PARTS) / samples as f32) + 0.5) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mut filter: PlaneBoxFilter, rows: &[&[u8]], width: usize, expected: &[f32]) {
        for row in rows {
            filter.add(row);
        }
        let plane = filter.finish();
        assert_eq!((plane.width, plane.width * plane.height), (width, expected.len()));
        let samples: Vec<f32> = plane.samples.iter().map(|&sample| f32::from(sample) / f32::from(PARTS)).collect();
        let same = samples.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 0.5 / f32::from(PARTS));
        assert!(samples.len() == expected.len() && same, "{samples:?} for {expected:?}");
    }

    #[test]
    fn what_is_beyond_the_picture_is_left_out() {
        let rows: [&[u8]; 4] = [&[10, 20, 99], &[30, 41, 99], &[50, 60, 99], &[99; 3]];
        check(PlaneBoxFilter::of_luma((2, 3), 2), &rows, 1, &[25.25, 55.0]);
        check(PlaneBoxFilter::of_luma((2, 3), 1), &rows, 2, &[10.0, 20.0, 30.0, 41.0, 50.0, 60.0]);
    }

    #[test]
    fn chroma_keeps_to_the_size_of_luma() {
        let rows: [&[u8]; 2] = [&[10, 20, 30], &[40, 50, 60]];
        // Of a picture of five by three pixels.
        for by in [1, 2] {
            check(PlaneBoxFilter::of_chroma((5, 3), by), &rows, 3, &[10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        }
        // Of three by three pixels, four are of the first sample, and so on.
        check(PlaneBoxFilter::of_chroma((5, 3), 3), &rows, 2, &[210.0 / 9.0, 35.0]);
        check(PlaneBoxFilter::of_chroma((5, 3), 4), &rows, 2, &[30.0, 45.0]);
    }

    #[test]
    fn rows_that_are_missing_are_like_the_last_one() {
        check(PlaneBoxFilter::of_luma((1, 4), 1), &[&[10], &[30]], 1, &[10.0, 30.0, 30.0, 30.0]);
        check(PlaneBoxFilter::of_luma((1, 4), 3), &[&[10], &[31]], 1, &[24.0, 31.0]);
    }

    #[test]
    fn the_largest_sums_fit() {
        let row: &[u8] = &[255; 512];
        check(PlaneBoxFilter::of_luma((512, 300), 256), &[row; 300], 2, &[255.0; 4]);
    }
}
