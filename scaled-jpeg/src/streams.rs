//! Decodes one scan at several places at once.
//!
//! A Huffman decoder must look up each code before it knows where the next code begins, so the processor mostly waits. But a decoder that
//! begins at a wrong position finds the right codes by itself, usually within some dozens of bytes (Klein and Wiseman, "Parallel Huffman
//! decoding with applications to JPEG files", 2003; for GPUs Weißenborn and Schmidt, "Accelerating JPEG decompression on GPUs", 2021).
//!
//! This module divides the bytes in the window into regions. A stream begins in each region, as if an MCU began there. The streams take
//! turns, one symbol each, which keeps the processor busy (Giesen, "Interleaved entropy coders", 2014). Each stream continues a little
//! way into the next region. If it ends an MCU where the next stream has ended one, both are the same from there on. Since the first
//! stream begins at a known MCU, this shows that the next stream is right behind that position, and so on. Then the right blocks are put
//! into the planes, and the differences of DC coefficients are summed.
//!
//! Only the middle of large scans is decoded this way. The loop of [`sequential`](crate::sequential) decodes what is before and after it,
//! and everything irregular: a stream stops at the last MCU before an invalid code, and the loop meets that code again. If two streams do
//! not meet, the blocks of the right streams before them are kept. If that happens often, the loop decodes the rest of the scan.

mod automaton;
mod lane;
mod place;
#[cfg(test)]
pub(crate) mod tests;

use std::ops::Range;

use crate::{
    bits::{Bits, Window},
    part::Part,
};
pub(crate) use automaton::MOST_BLOCKS;
use automaton::{Automaton, Values, record};
use lane::{RECORD, ROOM, Records, Stream, ahead};

/// The number of streams.
const COUNT: usize = 4;
/// The mean number of bits of a block from which many values are too long for a table.
const LONG: u32 = 96;

/// When a scan is decoded by streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The minimum number of blocks of the scan. It limits memory too.
    pub(crate) blocks: u64,
    /// The minimum number of bytes left in the scan, below which making the tables does not pay.
    bytes: u64,
    /// The number of MCUs to decode first. Their mean length predicts the length of the others.
    pub(crate) sample: u32,
    /// The minimum number of bytes of a region. In smaller regions, too much is decoded twice.
    region: u32,
    /// How many bytes a stream continues into the next region at first, and at most. Each attempt doubles the number.
    overlap: (u32, u32),
    /// The number of rounds that may fail, in addition to a quarter of all rounds.
    failures: u32,
}

impl Limits {
    pub(crate) const USUAL: Self =
        Self { blocks: 1 << 14, bytes: 256 << 10, sample: 64, region: 2 << 10, overlap: (128, 4096), failures: 3 };
    /// Streams wherever they are possible, for tests.
    pub(crate) const NONE: Self =
        Self { blocks: 0, bytes: 0, sample: 1, region: 12, overlap: (4, 64), failures: u32::MAX / 2 };
}

/// The maximum number of bytes that streams allocate.
pub(crate) const MEMORY: u64 = 448 << 10;

/// The streams of a scan, and statistics of the scan so far.
pub(crate) struct Streams {
    automaton: Automaton,
    records: Vec<Box<Records>>,
    /// The number of words in each stream's records that may not be zero.
    used: [u32; COUNT],
    /// The number of words of records for a KiB of data: a prediction, or the maximum of the last round.
    pub(crate) density: u32,
    limits: Limits,
    rounds: u32,
    failures: u32,
    /// Whether [`Values`] were changed, which happens once at most.
    is_changed: bool,
}

/// A part of one stream's records that is known to be right. It consists of whole MCUs.
pub(crate) struct Piece {
    stream: usize,
    /// In words of the records.
    range: Range<u32>,
    /// The position of the first MCU in the data, in bits.
    start: u32,
}

