//! Predicts samples from those above and on the left (RFC 6386, section 12).

use super::{modes::Mode, transform::Samples};

/// The index of the first column of the macroblock in a [`Plane`].
pub(super) const LEFT: usize = 8;

/// The samples of a macroblock and around its edges. The first row lies above the macroblock. Each row has samples of the macroblock
/// on the left, and from [`LEFT`] on its own. Rows of luma have four more samples, from the row above the right neighbour.
pub(super) type Plane<const W: usize, const H: usize> = [[u8; W]; H];

/// Predicts all samples of a square plane. `above` and `left` say whether there are neighbours in the picture.
#[inline(always)]
pub(super) fn whole<const W: usize, const H: usize>(plane: &mut Plane<W, H>, mode: Mode, above: bool, left: bool) {
    let size = H - 1;
    let [edge, rows @ ..] = &mut plane[..] else { return };
    let edge = &edge[LEFT - 1..LEFT + size];
    match mode {
        Mode::Mean => {
            let from_above: u32 = if above { edge[1..].iter().map(|&v| u32::from(v)).sum() } else { 0 };
            let from_left: u32 = if left { rows.iter().map(|row| u32::from(row[LEFT - 1])).sum() } else { 0 };
            let count = size as u32 * (u32::from(above) + u32::from(left));
            let mean = (from_above + from_left + count / 2).checked_div(count).unwrap_or(128) as u8;
            for row in rows {
                row[LEFT..LEFT + size].fill(mean);
            }
        }
        Mode::Vertical => rows.iter_mut().for_each(|row| row[LEFT..LEFT + size].copy_from_slice(&edge[1..])),
        Mode::Horizontal => {
            for row in rows {
                let left = row[LEFT - 1];
                row[LEFT..LEFT + size].fill(left);
            }
        }
        // Whole macroblocks have only one other mode, true motion.
        _ => {
            for row in rows {
                let change = i16::from(row[LEFT - 1]) - i16::from(edge[0]);
                for (sample, &above) in row[LEFT..LEFT + size].iter_mut().zip(&edge[1..]) {
                    *sample = (i16::from(above) + change).clamp(0, 255) as u8;
                }
            }
        }
    }
}

/// The samples around a block of 4x4 samples: four on the left from the bottom up, the corner, and eight above.
pub(super) type Edge = [u8; 13];

/// The index of the corner in an [`Edge`].
const CORNER: usize = 4;

#[inline(always)]
pub(super) fn block(edge: &Edge, mode: Mode) -> Samples {
    let e = edge;
    let left: [u8; 4] = [e[3], e[2], e[1], e[0]];
    let above: &[u8; 8] = e.last_chunk().unwrap_or(&[0; 8]);
    // Means of two neighbours, by the index of the first; and of three neighbours, by the index of the middle one.
    let d = |at: usize| mean_of_two(e[at], e[at + 1]);
    let t = |at: usize| mean_of_three(e[at - 1], e[at], e[at + 1]);
    match mode {
        Mode::Mean => {
            let sum: u16 = left.iter().chain(&above[..4]).map(|&v| u16::from(v)).sum();
            [[((sum + 4) >> 3) as u8; 4]; 4]
        }
        Mode::TrueMotion => left.map(|left| {
            let change = i16::from(left) - i16::from(e[CORNER]);
            std::array::from_fn(|x| (i16::from(above[x]) + change).clamp(0, 255) as u8)
        }),
        Mode::Vertical => [[t(5), t(6), t(7), t(8)]; 4],
        Mode::Horizontal => [[t(3); 4], [t(2); 4], [t(1); 4], [mean_of_three(e[1], e[0], e[0]); 4]],
        Mode::LeftDown => {
            let s = [t(6), t(7), t(8), t(9), t(10), t(11), mean_of_three(e[11], e[12], e[12])];
            std::array::from_fn(|y| std::array::from_fn(|x| s[y + x]))
        }
        Mode::RightDown => {
            let s = [t(1), t(2), t(3), t(4), t(5), t(6), t(7)];
            std::array::from_fn(|y| std::array::from_fn(|x| s[3 - y + x]))
        }
        Mode::VerticalRight => {
            [[d(4), d(5), d(6), d(7)], [t(4), t(5), t(6), t(7)], [t(3), d(4), d(5), d(6)], [t(2), t(4), t(5), t(6)]]
        }
        Mode::VerticalLeft => {
            [[d(5), d(6), d(7), d(8)], [t(6), t(7), t(8), t(9)], [d(6), d(7), d(8), t(10)], [t(7), t(8), t(9), t(11)]]
        }
        Mode::HorizontalDown => {
            [[d(3), t(4), t(5), t(6)], [d(2), t(3), d(3), t(4)], [d(1), t(2), d(2), t(3)], [d(0), t(1), d(1), t(2)]]
        }
        Mode::HorizontalUp => {
            let last = e[0];
            let s = [d(2), t(2), d(1), t(1), d(0), mean_of_three(e[1], last, last), last, last, last, last];
            std::array::from_fn(|y| std::array::from_fn(|x| s[2 * y + x]))
        }
    }
}

#[inline(always)]
fn mean_of_two(a: u8, b: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + 1) >> 1) as u8
}

#[inline(always)]
fn mean_of_three(a: u8, b: u8, c: u8) -> u8 {
    ((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) >> 2) as u8
}
