//! Truncated inverse cosine transforms, which compute W × H samples from the lowest W × H coefficients of a block of 8 × 8.
//!
//! A sample is 128 plus the sum of these coefficients, each multiplied by c(u)·c(v)/8 and by the cosines of a transform of W and H
//! points. c(0) is 1, and c of any other frequency is √2. With eight points on both axes, this is the transform of the standard.

use std::f64::consts::{PI, SQRT_2};

use wide::{f32x8, i16x8, i32x8};

use crate::{geometry::Channel, tables};

/// A quantisation table, prepared for a transform.
pub(crate) struct Quantisers {
    /// The steps row by row, each multiplied by c(u)·c(v)/8.
    scaled: [f32; 64],
    /// The step of the DC coefficient.
    dc: i32,
}

impl Quantisers {
    /// Prepares a table of steps, row by row.
    pub(crate) fn new(table: &[u16; 64]) -> Self {
        let c = |frequency: usize| if frequency == 0 { 1.0 } else { SQRT_2 };
        let scaled = |at: usize| (f64::from(table[at]) * c(at / 8) * c(at % 8) / 8.0) as f32;
        Self { scaled: std::array::from_fn(scaled), dc: i32::from(table[0]) }
    }

    /// Returns the number of levels by which the samples of a block change if its DC coefficient changes by 1.
    pub(crate) fn level(&self) -> f32 {
        self.dc as f32 / 8.0
    }

    /// Writes one sample for each block, computed from its DC coefficient.
    pub(crate) fn flat(&self, dc: &[i16], out: &mut [u8]) {
        for (sample, &dc) in out.iter_mut().zip(dc) {
            *sample = (((i32::from(dc) * self.dc + 4) >> 3) + 128).clamp(0, 255) as u8;
        }
    }
}

/// The number of blocks that are transformed together, one in each lane of a vector.
pub(crate) const LANES: usize = 8;

/// The coefficients of neighbouring blocks: by place in the block, row by row, and then by block.
pub(crate) type Group = [[i16; LANES]; 64];

/// Writes the samples of the first `blocks` of a group to rows whose beginnings are `stride` samples apart. `size` is the width and
/// height of a block in samples.
pub(crate) type Inverse = fn(&Group, &Quantisers, &mut [u8], stride: usize, blocks: usize, size: (usize, usize));

/// Returns the transform of a channel.
pub(crate) fn inverse(channel: &Channel) -> Inverse {
    match (channel.width, channel.height) {
        (1, 1) => flat,
        (1, height) => any_height::<1>(height),
        (2, height) => any_height::<2>(height),
        (3, height) => any_height::<3>(height),
        (4, height) => any_height::<4>(height),
        (5, height) => any_height::<5>(height),
        (6, height) => any_height::<6>(height),
        (7, height) => any_height::<7>(height),
        (8, height) => any_height::<8>(height),
        _ => large,
    }
}

fn any_height<const W: usize>(height: usize) -> Inverse {
    match height {
        1 => transform::<W, 1>,
        2 => transform::<W, 2>,
        3 => transform::<W, 3>,
        4 => transform::<W, 4>,
        5 => transform::<W, 5>,
        6 => transform::<W, 6>,
        7 => transform::<W, 7>,
        8 => transform::<W, 8>,
        _ => large,
    }
}

/// Returns the maximum amount that a coefficient of 1 adds to a sample, by the zigzag index of the coefficient.
pub(crate) fn peak(channel: &Channel, index: usize) -> f64 {
    let at = usize::from(tables::NATURAL[index]);
    let axis = |points: usize, frequency: usize| {
        let cosines = COSINES[points - 1][frequency][..points].iter();
        let c = if frequency == 0 { 1.0 } else { SQRT_2 };
        c * cosines.fold(0.0, |peak: f64, &cosine| peak.max(f64::from(cosine.abs())))
    };
    axis(channel.width, at % 8) * axis(channel.height, at / 8) / 8.0
}

/// Writes one sample for each block.
fn flat(group: &Group, quantisers: &Quantisers, out: &mut [u8], _stride: usize, blocks: usize, _size: (usize, usize)) {
    quantisers.flat(&group[0][..blocks], out);
}

