//! The inverse transforms (RFC 6386, section 14). They must be exact, because later blocks are predicted from their results.

/// The dequantised coefficients of a block, row by row.
pub(super) type Block = [i16; 16];

/// Rows of 4x4 samples.
pub(super) type Samples = [[u8; 4]; 4];

/// Computes the means of the luma blocks of a macroblock from the block of means.
pub(super) fn means(block: &Block) -> Block {
    let rows: [[i32; 4]; 4] = std::array::from_fn(|y| std::array::from_fn(|x| i32::from(block[4 * y + x])));
    let columns = transpose(sums(rows));
    let means = transpose(sums(columns).map(|row| row.map(|value| ((value + 3) >> 3) as i16)));
    std::array::from_fn(|i| means[i / 4][i % 4])
}

/// Applies the Walsh-Hadamard transform to the columns.
fn sums([r0, r1, r2, r3]: [[i32; 4]; 4]) -> [[i32; 4]; 4] {
    let (a, b, c, d) = (add(r0, r3), add(r1, r2), subtract(r1, r2), subtract(r0, r3));
    [add(a, b), add(c, d), subtract(a, b), subtract(d, c)]
}

/// Adds the residue to a predicted block.
#[inline(always)]
pub(super) fn add_residue(predicted: Samples, block: &Block) -> Samples {
    let rows: [[i32; 4]; 4] = std::array::from_fn(|y| std::array::from_fn(|x| i32::from(block[4 * y + x])));
    let columns = transpose(cosines(rows));
    let differences = transpose(cosines(columns));
    std::array::from_fn(|y| {
        std::array::from_fn(|x| (i32::from(predicted[y][x]) + ((differences[y][x] + 4) >> 3)).clamp(0, 255) as u8)
    })
}

/// Adds the residue to a predicted block, if only its first coefficient differs from 0.
#[inline(always)]
pub(super) fn add_mean(predicted: Samples, mean: i16) -> Samples {
    let difference = (i32::from(mean) + 4) >> 3;
    predicted.map(|row| row.map(|sample| (i32::from(sample) + difference).clamp(0, 255) as u8))
}

/// Applies the cosine transform to the columns.
#[inline(always)]
fn cosines([r0, r1, r2, r3]: [[i32; 4]; 4]) -> [[i32; 4]; 4] {
    /// √2·cos(π/8) - 1 and √2·sin(π/8), in 65,536ths.
    const COSINE: i32 = 20_091;
    const SINE: i32 = 35_468;
    // Only invalid pictures overflow.
    let by_cosine = |row: [i32; 4]| row.map(|value| value + (value.wrapping_mul(COSINE) >> 16));
    let by_sine = |row: [i32; 4]| row.map(|value| value.wrapping_mul(SINE) >> 16);
    let (a, b) = (add(r0, r2), subtract(r0, r2));
    let c = subtract(by_sine(r1), by_cosine(r3));
    let d = add(by_cosine(r1), by_sine(r3));
    [add(a, d), add(b, c), subtract(b, c), subtract(a, d)]
}

#[inline(always)]
fn add(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
    std::array::from_fn(|i| a[i] + b[i])
}

#[inline(always)]
fn subtract(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
    std::array::from_fn(|i| a[i] - b[i])
}

#[inline(always)]
fn transpose<T: Copy>(rows: [[T; 4]; 4]) -> [[T; 4]; 4] {
    std::array::from_fn(|x| std::array::from_fn(|y| rows[y][x]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_alone_is_the_same_in_both_transforms() {
        let predicted = [[0, 100, 200, 255]; 4];
        for mean in [-3000, -100, -5, -4, 3, 4, 77, 1000, 3000] {
            let mut block = [0; 16];
            block[0] = mean;
            assert_eq!(add_residue(predicted, &block), add_mean(predicted, mean), "{mean}");
        }
    }

    #[test]
    fn no_coefficient_is_too_large() {
        for extreme in [i16::MIN, i16::MAX] {
            add_residue([[0; 4]; 4], &[extreme; 16]);
            means(&[extreme; 16]);
            add_mean([[0; 4]; 4], extreme);
        }
    }
}
