//! Scales rows of samples to the picture's width and height.

use crate::geometry::{Channel, Geometry, Upsampling};

/// Scales the rows of a channel to the picture's size.
pub(crate) enum Upsampler {
    /// The rows already have the right size.
    None,
    /// Samples are repeated: the index of the sample of each pixel, and a row of pixels.
    Nearest(Vec<u32>, Vec<u8>),
    /// A triangle filter.
    Triangle(Triangle),
}

/// A triangle filter across, down, or both.
pub(crate) struct Triangle {
    across: bool,
    down: bool,
    /// A sum for each sample within the picture, with the first and the last sum repeated at the ends. If the filter works down, a sum is
    /// three times the sample of the near row plus the sample of the far row.
    sums: Vec<u16>,
    row: Vec<u8>,
}

impl Upsampler {
    pub(crate) fn new(channel: &Channel, geometry: &Geometry) -> Self {
        let (across, down) = channel.upsampling;
        if across == Upsampling::Triangle || down == Upsampling::Triangle {
            let (across, down, shown) = (across == Upsampling::Triangle, down == Upsampling::Triangle, channel.shown.0);
            let row = vec![0; if across { 2 * shown } else { shown }];
            return Self::Triangle(Triangle { across, down, sums: vec![0; shown + 2], row });
        }
        if across == Upsampling::None {
            return Self::None;
        }
        let (width, samples) = (geometry.size.0 as usize, channel.h as usize * channel.width);
        let places = (0..width).map(|x| nearest(x, samples, geometry.mcu_size().0) as u32).collect();
        Self::Nearest(places, vec![0; width])
    }

    /// Returns row `y` of the picture, or a longer row, from the nearest row of samples and the row on the other side of the pixel.
    pub(crate) fn row<'a>(&'a mut self, near: &'a [u8], far: &[u8], y: usize) -> &'a [u8] {
        match self {
            Self::None => near,
            Self::Nearest(places, row) => {
                for (sample, &x) in row.iter_mut().zip(&*places) {
                    *sample = near[x as usize];
                }
                row
            }
            Self::Triangle(triangle) => triangle.row(near, far, y),
        }
    }
}

impl Triangle {
    /// Filters a row. Halves are rounded up and down in turn, as in libjpeg.
    fn row(&mut self, near: &[u8], far: &[u8], y: usize) -> &[u8] {
        let shown = self.sums.len() - 2;
        let sums = &mut self.sums[1..=shown];
        match (self.across, self.down) {
            (true, true) => {
                for ((sum, &near), &far) in sums.iter_mut().zip(near).zip(far) {
                    *sum = 3 * u16::from(near) + u16::from(far);
                }
                self.spread::<4>(8, 7);
            }
            (true, false) => {
                for (sum, &near) in sums.iter_mut().zip(near) {
                    *sum = u16::from(near);
                }
                self.spread::<2>(1, 2);
            }
            _ => {
                let half = if y.is_multiple_of(2) { 1 } else { 2 };
                for ((sample, &near), &far) in self.row.iter_mut().zip(near).zip(far) {
                    *sample = ((3 * u16::from(near) + u16::from(far) + half) >> 2) as u8;
                }
            }
        }
        &self.row
    }

    /// Makes two pixels of each sum. Before the division by 2^`SHIFT`, `left` and `right` are added for rounding.
    fn spread<const SHIFT: u32>(&mut self, left: u16, right: u16) {
        let shown = self.sums.len() - 2;
        self.sums[0] = self.sums[1];
        self.sums[shown + 1] = self.sums[shown];
        let neighbours = self.sums.iter().zip(&self.sums[1..]).zip(&self.sums[2..]);
        for (pair, ((&before, &sum), &behind)) in self.row.as_chunks_mut::<2>().0.iter_mut().zip(neighbours) {
            let (left, right) = ((3 * sum + before + left) >> SHIFT, (3 * sum + behind + right) >> SHIFT);
            *pair = (left | right << 8).to_le_bytes();
        }
    }
}

/// Returns the index of the sample, out of `from`, that covers the centre of pixel `x`, out of `to`.
pub(crate) fn nearest(x: usize, from: usize, to: usize) -> usize {
    (2 * x + 1) * from / (2 * to)
}
