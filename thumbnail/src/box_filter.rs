//! The box filter: averages squares of pixels while their rows arrive, so that the full picture is never in memory.
//!
//! Colours are weighted by their alpha. The filter is fast but coarse, so it stops at twice the size of the largest thumbnail, and
//! [`resample`](crate::resample) does the rest.

use crate::picture::{Model, Picture};

/// The maximum edge of a square. The sums of 256 rows just fit into their type.
const MOST: u32 = 256;

/// Returns the largest edge of squares that leaves at least `min_size` of a picture of `size`.
pub(crate) fn factor(size: (u32, u32), min_size: (u32, u32)) -> u32 {
    (size.0 / min_size.0.max(1)).min(size.1 / min_size.1.max(1)).clamp(1, MOST)
}

/// Collects the rows of a picture and averages them.
pub(crate) struct BoxFilter {
    by: usize,
    width: usize,
    height: usize,
    model: Model,
    /// The sums of each channel of each column over opaque rows. Even with an alpha channel, most rows are opaque, and these sums are
    /// faster.
    sums: Vec<u16>,
    /// The sums of colours times alpha, and of alpha, over all other rows.
    weighted: Vec<u32>,
    /// Whether `weighted` has any row.
    any_weighted: bool,
    /// The number of rows in the sums.
    pending: usize,
    data: Vec<u8>,
}

impl BoxFilter {
    /// Expects the rows of a picture of `width` by `height` pixels, and averages squares of `by` by `by` pixels.
    pub(crate) fn new((width, height): (u32, u32), model: Model, by: u32) -> Self {
        let (by, width, height) = (by.clamp(1, MOST) as usize, width as usize, height as usize);
        // Single pixels are copied.
        let row = if by == 1 { 0 } else { width * model.channels() };
        let (sums, weighted) = (vec![0; row], vec![0; if model.has_alpha() { row } else { 0 }]);
        let data = Vec::with_capacity(width.div_ceil(by) * height.div_ceil(by) * model.channels());
        Self { by, width, height, model, sums, weighted, any_weighted: false, pending: 0, data }
    }

    /// Adds the next row from the top, which has `width * channels` bytes.
    pub(crate) fn row(&mut self, row: &[u8]) {
        if self.by == 1 {
            return self.data.extend_from_slice(row);
        }
        if self.model.is_opaque(row) {
            add(&mut self.sums, row);
        } else {
            self.any_weighted = true;
            let add = if self.model == Model::Rgba { add_weighted::<4> } else { add_weighted::<2> };
            add(&mut self.weighted, row);
        }
        self.pending += 1;
        if self.pending == self.by {
            self.flush();
        }
    }

    /// Returns the averaged picture, or `None` if the number of rows was wrong.
    pub(crate) fn finish(mut self) -> Option<Picture> {
        if self.pending > 0 {
            self.flush();
        }
        let (width, height) = (self.width.div_ceil(self.by), self.height.div_ceil(self.by));
        let whole = self.data.len() == width * height * self.model.channels();
        let edge = |edge: usize| u32::try_from(edge).ok();
        Some(Picture { width: edge(width)?, height: edge(height)?, model: self.model, data: self.data })
            .filter(|_| whole)
    }

    /// Turns the sums into a row of the averaged picture.
    fn flush(&mut self) {
        let (by, rows, data) = (self.by, self.pending, &mut self.data);
        if self.any_weighted {
            let average = if self.model == Model::Rgba { average_weighted::<4> } else { average_weighted::<2> };
            average(&self.sums, &self.weighted, by, rows, data);
            self.weighted.fill(0);
            self.any_weighted = false;
        } else {
            let average = match self.model.channels() {
                1 => average::<1>,
                2 => average::<2>,
                3 => average::<3>,
                _ => average::<4>,
            };
            average(&self.sums, by, rows, data);
        }
        self.sums.fill(0);
        self.pending = 0;
    }
}

/// Adds a row to the sums of its columns. The sums can hold [`MOST`] rows.
pub(crate) fn add(sums: &mut [u16], row: &[u8]) {
    for (sum, &value) in sums.iter_mut().zip(row) {
        *sum += u16::from(value);
    }
}

