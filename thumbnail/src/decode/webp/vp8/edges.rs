//! Arranges the samples along the edges of blocks in vectors, so that many are filtered at once: sixteen of luma, or eight of each
//! chroma plane.

use wide::{bytemuck::cast, u8x16};

use super::strip::Rows;

/// The four samples before an edge and the four samples after it, at sixteen positions along the edge.
pub(super) type Samples = [u8x16; 8];

/// Filters along a vertical edge. `left` is the first column after it. The macroblocks of the planes have `SIZE` by `SIZE` samples.
#[inline(always)]
pub(super) fn upright<const SIZE: usize>(planes: &mut [Rows], left: usize, change: impl Fn(&mut Samples)) {
    let mut rows = [[0; 8]; 16];
    for (i, row) in rows.iter_mut().enumerate() {
        row.copy_from_slice(&planes[i / SIZE].row(i % SIZE, left - 4)[..8]);
    }
    let mut samples = columns(rows);
    change(&mut samples);
    for (i, row) in back(samples).iter().enumerate() {
        planes[i / SIZE].row(i % SIZE, left - 4)[..8].copy_from_slice(row);
    }
}

/// Filters along a horizontal edge. `top` is the first row after it, in the macroblock whose first column is `left`.
#[inline(always)]
pub(super) fn level<const SIZE: usize>(planes: &mut [Rows], left: usize, top: usize, change: impl Fn(&mut Samples)) {
    let mut rows = [[0; 16]; 8];
    for (y, row) in rows.iter_mut().enumerate() {
        for (plane, row) in planes.iter_mut().zip(row.chunks_exact_mut(SIZE)) {
            row.copy_from_slice(&plane.kept_row(top + y, left)[..SIZE]);
        }
    }
    let mut samples = rows.map(u8x16::new);
    change(&mut samples);
    for (y, row) in samples.map(u8x16::to_array).iter().enumerate() {
        for (plane, row) in planes.iter_mut().zip(row.chunks_exact(SIZE)) {
            plane.kept_row(top + y, left)[..SIZE].copy_from_slice(row);
        }
    }
}

/// Transposes sixteen rows to columns.
#[inline(always)]
fn columns(rows: [[u8; 8]; 16]) -> Samples {
    shuffle(shuffle(shuffle(shuffle(cast(rows)))))
}

/// Transposes columns to sixteen rows.
#[inline(always)]
fn back(columns: Samples) -> [[u8; 8]; 16] {
    cast(shuffle(shuffle(shuffle(columns))))
}

/// Interleaves the first half of the samples with the second half. This rotates the index of each sample, a number of seven bits, by one
/// bit. Seven rotations restore the order, and four swap rows and columns.
#[inline(always)]
fn shuffle([a, b, c, d, e, f, g, h]: Samples) -> Samples {
    let [(a, b), (c, d), (e, f), (g, h)] = [(a, e), (b, f), (c, g), (d, h)]
        .map(|(first, second)| (u8x16::unpack_low(first, second), u8x16::unpack_high(first, second)));
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_and_rows_again() {
        let rows: [[u8; 8]; 16] = std::array::from_fn(|y| std::array::from_fn(|x| (8 * y + x) as u8));
        let columns = columns(rows);
        for (x, column) in columns.iter().enumerate() {
            for (y, sample) in column.to_array().into_iter().enumerate() {
                assert_eq!(usize::from(sample), 8 * y + x);
            }
        }
        assert_eq!(back(columns), rows);
    }
}