/// Transforms the columns and then the rows, with each block in its own lane.
fn transform<const W: usize, const H: usize>(
    group: &Group,
    quantisers: &Quantisers,
    out: &mut [u8],
    stride: usize,
    blocks: usize,
    _size: (usize, usize),
) {
    let mut rows = [[f32x8::ZERO; W]; H];
    for u in 0..W {
        let column = std::array::from_fn(|v| {
            let values = f32x8::from_i32x8(i32x8::from_i16x8(i16x8::new(group[v * 8 + u])));
            values * f32x8::splat(quantisers.scaled[v * 8 + u])
        });
        for (row, value) in rows.iter_mut().zip(points::<H>(&column)) {
            row[u] = value;
        }
    }
    // The samples of a block are written as one word. If they are fewer, the next block overwrites the rest of the word.
    let mut line = [0; LANES * 8];
    for (y, row) in rows.iter().enumerate() {
        let samples = points(row);
        let word = |from: usize| {
            let bytes = samples[from..W.min(from + 4)].iter().enumerate();
            bytes.fold(i32x8::ZERO, |word, (at, &sample)| word | levels(sample) << (8 * at as i32)).to_array()
        };
        let (low, high) = (word(0), if W > 4 { word(4) } else { [0; LANES] });
        for (lane, (low, high)) in low.into_iter().zip(high).enumerate() {
            let at = lane * W;
            line[at..at + 4].copy_from_slice(&low.to_le_bytes());
            if W > 4 {
                line[at + 4..at + 8].copy_from_slice(&high.to_le_bytes());
            }
        }
        let out = &mut out[y * stride..];
        if blocks == LANES {
            // The compiler knows this length.
            out[..LANES * W].copy_from_slice(&line[..LANES * W]);
        } else {
            out[..blocks * W].copy_from_slice(&line[..blocks * W]);
        }
    }
}

/// Computes the inverse transform of `N` points.
#[inline(always)]
fn points<const N: usize>(frequencies: &[f32x8; N]) -> [f32x8; N] {
    let cosines = &COSINES[N - 1];
    let mut samples = [f32x8::ZERO; N];
    for x in 0..N.div_ceil(2) {
        // In the mirrored place, odd frequencies have the opposite sign, and even frequencies have the same sign.
        let (mut even, mut odd) = (frequencies[0], f32x8::ZERO);
        for u in 1..N {
            let sum = if u % 2 == 0 { &mut even } else { &mut odd };
            *sum = frequencies[u].mul_add(f32x8::splat(cosines[u][x]), *sum);
        }
        samples[N - 1 - x] = even - odd;
        samples[x] = even + odd;
    }
    samples
}

/// Transforms blocks with up to sixteen points on an axis, of which only eight have coefficients. Processes one block at a time, with two
/// vectors for each row.
fn large(
    group: &Group,
    quantisers: &Quantisers,
    out: &mut [u8],
    stride: usize,
    blocks: usize,
    (width, height): (usize, usize),
) {
    let (across, down) = (&COSINES[width - 1], &COSINES[height - 1]);
    for lane in 0..blocks {
        let mut rows = [f32x8::ZERO; 8];
        let stored = group.as_chunks::<8>().0.iter().zip(quantisers.scaled.as_chunks::<8>().0);
        for (row, (values, scaled)) in rows.iter_mut().zip(stored).take(height) {
            let values = i16x8::new(values.map(|values| values[lane]));
            *row = f32x8::from_i32x8(i32x8::from_i16x8(values)) * f32x8::new(*scaled);
        }
        for (y, line) in out.chunks_mut(stride).take(height).enumerate() {
            let terms = rows.iter().zip(down);
            let row = terms.fold(f32x8::ZERO, |sum, (row, cosines)| row.mul_add(f32x8::splat(cosines[y]), sum));
            let (mut left, mut right) = (f32x8::ZERO, f32x8::ZERO);
            for (&value, cosines) in row.to_array().iter().zip(across).take(width) {
                let (first, second) = cosines.split_at(8);
                left = f32x8::from(first).mul_add(f32x8::splat(value), left);
                right = f32x8::from(second).mul_add(f32x8::splat(value), right);
            }
            let samples = [levels(left), levels(right)].map(i32x8::to_array);
            let line = line[lane * width..][..width].iter_mut();
            line.zip(samples.as_flattened()).for_each(|(to, &sample)| *to = sample as u8);
        }
    }
}

/// Rounds values to samples, and limits them to the range of a sample.
#[inline(always)]
fn levels(values: f32x8) -> i32x8 {
    let shifted = values + f32x8::splat(128.5);
    shifted.fast_max(f32x8::ZERO).fast_min(f32x8::splat(255.0)).fast_trunc_int()
}

/// The cosines cos((2x + 1)uπ / 2n) for n points, by n - 1, u and x.
static COSINES: [[[f32; 16]; 8]; 16] = {
    let mut tables = [[[0.0; 16]; 8]; 16];
    let mut n = 1;
    while n <= 16 {
        let mut u = 0;
        while u < n && u < 8 {
            let mut x = 0;
            while x < n {
                tables[n - 1][u][x] = cosine((2 * x + 1) * u, 2 * n) as f32;
                x += 1;
            }
            u += 1;
        }
        n += 1;
    }
    tables
};

/// Computes cos(πa/b), which the standard library cannot do at compile time.
const fn cosine(a: usize, b: usize) -> f64 {
    // Reduces the angle to the first quadrant.
    let a = a % (2 * b);
    let a = if a > b { 2 * b - a } else { a };
    let (a, sign) = if 2 * a > b { (b - a, -1.0) } else { (a, 1.0) };
    let angle = PI * a as f64 / b as f64;
    let (mut sum, mut term) = (1.0, 1.0);
    let mut n = 1;
    while n < 12 {
        term *= -angle * angle / ((2 * n - 1) * 2 * n) as f64;
        sum += term;
        n += 1;
    }
    sign * sum
}