impl Streams {
    /// Prepares streams for a scan that has `left` MCUs left in at most `bytes` bytes. The last `mcus` MCUs took `bits`. Returns `None` if
    /// the parts have too many tables or blocks, or too little is left.
    pub(crate) fn new(
        parts: &[Part],
        (bits, mcus): (u32, u32),
        (left, bytes): (u32, usize),
        density: u32,
        limits: Limits,
    ) -> Option<Self> {
        // MCUs that are larger than the rest predict more data than there are.
        let predicted = u64::from(bits) * u64::from(left) / u64::from(8 * mcus);
        if predicted.min(bytes as u64) < limits.bytes {
            return None;
        }
        let blocks: usize = parts.iter().map(Part::blocks).sum();
        let automaton = Automaton::new(parts, Self::values(bits, mcus * blocks as u32))?;
        let empty = || vec![0; ROOM].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        let records = (0..COUNT).map(|_| empty()).collect();
        Some(Self { automaton, records, used: [0; COUNT], density, limits, rounds: 0, failures: 0, is_changed: false })
    }

    /// Chooses the faster way to values for `blocks` blocks of `bits` bits together.
    fn values(bits: u32, blocks: u32) -> Values {
        if bits / blocks.max(1) > LONG { Values::Added } else { Values::Looked }
    }

    /// Predicts the words of records for a KiB of data, if MCUs are like the last `mcus`, which took `bits`.
    pub(crate) fn density(parts: &[Part], (bits, mcus): (u32, u32)) -> u32 {
        let mcu: u64 = parts.iter().map(|part| u64::from(record(part.needed)) * part.blocks() as u64).sum();
        // The next MCUs may take fewer bits: 12 instead of 8 Ki of bits is the margin.
        (u64::from(mcus) * mcu * (12 << 10) / u64::from(bits).max(1)).min(u32::MAX.into()) as u32
    }

    /// Returns for how many bytes of data a stream has room, with an eighth in reserve. Returns `None` if blocks are so small that clearing
    /// records would be most of the work.
    pub(crate) fn room(density: u32, limits: Limits) -> Option<u32> {
        let room = ROOM as u32 * 7 / 8 * 1024 / density.max(1);
        (room >= 2 * limits.region).then_some(room)
    }

    /// Whether few enough rounds have failed to continue.
    pub(crate) fn is_promising(&self) -> bool {
        self.failures <= self.limits.failures + self.rounds / 4
    }

    /// Decodes at most `most` MCUs and returns the pieces that are right, in order. `bits` moves behind them.
    pub(crate) fn decode(&mut self, parts: &[Part], window: &Window, bits: &mut Bits, most: u32) -> Vec<Piece> {
        let (first, available) = (bits.position(), window.left(bits) as u32 / 8);
        let Some(room) = Self::room(self.density, self.limits) else { return Vec::new() };
        // The last stream's region is larger, because it continues while the others look for a meeting.
        let region = (available.saturating_sub(64) * 8 / (8 * COUNT as u32 + 1)).min(room);
        if region < self.limits.region {
            return Vec::new();
        }
        let end = first + (available - 64) * 8;
        let mut streams: [Stream; COUNT] = std::array::from_fn(|k| {
            let start = first + k as u32 * region * 8;
            let limit = if k < COUNT - 1 { start + (region + self.limits.overlap.0) * 8 } else { end };
            Stream {
                word: 0,
                position: start,
                state: self.automaton.start,
                length: 0,
                limit: limit.min(end),
                is_over: false,
            }
        });
        let starts = streams.map(|stream| stream.position);
        for (records, used) in self.records.iter_mut().zip(&mut self.used) {
            records[..ROOM.min(*used as usize + RECORD)].fill(0);
        }
        let meetings = self.run(parts, window, &mut streams, starts);
        self.used = streams.map(|stream| stream.length);
        let taken = |(stream, start): (&Stream, u32)| (stream.length, (stream.position - start).max(1));
        let taken = streams.iter().zip(starts).map(taken);
        self.density = taken.clone().map(|(words, bits)| words * 8192 / bits).max().unwrap_or(0);
        self.rounds += 1;
        self.failures += u32::from(meetings[..COUNT - 1].contains(&None));
        let pieces = self.pieces(&streams, first, meetings, most);
        if let Some(last) = pieces.last() {
            *bits = Bits::at_position(self.end(last), &window.bytes);
        }
        let (words, bits) = taken.fold((0, 0), |sum, (words, bits)| (sum.0 + words, sum.1 + bits));
        let values = Self::values(bits, words / self.automaton.mcu * self.automaton.blocks.len() as u32);
        if values != self.automaton.values && !self.is_changed {
            self.is_changed = true;
            self.automaton.choose(parts, values);
        }
        pieces
    }
}

