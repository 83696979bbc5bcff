//! Several places of one scan decoded at once, so that the processor does not wait for one chain of lookups.
//!
//! Where a code's next bits begin is known only when the code before it was looked up, and a processor has little else to do
//! meanwhile. But a decoder of Huffman codes that begins at a wrong place finds the right ones by itself, mostly within some dozens of
//! bytes (Klein and Wiseman, "Parallel Huffman decoding with applications to JPEG files", 2003; for GPUs Weißenborn and Schmidt,
//! "Accelerating JPEG decompression on GPUs", 2021). So what the window holds is divided into regions, and a stream begins in each, as if
//! an MCU began there. All go ahead in step, a symbol each in turn, which keeps the processor busy (Giesen, "Interleaved entropy coders",
//! 2014). Each goes on a little into the region of the next. If it ends an MCU where that has ended one, both are the same from there on,
//! and the next one's blocks behind it are the picture's: the first stream is right from its beginning, hence each after it. What they
//! have decoded is put into its places after that, and first coefficients, of which differences are known only, are summed up.
//!
//! This is for the middle of large scans. The loop of [`sequential`](crate::sequential) decodes what is before and after it, and whatever
//! is not as it should be: streams stop at the last MCU before an invalid code, and it finds that again. Where streams do not meet, what
//! the right ones have decoded is kept. If that happens often, no more is tried.

mod automaton;
mod lane;
mod place;
#[cfg(test)]
pub(crate) mod tests;

use std::ops::Range;

use crate::{
    bits::{Bits, Window},
    sequential::Part,
};
pub(crate) use automaton::MOST_BLOCKS;
use automaton::{Automaton, Values};
use lane::{RECORD, ROOM, Records, Stream, ahead};

/// Streams.
const COUNT: usize = 4;
/// Bits of a block, on average, from which many values are too long for a table.
const LONG: u32 = 96;

/// Where it pays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Blocks of the scan, which bound memory too.
    pub(crate) blocks: u64,
    /// Bytes of it that must be left for tables to be worth making.
    bytes: u64,
    /// MCUs that must have been decoded, which tell enough of the others.
    pub(crate) sample: u32,
    /// Bytes of a region at least: of smaller ones, too much is decoded twice.
    region: u32,
    /// Bytes that a stream goes on into the next region at first and, by turns twice as far, at most.
    overlap: (u32, u32),
    /// Rounds that may fail, besides a quarter of them.
    failures: u32,
}

impl Limits {
    pub(crate) const USUAL: Self =
        Self { blocks: 1 << 14, bytes: 192 << 10, sample: 64, region: 2 << 10, overlap: (128, 4096), failures: 3 };
    /// Everywhere, for tests.
    pub(crate) const NONE: Self =
        Self { blocks: 0, bytes: 0, sample: 1, region: 12, overlap: (4, 64), failures: u32::MAX / 2 };
}

/// Bytes that streams take from the heap at most.
pub(crate) const MEMORY: u64 = 448 << 10;

/// The streams of a scan, and what was learnt of it so far.
pub(crate) struct Streams {
    automaton: Automaton,
    records: Vec<Box<Records>>,
    /// By stream: words of records that are not zero any more.
    used: [u32; COUNT],
    /// Words of records that a KiB of the data makes at most.
    density: u32,
    limits: Limits,
    rounds: u32,
    failures: u32,
    /// Whether the way to values was changed: once is enough.
    is_changed: bool,
}

/// Records of one stream that are right, MCU by MCU.
pub(crate) struct Piece {
    stream: usize,
    /// Words of its records.
    range: Range<u32>,
    /// In the data, where the first MCU begins.
    start: u32,
}

impl Streams {
    /// For a scan of which so many MCUs are left, after some that took so many bits. `shapes`: by part, the last coefficient that is
    /// needed, and blocks of an MCU. None where parts are too different or too many, or too little is left.
    pub(crate) fn new(
        parts: &[Part],
        shapes: &[(u32, usize)],
        (bits, mcus): (u32, u32),
        left: u32,
        limits: Limits,
    ) -> Option<Self> {
        if u64::from(bits) * u64::from(left) / u64::from(8 * mcus) < limits.bytes {
            return None;
        }
        let blocks: usize = shapes.iter().map(|shape| shape.1).sum();
        let automaton = Automaton::new(parts, shapes, Self::values(bits, mcus * blocks as u32))?;
        let empty = || vec![0; ROOM].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        let records = (0..COUNT).map(|_| empty()).collect();
        let (used, density) = ([0; COUNT], 0);
        Some(Self { automaton, records, used, density, limits, rounds: 0, failures: 0, is_changed: false })
    }

