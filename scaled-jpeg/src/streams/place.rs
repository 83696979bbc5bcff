//! Puts the blocks of records into the planes.

use wide::i16x8;

use super::{
    Piece, Streams,
    automaton::record,
    lane::{ROOM, Records},
};
use crate::{
    output::Output,
    part::Part,
    tables::NATURAL,
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
        parts: &mut [Part],
        output: &mut Output,
    ) {
        let mcu = self.automaton.mcu as usize;
        let mut start = piece.range.start as usize;
        piece.range.start += count * self.automaton.mcu;
        let records = &mut self.records[piece.stream];
        for part in parts {
            let (across, down) = part.mcu;
            let (needed, size) = (part.needed as usize, record(part.needed) as usize);
            part.last = sum(records, (start, mcu, count), (part.blocks(), size), part.last);
            let plane = &mut output.planes[part.channel];
            let columns = column as usize * across..(column + count) as usize * across;
            for y in 0..down {
                let (mut word, mut x) = (start + y * across * size, 0);
                // The word at which the next block's record begins.
                let mut next_record = || {
                    let this = word;
                    x += 1;
                    word += if x == across { mcu - (across - 1) * size } else { size };
                    x = if x == across { 0 } else { x };
                    this
                };
                let mut block = columns.start;
                while block < columns.end {
                    let next = columns.end.min((block / LANES + 1) * LANES);
                    let group = plane.open(y, block);
                    if next - block == LANES && size >= LANES {
                        turn(records, std::array::from_fn(|_| next_record()), needed, group);
                    } else {
                        for block in block..next {
                            let start = next_record();
                            for index in 0..=needed {
                                let value = records[(start + 1 + index) & (ROOM - 1)];
                                group[usize::from(NATURAL[index & 63])][block % LANES] = value as i16;
                            }
                        }
                    }
                    plane.close(y, next, &part.quantisers);
                    block = next;
                }
            }
            start += part.blocks() * size;
        }
    }
}

/// Replaces the differences of a part's DC coefficients by their sums, which begin with `last`. Each MCU has `blocks` blocks of the part,
/// with records of `size` words. Returns the last sum.
fn sum(
    records: &mut Records,
    (mut start, mcu, count): (usize, usize, u32),
    (blocks, size): (usize, usize),
    mut last: i16,
) -> i16 {
    for _ in 0..count {
        for block in 0..blocks {
            let first = &mut records[(start + 1 + block * size) & (ROOM - 1)];
            last = last.wrapping_add(*first as i16);
            *first = last as u16;
        }
        start += mcu;
    }
    last
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
            group[usize::from(NATURAL[(first + at) & 63])] = lines[at].to_array();
        }
    }
}