/// Where a stream has met the next one: the words of both records up to there, and the position in the data in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meeting {
    own: u32,
    next: u32,
    position: u32,
}

impl Streams {
    /// Decodes until each stream but the last has met the next one or has given up. Returns the meetings.
    fn run(
        &mut self,
        parts: &[Part],
        window: &Window,
        streams: &mut [Stream; COUNT],
        starts: [u32; COUNT],
    ) -> [Option<Meeting>; COUNT] {
        let end = streams[COUNT - 1].limit;
        let mut meetings = [None; COUNT];
        let mut is_active = [true; COUNT];
        while is_active[..COUNT - 1].contains(&true) {
            let both = streams.iter_mut().zip(&mut self.records).zip(is_active);
            let active =
                both.filter(|(_, is_active)| *is_active).map(|((stream, records), _)| (stream, &mut **records));
            ahead(&self.automaton, parts, &window.bytes, &mut active.collect::<Vec<_>>());
            for k in 0..COUNT {
                let stream = streams[k];
                if !is_active[k] || !stream.is_over && stream.position < stream.limit {
                    continue;
                }
                is_active[k] = false;
                if k == COUNT - 1 {
                    continue;
                }
                let start = starts[k + 1];
                meetings[k] = self.meeting(k, stream, streams[k + 1].length, start);
                if meetings[k].is_some() {
                    continue;
                }
                let overlap = 2 * (stream.limit - start);
                let limit = (start + overlap).min(end);
                if !stream.is_over && overlap < 8 * self.limits.overlap.1 && stream.position < limit {
                    (streams[k].limit, is_active[k]) = (limit, true);
                } else {
                    // No later stream can be proved right.
                    is_active[k..].fill(false);
                }
            }
        }
        meetings
    }

    /// The meeting of stream `k` with the next one, which has `length` words of records and began at `start`: the end of the stream's last
    /// MCU must be the end of an MCU of the next stream.
    fn meeting(&self, k: usize, stream: Stream, length: u32, start: u32) -> Option<Meeting> {
        let own = self.whole(stream.length);
        let last = own.checked_sub(self.automaton.blocks.last()?.size)?;
        let low = self.records[k][last as usize & (ROOM - 1)];
        let position = stream.position - u32::from((stream.position as u16).wrapping_sub(low));
        let (mut next, mut reached) = (0, start);
        while next < self.whole(length) && reached < position {
            reached = self.end(&Piece { stream: k + 1, range: next..next + self.automaton.mcu, start: reached });
            next += self.automaton.mcu;
        }
        (next > 0 && reached == position).then_some(Meeting { own, next, position })
    }

    /// Rounds a number of words down to whole MCUs.
    fn whole(&self, length: u32) -> u32 {
        length - length % self.automaton.mcu
    }

    /// The position at which a piece ends in the data. Each record has the lower 16 bits of its block's end.
    fn end(&self, piece: &Piece) -> u32 {
        let (mut at, mut position) = (piece.range.start, piece.start);
        while at < piece.range.end {
            for block in &self.automaton.blocks {
                let low = self.records[piece.stream][at as usize & (ROOM - 1)];
                position += u32::from(low.wrapping_sub(position as u16));
                at += block.size;
            }
        }
        position
    }

    /// The pieces from the beginning of the first stream to the last meeting in sequence, at most `most` MCUs.
    fn pieces(
        &self,
        streams: &[Stream; COUNT],
        first: u32,
        meetings: [Option<Meeting>; COUNT],
        mut most: u32,
    ) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let (mut from, mut start) = (0, first);
        for (k, stream) in streams.iter().enumerate() {
            let end = meetings[k].map_or(self.whole(stream.length), |meeting| meeting.own);
            let count = (end.saturating_sub(from) / self.automaton.mcu).min(most);
            if count > 0 {
                pieces.push(Piece { stream: k, range: from..from + count * self.automaton.mcu, start });
            }
            most -= count;
            match meetings[k] {
                Some(meeting) if most > 0 && from <= end => (from, start) = (meeting.next, meeting.position),
                _ => break,
            }
        }
        pieces
    }
}