fn add_weighted<const N: usize>(sums: &mut [u32], row: &[u8]) {
    for (sums, pixel) in sums.as_chunks_mut::<N>().0.iter_mut().zip(row.as_chunks::<N>().0) {
        let alpha = u32::from(pixel[N - 1]);
        for (sum, &value) in sums[..N - 1].iter_mut().zip(pixel) {
            *sum += u32::from(value) * alpha;
        }
        sums[N - 1] += alpha;
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // exact, as totals are less than 2^24
fn average<const N: usize>(sums: &[u16], by: usize, rows: usize, data: &mut Vec<u8>) {
    for square in sums.as_chunks::<N>().0.chunks(by) {
        // Multiplying by the weight of a pixel avoids divisions, which would dominate the time.
        let share = 1.0 / (square.len() * rows) as f32;
        let mut totals = [0_u32; N];
        for column in square {
            for (total, &sum) in totals.iter_mut().zip(column) {
                *total += u32::from(sum);
            }
        }
        data.extend(totals.map(|total| (total as f32 * share + 0.5) as u8));
    }
}

fn average_weighted<const N: usize>(opaque: &[u16], weighted: &[u32], by: usize, rows: usize, data: &mut Vec<u8>) {
    for (opaque, square) in opaque.as_chunks::<N>().0.chunks(by).zip(weighted.as_chunks::<N>().0.chunks(by)) {
        let mut totals = [0_u64; N];
        for (opaque, weighted) in opaque.iter().zip(square) {
            for (channel, total) in totals.iter_mut().enumerate() {
                let weight = if channel == N - 1 { 1 } else { 255 };
                *total += u64::from(opaque[channel]) * weight + u64::from(weighted[channel]);
            }
        }
        let alpha = totals[N - 1];
        let pixels = (square.len() * rows) as u64;
        let mut pixel = totals.map(|total| u8::try_from((total + alpha / 2) / alpha.max(1)).unwrap_or(255));
        pixel[N - 1] = u8::try_from((alpha + pixels / 2) / pixels).unwrap_or(255);
        data.extend(pixel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(size: (u32, u32), model: Model, by: u32, data: &[u8]) -> Picture {
        let mut filter = BoxFilter::new(size, model, by);
        data.chunks(size.0 as usize * model.channels()).for_each(|row| filter.row(row));
        filter.finish().unwrap()
    }

    #[test]
    fn squares_are_averaged_and_those_at_the_edges_are_smaller() {
        let data = [10, 20, 30, 40, 50, 100, 110, 120, 130, 141, 200, 210, 220, 230, 241];
        let small = reduced((5, 3), Model::Gray, 2, &data);
        assert_eq!((small.width, small.height), (3, 2));
        // (10 + 20 + 100 + 110) / 4, …, (50 + 141) / 2 rounded, then a single row.
        assert_eq!(small.data, [60, 80, 96, 205, 225, 241]);
        assert_eq!(reduced((5, 3), Model::Gray, 1, &data).data, data);
    }

    #[test]
    fn channels_stay_apart_and_the_largest_sums_fit() {
        let data = [255, 0, 128].repeat(256 * 300);
        let small = reduced((256, 300), Model::Rgb, 256, &data);
        assert_eq!(small.data, [255, 0, 128, 255, 0, 128]);
        let data = [255, 1, 128, 255].repeat(256 * 256);
        assert_eq!(reduced((256, 256), Model::Rgba, 256, &data).data, [255, 1, 128, 255]);
    }

    #[test]
    fn colours_count_by_their_alpha() {
        // A visible red pixel, a hidden green one, and half of a blue one.
        let data = [200, 0, 0, 255, 0, 200, 0, 0, 0, 0, 100, 128, 0, 200, 0, 0];
        assert_eq!(reduced((2, 2), Model::Rgba, 2, &data).data, [133, 0, 33, 96]);
        // The same, with an opaque row above it.
        let data = [200, 0, 0, 255, 200, 0, 0, 255, 0, 0, 100, 128, 0, 200, 0, 0];
        assert_eq!(reduced((2, 2), Model::Rgba, 2, &data).data, [160, 0, 20, 160]);
        assert_eq!(reduced((2, 2), Model::GrayAlpha, 2, &[10, 255, 30, 255, 20, 255, 40, 255]).data, [25, 255]);
        assert_eq!(reduced((2, 2), Model::GrayAlpha, 2, &[10, 255, 30, 255, 9, 0, 9, 0]).data, [20, 128]);
        assert_eq!(reduced((2, 1), Model::GrayAlpha, 2, &[9, 0, 90, 100]).data, [90, 50]);
        assert_eq!(reduced((2, 1), Model::GrayAlpha, 2, &[9, 0, 90, 0]).data, [0, 0]);
    }

    #[test]
    fn rows_that_are_missing_are_noticed() {
        let mut filter = BoxFilter::new((4, 4), Model::Gray, 2);
        filter.row(&[0; 4]);
        assert!(filter.finish().is_none());
    }

    #[test]
    fn no_edge_falls_below_what_is_wanted() {
        assert_eq!(factor((4000, 3000), (1000, 750)), 4);
        assert_eq!(factor((3999, 3000), (1000, 750)), 3);
        assert_eq!(factor((3000, 1), (1000, 2)), 1);
        assert_eq!(factor((60_000, 60_000), (2, 2)), 256);
    }
}