    /// The quicker way to values where blocks take so many bits.
    fn values(bits: u32, blocks: u32) -> Values {
        if bits / blocks.max(1) > LONG { Values::Added } else { Values::Looked }
    }

    /// Words of records that a KiB makes, of MCUs like those just before, of which so many took so many bits.
    pub(crate) fn density(shapes: &[(u32, usize)], (bits, mcus): (u32, u32)) -> u32 {
        let mcu: u64 = shapes.iter().map(|&(needed, count)| u64::from(automaton::record(needed)) * count as u64).sum();
        // Those behind them may take fewer.
        (u64::from(mcus) * mcu * (12 << 10) / u64::from(bits).max(1)).min(u32::MAX.into()) as u32
    }

    /// Bytes for whose records a stream has room, and an eighth in reserve; none where blocks are so small that zeros would be most of
    /// the work.
    pub(crate) fn room(density: u32, limits: Limits) -> Option<u32> {
        let room = ROOM as u32 * 7 / 8 * 1024 / density.max(1);
        (room >= 2 * limits.region).then_some(room)
    }

    /// Learns how many words of records a KiB makes now.
    pub(crate) fn learn(&mut self, density: u32) {
        self.density = density;
    }

    /// Whether it is of use to go on.
    pub(crate) fn is_promising(&self) -> bool {
        self.failures <= self.limits.failures + self.rounds / 4
    }

    /// Decodes up to so many MCUs: the pieces that are right. Behind them, `bits` goes on.
    pub(crate) fn decode(&mut self, parts: &[Part], window: &Window, bits: &mut Bits, most: u32) -> Vec<Piece> {
        let (first, available) = (bits.position(), window.left(bits) as u32 / 8);
        let Some(room) = Self::room(self.density, self.limits) else { return Vec::new() };
        // The last one goes on while others still look for the next.
        let region = (available.saturating_sub(64) * 8 / (8 * COUNT as u32 + 1)).min(room);
        if region < self.limits.region {
            return Vec::new();
        }
        let end = first + (available - 64) * 8;
        let mut streams: [Stream; COUNT] = std::array::from_fn(|k| {
            let start = first + k as u32 * region * 8;
            let limit = if k < COUNT - 1 { start + (region + self.limits.overlap.0) * 8 } else { end };
            Stream { position: start, state: self.automaton.start, length: 0, limit: limit.min(end), is_over: false }
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

/// Where a stream has run into the next one: words of the records of both up to there, and the position in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meeting {
    own: u32,
    next: u32,
    position: u32,
}

impl Streams {
    /// Goes ahead with all streams until each but the last has met the next one, or will not: where they have met.
    fn run(
        &mut self,
        parts: &[Part],
        window: &Window,
        streams: &mut [Stream; COUNT],
        starts: [u32; COUNT],
    ) -> [Option<Meeting>; COUNT] {
        let end = streams[COUNT - 1].limit;
        let mut meetings = [None; COUNT];
        let mut overlaps = [self.limits.overlap.0; COUNT];
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
                if k < COUNT - 1 {
                    meetings[k] = self.meeting(k, stream, streams[k + 1].length, starts[k + 1]);
                    overlaps[k] *= 2;
                }
                is_active[k] =
                    k < COUNT - 1 && !stream.is_over && meetings[k].is_none() && overlaps[k] < self.limits.overlap.1;
                if is_active[k] {
                    streams[k].limit = (starts[k + 1] + overlaps[k] * 8).min(end);
                    is_active[k] = streams[k].position < streams[k].limit;
                } else if k < COUNT - 1 && meetings[k].is_none() {
                    // What is behind it is of no use.
                    is_active[k..].fill(false);
                }
            }
        }
        meetings
    }

    /// Whether the end of a stream's last MCU is that of one of the next, which has so many words of records, and began there.
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

    /// Of so many words of records, those of whole MCUs.
    fn whole(&self, length: u32) -> u32 {
        length - length % self.automaton.mcu
    }

    /// Where a piece ends in the data. Records have the lower half of it.
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

    /// Up to so many MCUs, from the first stream's beginning as far as streams have met.
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
