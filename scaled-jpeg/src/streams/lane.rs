//! The loop in which streams take turns.

use super::automaton::{Automaton, Values};
use crate::{
    bits::{Bytes, word},
    part::Part,
};

/// The number of words of a stream's records. It is a power of two, so that masking an index replaces the bounds check.
pub(super) const ROOM: usize = 1 << 15;
/// The length at which a stream stops. The steps until the next check have room behind it.
const FULL: u32 = (ROOM - 6 * RECORD) as u32;
/// The maximum number of words of a record.
pub(super) const RECORD: usize = 72;

/// The records of the blocks that a stream has decoded, laid out by [`record`](super::automaton::record). Unwritten words are zero.
pub(super) type Records = [u16; ROOM];

/// A position in the data, and the state of decoding there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    /// The next bits, from the most significant one.
    pub(super) word: u64,
    /// In bits from the window's start.
    pub(super) position: u32,
    /// The state of the automaton.
    pub(super) state: u32,
    /// The number of words of whole records.
    pub(super) length: u32,
    /// The position at which it stops.
    pub(super) limit: u32,
    /// Whether the stream cannot continue, because its records are full or its data are invalid.
    pub(super) is_over: bool,
}

impl Stream {
    /// Makes a step. Returns the number of bits and the entry.
    #[inline(always)]
    fn step<const ADDED: bool>(&mut self, automaton: &Automaton, records: &mut Records) -> (u32, u32) {
        let entry = automaton.step(self.state, self.word);
        let (taken, value) = if ADDED {
            let rest = (self.word << 12 >> 1) >> (entry & 63);
            (entry >> 16 & 31, (entry as i32 >> 21) + rest as i32)
        } else {
            (entry & 0xff, (entry >> 16) as i32)
        };
        self.word <<= taken & 63;
        self.position += taken;
        self.enter(automaton.next(self.state, entry >> 8 & 0xff), value, records);
        (taken, entry)
    }

    /// Writes the value and the end of a step into the record. Later steps of the block overwrite the end.
    #[inline(always)]
    fn enter(&mut self, next: u32, value: i32, records: &mut Records) {
        records[(self.length + (next >> 24)) as usize & (ROOM - 1)] = value as u16;
        records[self.length as usize & (ROOM - 1)] = self.position as u16;
        self.length += next >> 16 & 0xff;
        self.state = next;
    }

    /// Reads a symbol that the table does not have. Returns whether the symbol is valid.
    #[inline(always)]
    fn long(
        &mut self,
        automaton: &Automaton,
        parts: &[Part],
        bytes: &Bytes,
        entry: u32,
        records: &mut Records,
    ) -> bool {
        match automaton.long(parts, self.state, entry, word(bytes, self.position)) {
            Some((taken, value, next)) => {
                self.position += taken;
                self.enter(next, value, records);
                true
            }
            None => false,
        }
    }
}

/// Defines a function that decodes streams until one has to stop. Each stream is a variable: an array would not stay in registers.
macro_rules! together {
    ($name:ident: $($stream:ident $at:ident $records:ident),+) => {
        #[inline(never)]
        fn $name<const ADDED: bool>(
            automaton: &Automaton,
            parts: &[Part],
            bytes: &Bytes,
            streams: &mut [(&mut Stream, &mut Records)],
        ) {
            let [$(($at, $records)),+] = streams else { return };
            $(let mut $stream = **$at;)+
            let mut goes_on = true;
            while goes_on {
                $($stream.word = word(bytes, $stream.position);)+
                if !ADDED {
                    $($stream.step::<ADDED>(automaton, $records);)+
                }
                $($stream.step::<ADDED>(automaton, $records);)+
                $($stream.step::<ADDED>(automaton, $records);)+
                $(
                    let (taken, entry) = $stream.step::<ADDED>(automaton, $records);
                    // If an earlier step took no bits, the last takes none either.
                    if taken == 0 && !$stream.long(automaton, parts, bytes, entry, $records) {
                        $stream.is_over = true;
                        goes_on = false;
                    }
                    goes_on &= $stream.position < $stream.limit && $stream.length < FULL;
                )+
            }
            $(
                $stream.is_over |= $stream.length >= FULL;
                **$at = $stream;
            )+
        }
    };
}

together!(one: a at_a ra);
together!(two: a at_a ra, b at_b rb);
together!(three: a at_a ra, b at_b rb, c at_c rc);
together!(four: a at_a ra, b at_b rb, c at_c rc, d at_d rd);

/// Decodes up to four streams until one has to stop.
pub(super) fn ahead(automaton: &Automaton, parts: &[Part], bytes: &Bytes, streams: &mut [(&mut Stream, &mut Records)]) {
    let ahead = match (automaton.values, streams.len()) {
        (Values::Looked, 1) => one::<false>,
        (Values::Looked, 2) => two::<false>,
        (Values::Looked, 3) => three::<false>,
        (Values::Looked, _) => four::<false>,
        (Values::Added, 1) => one::<true>,
        (Values::Added, 2) => two::<true>,
        (Values::Added, 3) => three::<true>,
        (Values::Added, _) => four::<true>,
    };
    ahead(automaton, parts, bytes, streams);
}
