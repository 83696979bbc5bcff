//! Reads the prediction modes and the segments of macroblocks (RFC 6386, sections 10 and 11).

use super::{bools::Bools, header::Header, tables::BLOCK_MODES};

/// A prediction, in the order of the probabilities. Whole macroblocks have the first four, and blocks of 4x4 luma samples have all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Mean,
    /// Continues the gradients of both edges.
    TrueMotion,
    /// Repeats the row above.
    Vertical,
    /// Repeats the column on the left.
    Horizontal,
    LeftDown,
    RightDown,
    VerticalRight,
    VerticalLeft,
    HorizontalDown,
    HorizontalUp,
}

/// The prediction of the luma of a macroblock.
#[derive(Debug, Clone, Copy)]
pub(super) enum Luma {
    Whole(Mode),
    /// Block by block, row by row.
    Blocks([Mode; 16]),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Modes {
    pub(super) segment: usize,
    /// Whether the macroblock has no coefficients.
    pub(super) empty: bool,
    pub(super) luma: Luma,
    pub(super) chroma: Mode,
}

/// The modes of the blocks above and on the left, which determine the probabilities of the next modes.
pub(super) struct Neighbours {
    above: Vec<[Mode; 4]>,
    left: [Mode; 4],
}

impl Neighbours {
    /// Begins the first row, which has `columns` macroblocks.
    pub(super) fn new(columns: usize) -> Self {
        Self { above: vec![[Mode::Mean; 4]; columns], left: [Mode::Mean; 4] }
    }

    pub(super) fn begin_row(&mut self) {
        self.left = [Mode::Mean; 4];
    }

    /// Reads the modes of the next macroblock, in `column` of its row.
    pub(super) fn read(&mut self, header: &mut Header, column: usize) -> Modes {
        let bools = &mut header.modes;
        let segment = header.segments.map_or(0, |[which, low, high]| {
            if bools.next(which) { 2 + usize::from(bools.next(high)) } else { usize::from(bools.next(low)) }
        });
        let empty = header.filled.is_some_and(|filled| bools.next(filled));
        let luma = if bools.next(145) {
            let mode = whole_mode(bools);
            (self.above[column], self.left) = ([mode; 4], [mode; 4]);
            Luma::Whole(mode)
        } else {
            Luma::Blocks(self.blocks(bools, column))
        };
        Modes { segment, empty, luma, chroma: chroma_mode(bools) }
    }

    fn blocks(&mut self, bools: &mut Bools, column: usize) -> [Mode; 16] {
        let above = &mut self.above[column];
        let mut blocks = [Mode::Mean; 16];
        for (row, left) in blocks.as_chunks_mut::<4>().0.iter_mut().zip(&mut self.left) {
            for (block, above) in row.iter_mut().zip(above.iter_mut()) {
                *block = block_mode(bools, *above, *left);
                (*above, *left) = (*block, *block);
            }
        }
        blocks
    }
}

fn whole_mode(bools: &mut Bools) -> Mode {
    if bools.next(156) {
        if bools.next(128) { Mode::TrueMotion } else { Mode::Horizontal }
    } else if bools.next(163) {
        Mode::Vertical
    } else {
        Mode::Mean
    }
}

fn chroma_mode(bools: &mut Bools) -> Mode {
    if !bools.next(142) {
        Mode::Mean
    } else if !bools.next(114) {
        Mode::Vertical
    } else if !bools.next(183) {
        Mode::Horizontal
    } else {
        Mode::TrueMotion
    }
}

fn block_mode(bools: &mut Bools, above: Mode, left: Mode) -> Mode {
    let p = &BLOCK_MODES.as_chunks::<9>().0[10 * above as usize + left as usize];
    if !bools.next(p[0]) {
        Mode::Mean
    } else if !bools.next(p[1]) {
        Mode::TrueMotion
    } else if !bools.next(p[2]) {
        Mode::Vertical
    } else if !bools.next(p[3]) {
        if !bools.next(p[4]) {
            Mode::Horizontal
        } else if !bools.next(p[5]) {
            Mode::RightDown
        } else {
            Mode::VerticalRight
        }
    } else if !bools.next(p[6]) {
        Mode::LeftDown
    } else if !bools.next(p[7]) {
        Mode::VerticalLeft
    } else if !bools.next(p[8]) {
        Mode::HorizontalDown
    } else {
        Mode::HorizontalUp
    }
}
