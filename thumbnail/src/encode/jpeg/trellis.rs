//! Trellis quantisation: rounds coefficients so that the sum of the error and the length of the codes is minimal, by finding the
//! cheapest path through the coefficients of a block.

/// The parts of a step in which coefficients are given.
pub(super) const PARTS: i32 = 32;

/// The parts of a bit in which costs are given: squared parts of a step times sixteenths of a bit.
const BIT: i64 = 16 * (PARTS * PARTS) as i64;

/// A step and half a step, unsigned.
const STEP: u32 = PARTS.unsigned_abs();
const HALF: u32 = STEP / 2;

/// The lengths of the codes in the example tables of ITU-T T.81, K.3.3.2, for luminance and chrominance: for a coefficient after 0 to 15
/// zeros, by the number of bits of its magnitude. Codes that are not listed have 16 bits. With magnitude 0, the first entry is the end of
/// the block, and the last entry stands for sixteen zeros.
#[rustfmt::skip] // a table
const LENGTHS: [[&[u8]; 16]; 2] = [
    [
        &[4, 2, 2, 3, 4, 5, 7, 8, 10], &[0, 4, 5, 7, 9, 11], &[0, 5, 8, 10, 12], &[0, 6, 9, 12], &[0, 6, 10],
        &[0, 7, 11], &[0, 7, 12], &[0, 8, 12], &[0, 9, 15], &[0, 9], &[0, 9], &[0, 10], &[0, 10], &[0, 11], &[0],
        &[11],
    ],
    [
        &[2, 2, 3, 4, 5, 5, 6, 7, 9, 10, 12], &[0, 4, 6, 8, 9, 11, 12], &[0, 5, 8, 10, 12, 15], &[0, 5, 8, 10, 12],
        &[0, 6, 9], &[0, 6, 10], &[0, 7, 11], &[0, 7, 11], &[0, 8], &[0, 9], &[0, 9], &[0, 9], &[0, 9], &[0, 11],
        &[0, 14], &[10, 15],
    ],
];

/// The bits of a coefficient after 0 to 15 zeros, by the number of bits of its magnitude, 0 to 10: the length of its code, plus the bits of
/// its magnitude.
#[allow(clippy::cast_possible_truncation, reason = "at most 10")]
const BITS: [[[u8; 11]; 16]; 2] = {
    let mut bits = [[[0; 11]; 16]; 2];
    let mut at = 0;
    while at < 2 * 16 * 11 {
        let (table, zeros, size) = (at / 11 / 16, at / 11 % 16, at % 11);
        let lengths = LENGTHS[table][zeros];
        bits[table][zeros][size] = if size < lengths.len() { lengths[size] } else { 16 } + size as u8;
        at += 1;
    }
    bits
};

/// The cost of a squared error of one step in a flat block, in sixteenths of a bit.
const WEIGHT: u64 = 18 * 16;

/// The mean square of a block's coefficients (without its mean) at which errors are half as visible.
const MASKING: u64 = 1000;

/// The cheapest path through a block that ends with a certain coefficient.
#[derive(Clone, Copy, Default)]
struct Path {
    /// The position of the coefficient in coding order.
    at: u32,
    /// The number of steps that it is rounded to, without the sign; not 0.
    level: u32,
    /// The index of the path before it. The first path has no coefficient.
    previous: usize,
    /// The cost of the path, minus the cost of dropping all coefficients up to this one.
    surplus: i64,
    /// The minimum surplus of this path and those before it.
    least: i64,
}

/// The paths through a block, one for each coefficient that does not round to 0. The memory is reused for the next block.
#[derive(Default)]
pub(super) struct Trellis {
    paths: Vec<Path>,
}

/// Computes the cost of a squared error of one step in a block, in sixteenths of a bit. The cost is lower if the block has more detail,
/// which hides errors.
///
/// The computation uses integers, because the result must not depend on the machine.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers of at most 8 bits")]
pub(super) fn weight(samples: &[[f32; 8]; 8]) -> u32 {
    // The sums are exact, because they are integers below 2^24.
    let (mut sums, mut squares) = ([0.0; 8], [0.0; 8]);
    for row in samples {
        for x in 0..8 {
            sums[x] += row[x];
            squares[x] += row[x] * row[x];
        }
    }
    let sum = sums.iter().sum::<f32>() as i32;
    let squares = squares.iter().sum::<f32>() as i32;
    // The transform preserves the sum of squares.
    let activity = (squares - sum * sum / 64) / 63;
    (WEIGHT * MASKING / (MASKING + activity as u64)) as u32
}

