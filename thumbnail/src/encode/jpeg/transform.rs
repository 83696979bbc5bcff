//! Transforms samples to quantised coefficients, by the fast cosine transform of Arai, Agui and Nakajima (1988). Its outputs are
//! scaled, which the quantiser compensates.

use std::f32::consts::FRAC_1_SQRT_2;

use super::trellis::PARTS;

/// The position of each coefficient within the rows of a block, in coding order.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// Divides coefficients by the steps of a table.
pub(super) struct Quantiser {
    /// The steps, row by row.
    steps: [u8; 64],
    /// The factor of each output of the transform, column by column like the outputs.
    factors: [[f32; 8]; 8],
}

impl Quantiser {
    /// Creates a quantiser from steps, row by row.
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    pub(super) fn new(steps: [u8; 64]) -> Self {
        let factor = |x: usize, y: usize| PARTS as f32 / (8.0 * SCALES[x] * SCALES[y] * f32::from(steps[y * 8 + x]));
        let factors = std::array::from_fn(|x| std::array::from_fn(|y| factor(x, y)));
        Self { steps, factors }
    }

    /// Returns the steps in the order of a file.
    pub(super) fn zigzag(&self) -> [u8; 64] {
        ZIGZAG.map(|position| self.steps[usize::from(position)])
    }

    /// Returns the coefficients of a block in coding order, in [`PARTS`] of their steps.
    pub(super) fn coefficients(&self, samples: [[f32; 8]; 8]) -> [i32; 64] {
        let coefficients = transform(transpose(transform(samples)));
        let mut in_columns = [0; 64];
        for (x, (column, factors)) in coefficients.iter().zip(&self.factors).enumerate() {
            for y in 0..8 {
                in_columns[x * 8 + y] = nearest(column[y] * factors[y]);
            }
        }
        ZIGZAG.map(|position| in_columns[usize::from(position % 8 * 8 + position / 8)])
    }
}

/// Rounds a value below 2^22 to the nearest integer, and ties to the even one. Added to 1.5 · 2^23, the value loses its fraction. This
/// is faster than a call of `round` for each value.
fn nearest(value: f32) -> i32 {
    const NO_FRACTION: f32 = 12_582_912.0;
    (value + NO_FRACTION).to_bits().wrapping_sub(NO_FRACTION.to_bits()).cast_signed()
}

/// The scale of the transform's outputs in each direction, up to a common factor: 1, then √2 cos(kπ/16). The values are written out,
/// because cosines differ between machines.
const SCALES: [f32; 8] = [1.0, 1.387_039_8, 1.306_563, 1.175_875_6, 1.0, 0.785_694_96, 0.541_196_1, 0.275_899_38];

fn transpose(rows: [[f32; 8]; 8]) -> [[f32; 8]; 8] {
    std::array::from_fn(|x| std::array::from_fn(|y| rows[y][x]))
}

/// Transforms all columns at once, one in each lane.
fn transform(rows: [[f32; 8]; 8]) -> [[f32; 8]; 8] {
    /// cos(6π/16).
    const C6: f32 = 0.382_683_43;
    /// cos(2π/16) - cos(6π/16).
    const C2_LESS_C6: f32 = 0.541_196_1;
    /// cos(2π/16) + cos(6π/16).
    const C2_AND_C6: f32 = 1.306_563;

    let mut out = [[0.0; 8]; 8];
    for lane in 0..8 {
        let value = |row: usize| rows[row][lane];
        let sum = |row: usize| value(row) + value(7 - row);
        let difference = |row: usize| value(row) - value(7 - row);

        let (even_outer, odd_outer) = (sum(0) + sum(3), sum(0) - sum(3));
        let (even_inner, odd_inner) = (sum(1) + sum(2), sum(1) - sum(2));
        let turned = (odd_inner + odd_outer) * FRAC_1_SQRT_2;
        out[0][lane] = even_outer + even_inner;
        out[4][lane] = even_outer - even_inner;
        out[2][lane] = odd_outer + turned;
        out[6][lane] = odd_outer - turned;

        let low = difference(3) + difference(2);
        let middle = (difference(2) + difference(1)) * FRAC_1_SQRT_2;
        let high = difference(1) + difference(0);
        let common = (low - high) * C6;
        let (from_low, from_high) = (low * C2_LESS_C6 + common, high * C2_AND_C6 + common);
        let (plus, minus) = (difference(0) + middle, difference(0) - middle);
        out[5][lane] = minus + from_low;
        out[3][lane] = minus - from_low;
        out[1][lane] = plus + from_high;
        out[7][lane] = plus - from_high;
    }
    out
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss, reason = "small numbers")]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    /// The transform by its definition.
    fn plainly(samples: &[[f32; 8]; 8], u: usize, v: usize) -> f64 {
        let weight = |k: usize| if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
        let wave = |k: usize, at: usize| ((2 * at + 1) as f64 * k as f64 * PI / 16.0).cos();
        let term = |x: usize, y: usize| f64::from(samples[y][x]) * wave(u, x) * wave(v, y);
        let sum: f64 = (0..64).map(|i| term(i % 8, i / 8)).sum();
        weight(u) * weight(v) * sum / 4.0
    }

    #[test]
    fn coefficients_are_those_of_the_definition() {
        let mut state = 1_u32;
        for _ in 0..100 {
            let samples = std::array::from_fn(|_| {
                std::array::from_fn(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as f32 - 128.0
                })
            });
            let parts = Quantiser::new([2; 64]).coefficients(samples);
            for (parts, position) in parts.into_iter().zip(ZIGZAG) {
                let coefficient = f64::from(parts * 2) / f64::from(PARTS);
                let expected = plainly(&samples, usize::from(position % 8), usize::from(position / 8));
                assert!((coefficient - expected).abs() < 0.032, "{coefficient} for {expected} at {position}");
            }
        }
    }
}
