//! Decodes a VP8 key frame, the content of a lossy WebP (RFC 6386), row by row.
//!
//! Only two rows of macroblocks are in memory at once.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)] // samples and small counts
#![allow(clippy::inline_always)] // what is done for each decision has to be a part of the loop around it
#![allow(clippy::many_single_char_names)] // of transforms

mod bools;
mod edges;
mod filter;
mod header;
mod macroblock;
mod modes;
mod predict;
mod strip;
mod tables;
#[cfg(test)]
mod tests;
mod tokens;
mod transform;

use header::Header;
use macroblock::{Above, Macroblock};
use modes::{Luma, Neighbours};
pub(super) use strip::Strip;
use tokens::{Context, Residue};

/// Why a frame cannot be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The data end too early.
    Ends,
    /// The data are not a valid key frame.
    Rules(&'static str),
}

/// Decodes the rows of a frame.
pub(super) struct Frame<'a> {
    header: Header<'a>,
    /// The next row of macroblocks; `None` after the last.
    row: Option<usize>,
    neighbours: Neighbours,
    contexts: Vec<Context>,
    above: Vec<Above>,
    macroblock: Macroblock,
    residue: Residue,
    strip: Strip,
}

impl<'a> Frame<'a> {
    /// Reads the header.
    pub(super) fn new(data: &'a [u8]) -> Result<Self, Broken> {
        let header = Header::read(data)?;
        let columns = header.width.div_ceil(16);
        Ok(Self {
            header,
            row: Some(0),
            neighbours: Neighbours::new(columns),
            contexts: vec![Context::default(); columns],
            above: vec![Above::NOTHING; columns],
            macroblock: Macroblock::new(),
            residue: Residue::default(),
            strip: Strip::new(columns),
        })
    }

    /// The width and height in pixels.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.header.width, self.header.height)
    }

    /// Decodes the next rows of luma, and half as many of chroma. Returns `None` after the last row, or at the end of the data. The last
    /// rows may lie below the picture.
    pub(super) fn next_strip(&mut self) -> Option<&Strip> {
        let row = self.row?;
        if row > 0 {
            self.strip.advance();
        }
        let is_decoded = row < self.header.height.div_ceil(16) && self.decode_row(row);
        self.row = is_decoded.then_some(row + 1);
        self.strip.give(row == 0, !is_decoded);
        (is_decoded || row > 0).then_some(&self.strip)
    }

    /// Decodes a row of macroblocks. Returns whether all of its data were found.
    fn decode_row(&mut self, row: usize) -> bool {
        let top = row == 0;
        let partition = row % self.header.partitions.len();
        let mut left = Context::default();
        self.neighbours.begin_row();
        for column in 0..self.above.len() {
            let modes = self.neighbours.read(&mut self.header, column);
            let whole = matches!(modes.luma, Luma::Whole(_));
            let context = &mut self.contexts[column];
            self.residue.clear();
            if modes.empty {
                tokens::pass(whole, context, &mut left);
            } else {
                let quantisers = &self.header.quantisers[modes.segment];
                let bools = &mut self.header.partitions[partition];
                self.residue.read(bools, &self.header.tokens, quantisers, whole, (context, &mut left));
            }
            self.macroblock.enter(&self.above[column], self.above.get(column + 1), column == 0, top);
            self.macroblock.make(&modes, &self.residue, column == 0, top);
            self.macroblock.leave(&mut self.strip, column, &mut self.above[column]);
            let inner = !whole || !self.residue.is_empty();
            self.header.filter.apply(&mut self.strip, column, top, (modes.segment, !whole, inner));
        }
        !self.header.modes.overrun() && !self.header.partitions[partition].overrun()
    }
}
