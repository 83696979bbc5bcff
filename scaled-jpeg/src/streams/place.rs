//! Puts the blocks of records into the planes.

use wide::i16x8;

use super::{
    Piece, Streams,
    automaton::{natural, record},
    lane::{ROOM, Records},
};
use crate::{
    output::Output,
    sequential::{Part, Places},
    transform::{Group, LANES},
};

impl Streams {
    /// The number of MCUs of a piece.
    pub(crate) fn count(&self, piece: &Piece) -> u32 {
        piece.range.len() as u32 / self.automaton.mcu
    }

    /// Puts the next `count` MCUs of a piece into the current row, from `column` on.
    pub(crate) fn put(
        &mut self,
        piece: &mut Piece,
        (column, count): (u32, u32),
        parts: &[Part],
        places: &mut [Places],
        output: &mut Output,
    ) {
        let mcu = self.automaton.mcu as usize;
        let start = piece.range.start as usize;
        piece.range.start += count * self.automaton.mcu;
        self.sum(piece.stream, start, count, places);
        let records = &self.records[piece.stream];
        let mut start = start;
        for (part, places) in parts.iter().zip(places) {
            let (down, across) = places.shape;
            let size = record(places.needed) as usize;
            let columns = column as usize * across..(column + count) as usize * across;
            for y in 0..down {
                // The word at which the record of a block begins.
                let at = |block: usize| {
                    let block = block - columns.start;
                    start + block / across * mcu + (y * across + block % across) * size
                };
                let mut block = columns.start;
                while block < columns.end {
                    let next = columns.end.min((block / LANES + 1) * LANES);
                    let mut opened = output.planes[part.channel].open(y, block..next);
                    let group = opened.group();
                    if next - block == LANES && size >= LANES {
                        turn(records, std::array::from_fn(|lane| at(block + lane)), places.needed as usize, group);
                    } else {
                        for block in block..next {
                            for index in 0..=places.needed as usize {
                                let value = records[(at(block) + 1 + index) & (ROOM - 1)];
                                group[natural(index)][block % LANES] = value as i16;
                            }
                        }
                    }
                    opened.finish(&part.quantisers);
                    block = next;
                }
            }
            start += down * across * size;
        }
    }

    /// Replaces the differences of DC coefficients by their sums.
    fn sum(&mut self, stream: usize, start: usize, count: u32, places: &mut [Places]) {
        let records = &mut self.records[stream];
        let mut at = start + 1;
        for _ in 0..count {
            for block in &self.automaton.blocks {
                let last = &mut places[block.part].last;
                let first = &mut records[at & (ROOM - 1)];
                *last = last.wrapping_add(*first as i16);
                *first = *last as u16;
                at += block.size as usize;
            }
        }
    }
}

/// Fills a group from eight records, which begin at `starts`. The coefficients of each block become a lane.
fn turn(records: &Records, starts: [usize; LANES], needed: usize, group: &mut Group) {
    for first in (0..=needed).step_by(LANES) {
        let lines = starts.map(|start| {
            let start = (start + 1 + first).min(ROOM - LANES);
            i16x8::new(std::array::from_fn(|at| records[start + at] as i16))
        });
        let lines = i16x8::transpose(lines);
        for at in 0..LANES.min(needed + 1 - first) {
            group[natural(first + at)] = lines[at].to_array();
        }
    }
}
