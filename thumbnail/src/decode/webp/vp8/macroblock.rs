//! Reconstructs a macroblock: predicts it, and adds its residue.

use super::{
    modes::{Luma, Mode, Modes},
    predict::{self, LEFT, Plane},
    strip::{Rows, Strip},
    tokens::Residue,
    transform::{self, Block, Samples},
};

/// A macroblock, with the samples around its top and left edges.
pub(super) struct Macroblock {
    luma: Plane<32, 17>,
    chroma: [Plane<16, 9>; 2],
}

/// The samples above the picture, and to its left.
const ABOVE: u8 = 127;
const BESIDE: u8 = 129;

/// The last, unfiltered row of a column of macroblocks, from which the next macroblock below is predicted.
#[derive(Clone)]
pub(super) struct Above {
    luma: [u8; 16],
    chroma: [[u8; 8]; 2],
}

impl Above {
    /// The samples above the picture.
    pub(super) const NOTHING: Self = Self { luma: [ABOVE; 16], chroma: [[ABOVE; 8]; 2] };
}

impl Macroblock {
    pub(super) fn new() -> Self {
        Self { luma: [[ABOVE; 32]; 17], chroma: [[[ABOVE; 16]; 9]; 2] }
    }

    /// Loads the samples around the next macroblock: those above it, those above its `right` neighbour, and those of the last macroblock
    /// on its left, unless it is the `first` in its row.
    pub(super) fn enter(&mut self, above: &Above, right: Option<&Above>, first: bool, top: bool) {
        let corner = first.then_some(if top { ABOVE } else { BESIDE });
        enter(&mut self.luma, &above.luma, corner);
        for (plane, above) in self.chroma.iter_mut().zip(&above.chroma) {
            enter(plane, above, corner);
        }
        // All blocks on the right are predicted from the samples above the right neighbour, even those further down. At the edge of
        // the picture, the last sample is repeated.
        let right = right.map_or([above.luma[15]; 4], |right| right.luma[..4].try_into().unwrap_or_default());
        for row in [0, 4, 8, 12] {
            self.luma[row][LEFT + 16..LEFT + 20].copy_from_slice(&right);
        }
    }

    /// Computes the samples.
    pub(super) fn make(&mut self, modes: &Modes, residue: &Residue, first: bool, top: bool) {
        let (above, left) = (!top, !first);
        let (luma, chroma) = residue.blocks.split_at(16);
        let (luma_ends, chroma_ends) = residue.ends.split_at(16);
        match &modes.luma {
            Luma::Whole(mode) => {
                predict::whole(&mut self.luma, *mode, above, left);
                correct::<32, 17>(&mut self.luma, luma, luma_ends);
            }
            Luma::Blocks(modes) => blocks(&mut self.luma, modes, luma, luma_ends),
        }
        for (i, plane) in self.chroma.iter_mut().enumerate() {
            predict::whole(plane, modes.chroma, above, left);
            correct(plane, &chroma[4 * i..4 * i + 4], &chroma_ends[4 * i..4 * i + 4]);
        }
    }

    /// Stores the samples in the strip.
    pub(super) fn leave(&self, strip: &mut Strip, column: usize, above: &mut Above) {
        let [luma, chroma @ ..] = strip.planes();
        leave(&self.luma, luma, column, &mut above.luma);
        for ((plane, rows), above) in self.chroma.iter().zip(chroma).zip(&mut above.chroma) {
            leave(plane, rows, column, above);
        }
    }
}

fn enter<const W: usize, const H: usize>(plane: &mut Plane<W, H>, above: &[u8], corner: Option<u8>) {
    let size = H - 1;
    if let Some(corner) = corner {
        plane[0][LEFT - 1] = corner;
        for row in &mut plane[1..] {
            row[LEFT - 1] = BESIDE;
        }
    } else {
        for row in plane.iter_mut() {
            row[LEFT - 1] = row[LEFT + size - 1];
        }
    }
    plane[0][LEFT..LEFT + size].copy_from_slice(above);
}

fn leave<const W: usize, const H: usize>(plane: &Plane<W, H>, to: &mut Rows, column: usize, above: &mut [u8]) {
    let size = H - 1;
    for (y, row) in plane[1..].iter().enumerate() {
        to.row(y, column * size)[..size].copy_from_slice(&row[LEFT..LEFT + size]);
    }
    above.copy_from_slice(&plane[size][LEFT..LEFT + size]);
}

/// Adds the residue of all blocks of a plane.
#[inline(always)]
fn correct<const W: usize, const H: usize>(plane: &mut Plane<W, H>, blocks: &[Block], ends: &[u8]) {
    let across = (H - 1) / 4;
    for (i, (block, &end)) in blocks.iter().zip(ends).enumerate() {
        if end > 0 {
            let (x, y) = (LEFT + 4 * (i % across), 1 + 4 * (i / across));
            let Some(rows) = plane[y..].first_chunk_mut() else { continue };
            write(rows, x, corrected(read(rows, x), block, end));
        }
    }
}

/// Predicts block by block, and adds the residue of each before the next is predicted.
fn blocks(plane: &mut Plane<32, 17>, modes: &[Mode; 16], blocks: &[Block], ends: &[u8]) {
    for (i, ((&mode, block), &end)) in modes.iter().zip(blocks).zip(ends).enumerate() {
        let (x, y) = (LEFT + 4 * (i % 4), 4 * (i / 4));
        let Some([above, rows @ ..]) = plane[y..].first_chunk_mut::<5>() else { continue };
        let mut edge = [0; 13];
        for (sample, row) in edge.iter_mut().zip(rows.iter().rev()) {
            *sample = row[x - 1];
        }
        edge[4..].copy_from_slice(&above[x - 1..x + 8]);
        write(rows, x, corrected(predict::block(&edge, mode), block, end));
    }
}

#[inline(always)]
fn corrected(predicted: Samples, block: &Block, end: u8) -> Samples {
    match end {
        0 => predicted,
        1 => transform::add_mean(predicted, block[0]),
        _ => transform::add_residue(predicted, block),
    }
}

#[inline(always)]
fn read<const W: usize>(rows: &[[u8; W]; 4], x: usize) -> Samples {
    rows.map(|row| row[x..].first_chunk().copied().unwrap_or_default())
}

#[inline(always)]
fn write<const W: usize>(rows: &mut [[u8; W]; 4], x: usize, samples: Samples) {
    for (row, samples) in rows.iter_mut().zip(samples) {
        row[x..x + 4].copy_from_slice(&samples);
    }
}
