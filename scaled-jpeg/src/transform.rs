//! Truncated inverse cosine transforms: the lowest W × H coefficients of a block of 8 × 8 become W × H samples.
//!
//! A sample is the sum over those coefficients, times c(u)·c(v)/8 and the cosines of a transform of W and H points, where c(0)
//! is 1 and the others are √2; 128 is added. With eight points on both axes that is the standard's own transform.

use std::f64::consts::{PI, SQRT_2};

use wide::{f32x8, i16x8, i32x8, u8x16};

use crate::{geometry::Channel, zigzag};

/// Coefficients of a block, in rows.
pub(crate) type Block = [i16; 64];

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

    /// The sample that a block of the first coefficient alone consists of.
    #[inline]
    pub(crate) fn flat(&self, dc: i16) -> u8 {
        (((i32::from(dc) * self.dc + 4) >> 3) + 128).clamp(0, 255) as u8
    }
}

/// The transform of a channel.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    One,
    Two,
    Other(Inverse),
}

/// Writes a block's samples into rows that lie some way apart.
type Inverse = fn(&Block, &Quantisers, &mut [u8], usize);

impl Kind {
    pub(crate) fn new(channel: &Channel) -> Self {
        let height = channel.height;
        match channel.width {
            1 if height == 1 => Self::One,
            2 if height == 2 => Self::Two,
            1 => any_height::<1>(height),
            2 => any_height::<2>(height),
            3 => any_height::<3>(height),
            4 => any_height::<4>(height),
            5 => any_height::<5>(height),
            6 => any_height::<6>(height),
            7 => any_height::<7>(height),
            _ => any_height::<8>(height),
        }
    }

    /// Writes a block's samples into rows that lie `stride` apart.
    #[inline(always)]
    pub(crate) fn apply(self, block: &Block, quantisers: &Quantisers, out: &mut [u8], stride: usize) {
        match self {
            // Nearly all blocks are of these kinds, where a call would cost as much as the work.
            Self::One => out[0] = quantisers.flat(block[0]),
            Self::Two => two(block, quantisers, out, stride),
            Self::Other(inverse) => inverse(block, quantisers, out, stride),
        }
    }
}

fn any_height<const W: usize>(height: usize) -> Kind {
    Kind::Other(match height {
        1 => transform::<W, 1>,
        2 => transform::<W, 2>,
        3 => transform::<W, 3>,
        4 => transform::<W, 4>,
        5 => transform::<W, 5>,
        6 => transform::<W, 6>,
        7 => transform::<W, 7>,
        _ => transform::<W, 8>,
    })
}

/// What a coefficient of 1, by its zigzag index, adds to a sample at most.
pub(crate) fn peak(channel: &Channel, index: usize) -> f64 {
    let at = usize::from(zigzag::NATURAL[index]);
    let axis = |points: usize, frequency: usize| {
        let cosines = COSINES[points - 1][frequency][..points].iter();
        let c = if frequency == 0 { 1.0 } else { SQRT_2 };
        c * cosines.fold(0.0, |peak: f64, &cosine| peak.max(f64::from(cosine.abs())))
    };
    axis(channel.width, at % 8) * axis(channel.height, at / 8) / 8.0
}

/// Two points on both axes, where all cosines times √2 are 1 or -1.
#[inline(always)]
fn two(block: &Block, quantisers: &Quantisers, out: &mut [u8], stride: usize) {
    let [a, b, c, d] = [0, 1, 8, 9].map(|at| f32::from(block[at]) * quantisers.scaled[at]);
    // c(u)·c(v) and the cosines of the odd frequencies: √2·√½ on each axis.
    let half = std::f32::consts::FRAC_1_SQRT_2;
    let (b, c, d) = (b * half, c * half, d * 0.5);
    let (left, right) = (a + b, a - b);
    let (first, second) = (c + d, c - d);
    let rows = [[left + first, right + second], [left - first, right - second]];
    out[stride..stride + 2].copy_from_slice(&rows[1].map(sample));
    out[..2].copy_from_slice(&rows[0].map(sample));
}

/// The transform as two small products of matrices, with a vector for each row.
fn transform<const W: usize, const H: usize>(block: &Block, quantisers: &Quantisers, out: &mut [u8], stride: usize) {
    let (across, down) = (&COSINES[W - 1], &COSINES[H - 1]);
    let rows: &[[i16; 8]] = block.as_chunks().0;
    if W * H > 4 && rows[..H].iter().flatten().skip(1).fold(0, |all, &value| all | value) == 0 {
        for line in out.chunks_mut(stride).take(H) {
            line[..W].fill(quantisers.flat(block[0]));
        }
        return;
    }
    let mut columns = [f32x8::ZERO; H];
    for (row, (values, scaled)) in columns.iter_mut().zip(rows.iter().zip(quantisers.scaled.as_chunks::<8>().0)) {
        *row = f32x8::from_i32x8(i32x8::from_i16x8(i16x8::new(*values))) * f32x8::new(*scaled);
    }
    for y in 0..H.div_ceil(2) {
        // Odd frequencies have the opposite sign in the mirrored row, even ones the same.
        let (mut even, mut odd) = (columns[0], f32x8::ZERO);
        for v in 1..H {
            let sum = if v % 2 == 0 { &mut even } else { &mut odd };
            *sum = columns[v].mul_add(f32x8::splat(down[v][y]), *sum);
        }
        let (row, mirrored) = ((even + odd).to_array(), (even - odd).to_array());
        let (mut above, mut below) = (f32x8::splat(row[0]), f32x8::splat(mirrored[0]));
        for u in 1..W {
            let cosines = f32x8::new(across[u]);
            above = cosines.mul_add(f32x8::splat(row[u]), above);
            below = cosines.mul_add(f32x8::splat(mirrored[u]), below);
        }
        let samples = u8x16::narrow_i16x8(levels(above), levels(below)).to_array();
        out[(H - 1 - y) * stride..][..W].copy_from_slice(&samples[8..8 + W]);
        out[y * stride..][..W].copy_from_slice(&samples[..W]);
    }
}

/// Rounded, and within a range from which they can be narrowed.
#[inline(always)]
fn levels(values: f32x8) -> i16x8 {
    let shifted = values + f32x8::splat(128.0);
    i16x8::from_i32x8_truncate(shifted.fast_max(f32x8::ZERO).fast_min(f32x8::splat(255.0)).fast_round_int())
}

/// Rounds and clamps.
#[inline(always)]
fn sample(value: f32) -> u8 {
    (value + 128.5) as u8
}

/// cos((2x + 1)uπ / 2n) for n points, by n - 1, u and x.
static COSINES: [[[f32; 8]; 8]; 8] = {
    let mut tables = [[[0.0; 8]; 8]; 8];
    let mut n = 1;
    while n <= 8 {
        let mut u = 0;
        while u < n {
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
