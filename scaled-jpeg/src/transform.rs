//! Truncated inverse cosine transforms: the lowest W × H coefficients of a block of 8 × 8 become W × H samples.
//!
//! A sample is the sum over those coefficients, times c(u)·c(v)/8 and the cosines of a transform of W and H points, where c(0)
//! is 1 and the others are √2; 128 is added. With eight points on both axes that is the standard's own transform.

use std::f64::consts::{PI, SQRT_2};

use wide::{f32x8, i16x8, i32x8};

use crate::{geometry::Channel, tables};

/// A quantisation table made ready for a transform.
pub(crate) struct Quantisers {
    /// In rows, each times c(u)·c(v)/8.
    scaled: [f32; 64],
    /// Of the first coefficient.
    dc: i32,
}

impl Quantisers {
    /// From a table in rows.
    pub(crate) fn new(table: &[u16; 64]) -> Self {
        let c = |frequency: usize| if frequency == 0 { 1.0 } else { SQRT_2 };
        let scaled = |at: usize| (f64::from(table[at]) * c(at / 8) * c(at % 8) / 8.0) as f32;
        Self { scaled: std::array::from_fn(scaled), dc: i32::from(table[0]) }
    }

    /// By how many levels a block's samples change with its first coefficient.
    pub(crate) fn level(&self) -> f32 {
        self.dc as f32 / 8.0
    }

    /// Writes the samples that blocks of the first coefficient alone consist of, one for each.
    pub(crate) fn flat(&self, dc: &[i16], out: &mut [u8]) {
        for (sample, &dc) in out.iter_mut().zip(dc) {
            *sample = (((i32::from(dc) * self.dc + 4) >> 3) + 128).clamp(0, 255) as u8;
        }
    }
}

/// Blocks that are transformed together, a vector's lanes.
pub(crate) const LANES: usize = 8;

/// Coefficients of blocks that follow each other in a row: by their place in the block, in rows, and by block.
pub(crate) type Group = [[i16; LANES]; 64];

/// Writes the samples of a group's first blocks, so many, into rows that lie some way apart. A block's samples have that width and
/// height.
pub(crate) type Inverse = fn(&Group, &Quantisers, &mut [u8], stride: usize, blocks: usize, size: (usize, usize));

/// The transform of a channel.
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

/// What a coefficient of 1, by its zigzag index, adds to a sample at most.
pub(crate) fn peak(channel: &Channel, index: usize) -> f64 {
    let at = usize::from(tables::NATURAL[index]);
    let axis = |points: usize, frequency: usize| {
        let cosines = COSINES[points - 1][frequency][..points].iter();
        let c = if frequency == 0 { 1.0 } else { SQRT_2 };
        c * cosines.fold(0.0, |peak: f64, &cosine| peak.max(f64::from(cosine.abs())))
    };
    axis(channel.width, at % 8) * axis(channel.height, at / 8) / 8.0
}

/// One sample of each block.
fn flat(group: &Group, quantisers: &Quantisers, out: &mut [u8], _stride: usize, blocks: usize, _size: (usize, usize)) {
    quantisers.flat(&group[0][..blocks], out);
}

/// The transform by columns, then by rows, with a lane for each block.
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
    // Each block's samples are written as one word, of which the next block covers what is too much.
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
            // Of a length that the compiler knows.
            out[..LANES * W].copy_from_slice(&line[..LANES * W]);
        } else {
            out[..blocks * W].copy_from_slice(&line[..blocks * W]);
        }
    }
}

/// The inverse transform of so many points.
#[inline(always)]
fn points<const N: usize>(frequencies: &[f32x8; N]) -> [f32x8; N] {
    let cosines = &COSINES[N - 1];
    let mut samples = [f32x8::ZERO; N];
    for x in 0..N.div_ceil(2) {
        // Odd frequencies have the opposite sign in the mirrored place, even ones the same.
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

/// The same for up to sixteen points, of which those beyond eight have no frequencies of their own: block by block, and two vectors for
/// each row.
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

/// Rounded to what a sample can be.
#[inline(always)]
fn levels(values: f32x8) -> i32x8 {
    let shifted = values + f32x8::splat(128.5);
    shifted.fast_max(f32x8::ZERO).fast_min(f32x8::splat(255.0)).fast_trunc_int()
}

/// cos((2x + 1)uπ / 2n) for n points, by n - 1, u and x.
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

/// cos(πa/b), which the standard library cannot give at compile time.
const fn cosine(a: usize, b: usize) -> f64 {
    // To the first quadrant.
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