impl Trellis {
    /// Rounds the coefficients of a block, given in coding order and in parts of a step.
    ///
    /// `weight` is the cost of a squared error of one step, in sixteenths of a bit. The mean, which comes first, is rounded to the
    /// nearest step. No coefficient becomes larger than its nearest step.
    #[allow(clippy::cast_possible_truncation, reason = "levels have at most 11 bits")]
    pub(super) fn round(&mut self, coefficients: &[i32; 64], weight: u32, table: usize) -> [i16; 64] {
        self.paths.clear();
        self.paths.push(Path::default());
        let mut coded = coded(coefficients);
        while coded != 0 {
            let at = coded.trailing_zeros();
            coded &= coded - 1;
            self.extend(at, coefficients[at as usize].unsigned_abs(), weight, table);
        }
        let mut block = [0; 64];
        block[0] = nearest(coefficients[0]);
        let mut last = self.cheapest(table);
        while last != 0 {
            let Path { at, level, previous, .. } = self.paths[last];
            let level = level as i16;
            block[at as usize] = if coefficients[at as usize] < 0 { -level } else { level };
            last = previous;
        }
        block
    }

    /// Adds the cheapest path that ends with a coefficient.
    fn extend(&mut self, at: u32, parts: u32, weight: u32, table: usize) {
        let nearest = (parts + HALF) / STEP;
        // One step less can only be cheaper if the magnitude then has one bit less.
        let lower = if nearest > 1 && nearest.is_power_of_two() { nearest - 1 } else { nearest };
        let left_out = cost(parts, weight);
        let mut best = Path { at, surplus: i64::MAX, ..Path::default() };
        for level in lower..=nearest {
            let bits = &BITS[table];
            let size = (32 - level.leading_zeros()).min(10) as usize;
            let own = cost(parts.abs_diff(level * STEP), weight) - left_out;
            let at_least = own + i64::from(bits[0][size]) * BIT;
            for (previous, path) in self.paths.iter().enumerate().rev() {
                if path.least + at_least >= best.surplus {
                    break;
                }
                let zeros = at - path.at - 1;
                let bits =
                    i64::from(bits[(zeros % 16) as usize][size]) + i64::from(zeros / 16) * i64::from(bits[15][0]);
                let surplus = path.surplus + own + bits * BIT;
                if surplus < best.surplus {
                    (best.level, best.previous, best.surplus) = (level, previous, surplus);
                }
            }
        }
        best.least = best.surplus.min(self.paths.last().map_or(0, |path| path.least));
        self.paths.push(best);
    }

    /// Returns the index of the cheapest path if the block ends after it.
    fn cheapest(&self, table: usize) -> usize {
        let mut best = (i64::MAX, 0);
        for (index, path) in self.paths.iter().enumerate().rev() {
            if path.least >= best.0 {
                break;
            }
            let end = if path.at < 63 { i64::from(BITS[table][0][0]) * BIT } else { 0 };
            best = best.min((path.surplus + end, index));
        }
        best.1
    }
}

/// Returns a mask with a bit for each coefficient that does not round to 0, except the mean.
fn coded(coefficients: &[i32; 64]) -> u64 {
    let mut coded = 0;
    for (at, coefficient) in coefficients.iter().enumerate() {
        coded |= u64::from(coefficient.unsigned_abs() >= HALF) << at;
    }
    coded & !1
}

/// Rounds to the nearest number of steps, and ties away from 0.
#[allow(clippy::cast_possible_truncation, reason = "levels have at most 11 bits")]
pub(super) fn nearest(coefficient: i32) -> i16 {
    let level = ((coefficient.unsigned_abs() + HALF) / STEP) as i16;
    if coefficient < 0 { -level } else { level }
}

