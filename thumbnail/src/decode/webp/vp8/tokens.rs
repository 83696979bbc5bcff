//! Reads the coefficients of a macroblock (RFC 6386, section 13).

use super::{
    bools::Bools,
    header::{Quantisers, Steps, Tokens},
    transform::{self, Block},
};

/// The position of each coefficient within the rows of a block, in coding order.
const ZIGZAG: [usize; 16] = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];

/// Whether the blocks at an edge of a macroblock have coefficients: four of luma, two of each chroma plane, and the block of means. The
/// probabilities of the neighbours depend on it.
pub(super) type Context = [bool; 9];

/// The index of the block of means in a [`Context`].
const MEANS: usize = 8;

/// The coefficients of a macroblock, dequantised.
#[derive(Default)]
pub(super) struct Residue {
    /// Sixteen blocks of luma and four of each chroma plane.
    pub(super) blocks: [Block; 24],
    /// The number of coefficients of each block, in coding order, that may differ from 0.
    pub(super) ends: [u8; 24],
}

/// The kinds of blocks, in the order of the probabilities.
#[derive(Clone, Copy)]
enum Kind {
    /// Luma without its mean, which is in the block of means.
    LumaRest,
    Means,
    Chroma,
    Luma,
}

impl Residue {
    /// Whether all coefficients are 0.
    pub(super) fn is_empty(&self) -> bool {
        self.ends == [0; 24]
    }

    /// Sets all coefficients to 0.
    pub(super) fn clear(&mut self) {
        for (block, end) in self.blocks.iter_mut().zip(&mut self.ends) {
            if *end > 0 {
                *block = [0; 16];
                *end = 0;
            }
        }
    }

    /// Reads the coefficients of a macroblock. `whole` says that its luma is predicted as a whole, and thus has a block of means.
    pub(super) fn read(
        &mut self,
        bools: &mut Bools,
        tokens: &Tokens,
        quantisers: &Quantisers,
        whole: bool,
        (above, left): (&mut Context, &mut Context),
    ) {
        // A copy that the compiler keeps in registers.
        let mut state = *bools;
        let mut kind = Kind::Luma;
        if whole {
            kind = Kind::LumaRest;
            let mut means = [0; 16];
            let context = usize::from(above[MEANS]) + usize::from(left[MEANS]);
            let end = coefficients(&mut state, tokens, Kind::Means, context, quantisers.means, &mut means);
            above[MEANS] = end > 0;
            left[MEANS] = end > 0;
            if end > 0 {
                for (block, mean) in self.blocks.iter_mut().zip(transform::means(&means)) {
                    block[0] = mean;
                }
            }
        }
        let first = u8::from(whole);
        for (i, (block, found)) in self.blocks[..16].iter_mut().zip(&mut self.ends).enumerate() {
            let (above, left) = (&mut above[i % 4], &mut left[i / 4]);
            let context = usize::from(*above) + usize::from(*left);
            let end = coefficients(&mut state, tokens, kind, context, quantisers.luma, block);
            *above = end > first;
            *left = end > first;
            *found = if end > first { end } else { u8::from(block[0] != 0) };
        }
        for (i, (block, found)) in self.blocks[16..].iter_mut().zip(&mut self.ends[16..]).enumerate() {
            let plane = 4 + i / 4 * 2;
            let (above, left) = (&mut above[plane + i % 2], &mut left[plane + i / 2 % 2]);
            let context = usize::from(*above) + usize::from(*left);
            *found = coefficients(&mut state, tokens, Kind::Chroma, context, quantisers.chroma, block);
            *above = *found > 0;
            *left = *found > 0;
        }
        *bools = state;
    }
}

/// Updates the contexts after a macroblock without coefficients. Without a block of means, the context of the means does not change.
pub(super) fn pass(whole: bool, above: &mut Context, left: &mut Context) {
    for edge in [above, left] {
        let means = edge[MEANS] && !whole;
        *edge = [false; 9];
        edge[MEANS] = means;
    }
}

/// Reads a block, and returns the number of its coefficients.
#[inline(always)]
fn coefficients(bools: &mut Bools, tokens: &Tokens, kind: Kind, context: usize, steps: Steps, block: &mut Block) -> u8 {
    let tokens = &tokens[kind as usize];
    let mut at = usize::from(matches!(kind, Kind::LumaRest));
    let mut p = &tokens[at][context];
    while at < 16 {
        if !bools.next(p[0]) {
            return at as u8;
        }
        while !bools.next(p[1]) {
            at += 1;
            p = &tokens[at][0];
            if at == 16 {
                return 16;
            }
        }
        let value = if bools.next(p[2]) {
            let value = large(bools, p);
            p = &tokens[at + 1][2];
            value
        } else {
            p = &tokens[at + 1][1];
            1
        };
        let sign = bools.sign();
        let step = if at == 0 { steps.dc } else { steps.ac };
        block[ZIGZAG[at]] = (((value ^ sign) - sign) * step) as i16;
        at += 1;
    }
    16
}

/// Reads a value of 2 or more, by the tree of section 13.2.
#[inline(always)]
fn large(bools: &mut Bools, p: &[u8; 11]) -> i32 {
    if !bools.next(p[3]) {
        if !bools.next(p[4]) {
            return 2;
        }
        return 3 + i32::from(bools.next(p[5]));
    }
    if !bools.next(p[6]) {
        if !bools.next(p[7]) {
            return 5 + extra(bools, &[159]);
        }
        return 7 + extra(bools, &[165, 145]);
    }
    if !bools.next(p[8]) {
        if !bools.next(p[9]) {
            return 11 + extra(bools, &[173, 148, 140]);
        }
        return 19 + extra(bools, &[176, 155, 140, 135]);
    }
    if !bools.next(p[10]) {
        return 35 + extra(bools, &[180, 157, 141, 134, 130]);
    }
    67 + extra(bools, &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129])
}

/// Reads the lower bits of a value, each with its probability.
#[inline(always)]
fn extra(bools: &mut Bools, probabilities: &[u8]) -> i32 {
    probabilities.iter().fold(0, |value, &probability| value << 1 | i32::from(bools.next(probability)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encoders rarely write an empty macroblock that is predicted block by block.
    #[test]
    fn an_empty_macroblock_passes_on_what_it_has_nothing_of() {
        for (whole, means) in [(true, false), (false, true)] {
            let (mut above, mut left) = ([true; 9], [true; 9]);
            pass(whole, &mut above, &mut left);
            for edge in [above, left] {
                assert_eq!(edge, std::array::from_fn(|i| i == MEANS && means));
            }
        }
    }
}
