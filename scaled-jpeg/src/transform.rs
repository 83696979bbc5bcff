//! Truncated inverse cosine transforms: the lowest W × H coefficients of a block of 8 × 8 become W × H samples.
//!
//! A sample is the sum over those coefficients, times c(u)·c(v)/8 and the cosines of a transform of W and H points, where c(0)
//! is 1 and the others are √2; 128 is added. With eight points on both axes that is the standard's own transform.

use std::{
    f64::consts::{PI, SQRT_2},
    ops::Range,
};

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
    /// Of the four that two points on both axes need.
    four: [i32; 4],
}

impl Quantisers {
    /// From a table in rows.
    pub(crate) fn new(table: &[u16; 64]) -> Self {
        let c = |frequency: usize| if frequency == 0 { 1.0 } else { SQRT_2 };
        let scaled = |at: usize| (f64::from(table[at]) * c(at / 8) * c(at % 8) / 8.0) as f32;
        // Beyond that, any coefficient makes black or white, and sums of four might not fit.
        let four = [0, 1, 8, 9].map(|at: usize| i32::from(table[at].min(1 << 14)));
        Self { scaled: std::array::from_fn(scaled), dc: i32::from(table[0]), four }
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
    /// One sample.
    One,
    /// Two points on both axes: see [`Pairs`].
    Two,
    Other(Inverse),
    /// More than eight points on some axis.
    Large(usize, usize),
}

/// Writes a block's samples into rows that lie some way apart.
pub(crate) type Inverse = fn(&Block, &Quantisers, &mut [u8], usize);

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
            8 => any_height::<8>(height),
            _ => Self::Large(channel.width, height),
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
        8 => transform::<W, 8>,
        _ => return Kind::Large(W, height),
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

/// The coefficients of a row of blocks that are transformed to two points on both axes. So many at once take a fifth of the time.
#[derive(Default)]
pub(crate) struct Pairs {
    /// By block: the first coefficient, the next one across, the next one down, and the one of both.
    coefficients: [Vec<i16>; 4],
}

impl Pairs {
    pub(crate) fn new(blocks: usize) -> Self {
        Self { coefficients: std::array::from_fn(|_| vec![0; blocks]) }
    }

    /// Takes a block's coefficients.
    #[inline(always)]
    pub(crate) fn set(&mut self, at: usize, block: &Block) {
        for (all, from) in self.coefficients.iter_mut().zip([0, 1, 8, 9]) {
            all[at] = block[from];
        }
    }

    /// Takes the coefficients of blocks that follow each other.
    pub(crate) fn set_line(&mut self, at: usize, dc: &[i16], ac: &[[i16; 3]]) {
        let [a, b, c, d] = self.coefficients.each_mut().map(|all| &mut all[at..][..dc.len()]);
        a.copy_from_slice(dc);
        for (((b, c), d), ac) in b.iter_mut().zip(c).zip(d).zip(ac) {
            (*b, *c, *d) = (ac[0], ac[1], ac[2]);
        }
    }

    /// Writes the samples of these blocks into two rows. All cosines times √2 are 1 or -1 here.
    pub(crate) fn transform(&self, blocks: Range<usize>, quantisers: &Quantisers, out: &mut [u8]) {
        let [a, b, c, d] = self.coefficients.each_ref().map(|all| &all[blocks.clone()]);
        let (above, below) = out.split_at_mut(out.len() / 2);
        let rows = above.as_chunks_mut::<2>().0.iter_mut().zip(below.as_chunks_mut::<2>().0);
        let level = |sum: i32| (((sum + 4) >> 3) + 128).clamp(0, 255) as u8;
        for ((((([a0, a1], [b0, b1]), &a), &b), &c), &d) in rows.zip(a).zip(b).zip(c).zip(d) {
            let [q0, q1, q2, q3] = quantisers.four;
            let (a, b, c, d) = (i32::from(a) * q0, i32::from(b) * q1, i32::from(c) * q2, i32::from(d) * q3);
            let (left, right, first, second) = (a + b, a - b, c + d, c - d);
            (*a0, *a1, *b0, *b1) =
                (level(left + first), level(right + second), level(left - first), level(right - second));
        }
    }
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
            let cosines = f32x8::from(&across[u][..8]);
            above = cosines.mul_add(f32x8::splat(row[u]), above);
            below = cosines.mul_add(f32x8::splat(mirrored[u]), below);
        }
        let samples = u8x16::narrow_i16x8(levels(above), levels(below)).to_array();
        out[(H - 1 - y) * stride..][..W].copy_from_slice(&samples[8..8 + W]);
        out[y * stride..][..W].copy_from_slice(&samples[..W]);
    }
}

/// The same for up to sixteen points, of which those beyond eight have no frequencies of their own: two vectors for each row.
pub(crate) fn large(
    block: &Block,
    quantisers: &Quantisers,
    out: &mut [u8],
    stride: usize,
    (width, height): (usize, usize),
) {
    let (across, down) = (&COSINES[width - 1], &COSINES[height - 1]);
    let mut rows = [f32x8::ZERO; 8];
    let stored = block.as_chunks::<8>().0.iter().zip(quantisers.scaled.as_chunks::<8>().0);
    for (row, (values, scaled)) in rows.iter_mut().zip(stored).take(height) {
        *row = f32x8::from_i32x8(i32x8::from_i16x8(i16x8::new(*values))) * f32x8::new(*scaled);
    }
    for (y, line) in out.chunks_mut(stride).take(height).enumerate() {
        let row =
            rows.iter().zip(down).fold(f32x8::ZERO, |sum, (row, cosines)| row.mul_add(f32x8::splat(cosines[y]), sum));
        let (mut left, mut right) = (f32x8::ZERO, f32x8::ZERO);
        for (&value, cosines) in row.to_array().iter().zip(across).take(width) {
            let (first, second) = cosines.split_at(8);
            left = f32x8::from(first).mul_add(f32x8::splat(value), left);
            right = f32x8::from(second).mul_add(f32x8::splat(value), right);
        }
        let samples = u8x16::narrow_i16x8(levels(left), levels(right)).to_array();
        line[..width].copy_from_slice(&samples[..width]);
    }
}

/// Rounded, and within a range from which they can be narrowed.
#[inline(always)]
fn levels(values: f32x8) -> i16x8 {
    let shifted = values + f32x8::splat(128.0);
    i16x8::from_i32x8_truncate(shifted.fast_max(f32x8::ZERO).fast_min(f32x8::splat(255.0)).fast_round_int())
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