/// Computes the cost of an error.
fn cost(parts: u32, weight: u32) -> i64 {
    i64::from(parts) * i64::from(parts) * i64::from(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes the cost of a block from its coefficients.
    fn price(coefficients: &[i32; 64], block: &[i16; 64], weight: u32, table: usize) -> i64 {
        let (mut price, mut zeros) = (0, 0);
        for (&coefficient, &level) in coefficients.iter().zip(block).skip(1) {
            price += cost(coefficient.abs_diff(i32::from(level) * PARTS), weight);
            if level == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 {
                price += i64::from(BITS[table][15][0]) * BIT;
                zeros -= 16;
            }
            let size = (16 - level.unsigned_abs().leading_zeros()) as usize;
            price += i64::from(BITS[table][zeros][size]) * BIT;
            zeros = 0;
        }
        price + if zeros > 0 { i64::from(BITS[table][0][0]) * BIT } else { 0 }
    }

    /// Blocks like those of photos: large coefficients first, then many zeros.
    fn blocks() -> impl Iterator<Item = [i32; 64]> {
        let mut random = fastrand::Rng::with_seed(7);
        std::iter::repeat_with(move || {
            let range = random.i32(1..800);
            std::array::from_fn(|at| random.i32(-range..=range) * 20 / (i32::try_from(at).unwrap() + 1))
        })
    }

    #[test]
    fn no_choice_is_cheaper_on_small_blocks() {
        let mut random = fastrand::Rng::with_seed(1);
        for round_number in 0..300 {
            let (weight, table) = (random.u32(1..400), round_number % 2);
            let mut coefficients = [0; 64];
            for _ in 0..6 {
                coefficients[random.usize(1..64)] = random.i32(-80..=80);
            }
            let block = Trellis::default().round(&coefficients, weight, table);
            // Tries 0, the nearest step, and the largest step with one bit less, for each coefficient.
            let mut choices = vec![[0; 64]];
            for (at, &coefficient) in coefficients.iter().enumerate() {
                let level = nearest(coefficient);
                let mut levels = vec![0, level];
                levels.extend(level.unsigned_abs().is_power_of_two().then_some(level - level.signum()));
                levels.dedup();
                let with = |choice: &[i16; 64], level| {
                    let mut choice = *choice;
                    choice[at] = level;
                    choice
                };
                choices = choices.iter().flat_map(|choice| levels.iter().map(|level| with(choice, *level))).collect();
            }
            let best = choices.iter().map(|choice| price(&coefficients, choice, weight, table)).min();
            assert_eq!(Some(price(&coefficients, &block, weight, table)), best, "{coefficients:?} {weight}");
        }
    }

    #[test]
    fn it_costs_no_more_than_rounding_to_the_nearest() {
        let mut cheaper = 0;
        for (number, coefficients) in blocks().take(2000).enumerate() {
            let (weight, table) = ([1, 40, 150, 288][number % 4], number / 4 % 2);
            let plain = coefficients.map(nearest);
            let block = Trellis::default().round(&coefficients, weight, table);
            let [chosen, nearest] = [block, plain].map(|block| price(&coefficients, &block, weight, table));
            assert!(chosen <= nearest, "{chosen} > {nearest}: {coefficients:?}");
            cheaper += u32::from(chosen < nearest);
            for (chosen, nearest) in block.into_iter().zip(plain) {
                assert!(chosen == nearest || chosen.unsigned_abs() < nearest.unsigned_abs() && chosen * nearest >= 0);
            }
            assert_eq!(block[0], plain[0]);
        }
        assert!(cheaper > 1000, "{cheaper}");
    }

    #[test]
    fn errors_that_may_cost_anything_are_not_made() {
        for coefficients in blocks().take(200) {
            let block = Trellis::default().round(&coefficients, 1 << 20, 0);
            for (&coefficient, level) in coefficients.iter().zip(block) {
                assert!(coefficient.abs_diff(i32::from(level) * PARTS) <= HALF, "{level} for {coefficient}");
            }
        }
    }

    #[test]
    fn what_does_not_round_to_zero_has_a_bit() {
        for coefficients in blocks().take(200) {
            let bits = coded(&coefficients);
            let expected = |at: usize| at > 0 && nearest(coefficients[at]) != 0;
            assert!((0..64).all(|at| (bits >> at & 1 == 1) == expected(at)), "{bits:x} {coefficients:?}");
        }
    }

    #[test]
    fn flat_and_extreme_blocks() {
        for table in [0, 1] {
            assert_eq!(Trellis::default().round(&[0; 64], 288, table), [0; 64]);
            for extreme in [1024 * PARTS, -1024 * PARTS] {
                assert_eq!(Trellis::default().round(&[extreme; 64], 288, table), [nearest(extreme); 64]);
            }
            let mut last = [0; 64];
            last[63] = 40 * PARTS;
            assert_eq!(Trellis::default().round(&last, 18, table)[63], 40);
        }
    }

    #[test]
    fn busy_blocks_hide_errors() {
        assert_eq!(weight(&[[-128.0; 8]; 8]), 288);
        assert_eq!(weight(&[[127.0; 8]; 8]), 288);
        let stripes = [[-32.0, 32.0, -32.0, 32.0, -32.0, 32.0, -32.0, 32.0]; 8];
        // 1024 · 64 / 63 is 1040.
        assert_eq!(weight(&stripes), 288 * 1000 / 2040);
        let checks: [[f32; 8]; 8] =
            std::array::from_fn(|y| std::array::from_fn(|x| if (x + y) % 2 == 0 { 127.0 } else { -128.0 }));
        assert!(weight(&checks) > 0);
    }
}
