//! A scan as an automaton: tables that turn the next bits into a step, and steps into the state after it.
//!
//! Nothing in a step depends on a branch: whether it reads a first coefficient, a needed one, or skips several that are not needed is
//! the choice of a table, and that is a part of the state.

use crate::{
    huffman::{BITS, Codes, extend, table},
    sequential::Part,
    tables::NATURAL,
};

/// Entries of a lookup table.
const ENTRIES: usize = 1 << BITS;
/// Lookup tables: of first coefficients, of values that may have the block's end behind them, of what is skipped, and of single symbols;
/// for two kinds of components.
const TABLES: usize = 8;
/// States of a block: indices of coefficients, with what a step adds to them.
const INDICES: u32 = 256;
/// Blocks of an MCU, each with a row of states for its first coefficient and one for the others.
pub(crate) const MOST_BLOCKS: usize = 8;
const STATES: usize = 2 * MOST_BLOCKS * INDICES as usize;

/// What a step adds to the index where the block ends. Runs beyond the last coefficient end below it.
const END: u32 = 80;
/// What a step adds to the index if its table does not reach: it takes no bits, and the state stays. Above all ends.
const ESCAPE: u32 = 160;
/// By how many coefficients a step that skips may have moved on before its last symbol. From where that may lead beyond the last one,
/// symbols are read one by one.
const PACKED: u32 = 7;
const LAST_PACKED: u32 = 63 - PACKED;

/// How a step finds the value of a coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// In its table, if code and value are short: most are where compression is strong. From bit 0, an entry has bits taken, what is
    /// added to the index, and the value. Of an escape, the last is symbol and length of the code.
    Looked,
    /// What of it lies beyond the lookup's bits is added from the data. From bit 0, an entry has 63 less the bits that are added, what
    /// is added to the index, bits taken, and the value so far.
    Added,
}

impl Values {
    /// Bits that a step takes at most: so many steps, one less than a word serves, leave enough of it for the last.
    pub(super) fn most_bits(self) -> u32 {
        match self {
            Self::Looked => 15,
            Self::Added => 19,
        }
    }
}

/// A block of an MCU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// Of the scan.
    pub(super) part: usize,
    /// Words of its record.
    pub(super) size: u32,
}

pub(super) struct Automaton {
    pub(super) values: Values,
    /// Of components: an example, and the last coefficient that is needed.
    kinds: Vec<(usize, u32)>,
    tables: Box<[u32; TABLES * ENTRIES]>,
    /// By row, index before the step, and what the step adds to that: from bit 0, index, row and table of the next state, words by which
    /// the record moves on, and the word that the value belongs into.
    states: Box<[u32; STATES]>,
    /// The state at an MCU's start.
    pub(super) start: u32,
    pub(super) blocks: Vec<Block>,
    /// Words of an MCU's records.
    pub(super) mcu: u32,
}

/// Words of a block's record: where the block ends in the data, coefficients up to the last needed one in zigzag order, and one for
/// what is not needed.
pub(super) fn record(needed: u32) -> u32 {
    if needed == 0 { 4 } else { (needed + 3).next_multiple_of(8) }
}

impl Automaton {
    /// For parts of which coefficients up to a last one are needed, and an MCU has so many blocks; none where they are too many, or of
    /// too many kinds.
    pub(super) fn new(parts: &[Part], shapes: &[(u32, usize)], values: Values) -> Option<Self> {
        let mut kinds: Vec<(usize, u32)> = Vec::new();
        let mut phases = Vec::new();
        for (part, &(needed, count)) in shapes.iter().enumerate() {
            let (dc, ac) = (&parts[part].dc.codes, &parts[part].ac.codes);
            let is_same = |&(other, also): &(usize, u32)| {
                also == needed && parts[other].ac.codes == *ac && parts[other].dc.codes == *dc
            };
            let kind = kinds.iter().position(is_same).unwrap_or(kinds.len());
            if kind == kinds.len() {
                kinds.push((part, needed));
            }
            phases.extend(std::iter::repeat_n((part, kind, needed), count));
        }
        if kinds.len() > TABLES / 4 || phases.len() > MOST_BLOCKS {
            return None;
        }
        let blocks: Vec<_> = phases.iter().map(|&(part, _, needed)| Block { part, size: record(needed) }).collect();
        let mut automaton = Self {
            values,
            kinds,
            tables: table(|_| 0),
            states: states(&phases).into_boxed_slice().try_into().ok()?,
            start: state(&phases, 0, 0),
            mcu: blocks.iter().map(|block| block.size).sum(),
            blocks,
        };
        automaton.choose(parts, values);
        Some(automaton)
    }

    /// Makes the tables for a way to values.
    pub(super) fn choose(&mut self, parts: &[Part], values: Values) {
        self.values = values;
        for (tables, &(part, needed)) in self.tables.chunks_exact_mut(4 * ENTRIES).zip(&self.kinds) {
            let entries = Kind::new(&parts[part], needed, values);
            tables.iter_mut().zip(entries.tables()).for_each(|(to, entry)| *to = entry);
        }
    }

    /// The step that the word begins with.
    #[inline(always)]
    pub(super) fn step(&self, state: u32, word: u64) -> u32 {
        self.tables[(state & 0x7000) as usize + (word >> (64 - BITS)) as usize]
    }

    /// What follows a state and a step that adds so much to its index.
    #[inline(always)]
    pub(super) fn next(&self, state: u32, advance: u32) -> u32 {
        self.states[(state.wrapping_add(advance) & 0xfff) as usize]
    }

    /// Reads the symbol at the start of the word that its table does not have: bits taken, value, and the state after it; none where
    /// the data are none.
    #[inline(always)]
    pub(super) fn long(&self, parts: &[Part], state: u32, entry: u32, word: u64) -> Option<(u32, i32, u32)> {
        let row = state >> 8 & 15;
        let (mut symbol, mut length) = (entry >> 24, entry >> 16 & 0xff);
        if self.values == Values::Added || length == 0 {
            let part = &parts[self.blocks[row as usize / 2].part];
            let codes = if row.is_multiple_of(2) { &part.dc.codes } else { &part.ac.codes };
            let (own, bits) = codes.symbol((word >> 48) as u32)?;
            (symbol, length) = (u32::from(own), bits);
        }
        let advance = if row.is_multiple_of(2) { 1 } else { advance(symbol) };
        if row.is_multiple_of(2) && symbol > 15 {
            return None;
        }
        let size = symbol & 15;
        let value = extend(((word << length) >> 1 >> (63 - size)) as i32, size);
        Some((length + size, value, self.next(state, advance)))
    }
}

/// By how many coefficients a symbol moves on, itself included.
fn advance(symbol: u32) -> u32 {
    if symbol & 15 == 0 && symbol != 0xf0 { END + 1 } else { (symbol >> 4) + 1 }
}

/// A row's state before the coefficient of that index. Rows with an even number are for first coefficients.
fn state(phases: &[(usize, usize, u32)], row: u32, index: u32) -> u32 {
    let (_, kind, needed) = phases[row as usize / 2];
    let own = match index {
        _ if row.is_multiple_of(2) => 0,
        _ if index > needed && index <= LAST_PACKED => 2,
        // A value that may be the last has no end behind it.
        0..48 => 1,
        _ => 3,
    };
    (4 * kind as u32 + own) << 12 | row << 8 | index
}

fn states(phases: &[(usize, usize, u32)]) -> Vec<u32> {
    let mut states = vec![0; STATES];
    let rows = 2 * phases.len() as u32;
    for (row, sum) in (0..rows).flat_map(|row| (0..INDICES).map(move |sum| (row, sum))) {
        let needed = phases[row as usize / 2].2;
        let spare = needed + 2;
        // A run beyond the last coefficient means that one.
        let word = if row.is_multiple_of(2) { 1 } else { (sum % END).clamp(1, 64).min(spare) };
        let (next, moved, word) = match sum {
            0..64 => (state(phases, row | 1, sum), 0, word),
            64..ESCAPE => (state(phases, (row / 2 + 1) * 2 % rows, 0), record(needed), word),
            ESCAPE.. => (state(phases, row, (sum - ESCAPE).min(63)), 0, spare),
        };
        states[(row * INDICES + sum) as usize] = next | moved << 16 | word << 24;
    }
    states
}

/// Codes of a component and what is needed of it, from which tables are made.
struct Kind {
    /// By the next bits: symbol and length of the code that they begin with; length 0 where that is longer.
    dc: Vec<(u8, u8)>,
    ac: Vec<(u8, u8)>,
    needed: u32,
    values: Values,
}

/// A step before it becomes an entry.
struct Step {
    /// Taken.
    bits: u32,
    advance: u32,
    value: i32,
    /// Bits of the value beyond the lookup's.
    rest: u32,
}

impl Kind {
    fn new(part: &Part, needed: u32, values: Values) -> Self {
        let short = |codes: &Codes| {
            let mut all = Vec::with_capacity(ENTRIES);
            while all.len() < ENTRIES {
                match codes.symbol((all.len() as u32) << (16 - BITS)) {
                    Some((symbol, length @ ..=BITS)) => {
                        all.extend(std::iter::repeat_n((symbol, length as u8), 1 << (BITS - length)));
                    }
                    _ => all.push((0, 0)),
                }
            }
            all
        };
        Self { dc: short(&part.dc.codes), ac: short(&part.ac.codes), needed, values }
    }

    fn tables(&self) -> impl Iterator<Item = u32> {
        let words = || 0..ENTRIES as u32;
        let first = words().map(|word| self.entry(&self.dc, word, self.first(word)));
        let ended = words().map(|word| self.entry(&self.ac, word, self.value(word, true)));
        let skipped = words().map(|word| self.entry(&self.ac, word, self.skip(word, None)));
        let single = words().map(|word| self.entry(&self.ac, word, self.value(word, false)));
        first.chain(ended).chain(skipped).chain(single)
    }

    fn entry(&self, codes: &[(u8, u8)], word: u32, step: Option<Step>) -> u32 {
        let step = step.filter(|step| step.bits <= self.values.most_bits());
        match (self.values, step) {
            (Values::Looked, Some(Step { bits, advance, value, rest: 0 })) => {
                bits | advance << 8 | (value as u32) << 16
            }
            (Values::Looked, _) => {
                let (symbol, length) = codes[word as usize];
                ESCAPE << 8 | u32::from(length) << 16 | u32::from(symbol) << 24
            }
            (Values::Added, Some(Step { bits, advance, value: value @ -1024..1024, rest })) => {
                (63 - rest) | advance << 8 | bits << 16 | (value as u32) << 21
            }
            (Values::Added, _) => ESCAPE << 8,
        }
    }

    /// The symbol that begins `used` bits into the word, and its length, if its code lies inside.
    fn symbol(codes: &[(u8, u8)], word: u32, used: u32) -> Option<(u32, u32)> {
        let (symbol, length) = codes[(word << used) as usize & (ENTRIES - 1)];
        (length > 0 && used + u32::from(length) <= BITS).then_some((symbol.into(), length.into()))
    }

    /// A code of that length and the value behind it. The sign of a value must lie inside the lookup's bits.
    fn single(word: u32, (size, length): (u32, u32), advance: u32) -> Option<Step> {
        let bits = length + size;
        let rest = bits.saturating_sub(BITS);
        let value = extend((word << rest >> (BITS + rest - bits)) as i32, size);
        (rest == 0 || length < BITS).then_some(Step { bits, advance, value, rest })
    }

    /// A first coefficient's difference, and what follows it: skipped symbols, or the block's end.
    fn first(&self, word: u32) -> Option<Step> {
        let (size, length) = Self::symbol(&self.dc, word, 0).filter(|&(size, _)| size <= 15)?;
        let step = Self::single(word, (size, length), 1)?;
        if self.needed == 0 { self.skip(word, Some(step)) } else { Some(self.ended(word, step)) }
    }

    /// A symbol with its value, and the block's end if that follows and is wanted.
    fn value(&self, word: u32, with_end: bool) -> Option<Step> {
        let (symbol, length) = Self::symbol(&self.ac, word, 0)?;
        let step = Self::single(word, (symbol & 15, length), advance(symbol))?;
        Some(if with_end && step.advance < END { self.ended(word, step) } else { step })
    }

    fn ended(&self, word: u32, step: Step) -> Step {
        match Self::symbol(&self.ac, word, step.bits.min(BITS)) {
            Some((symbol, length)) if advance(symbol) > END => {
                Step { bits: step.bits + length, advance: step.advance + END, ..step }
            }
            _ => step,
        }
    }

    /// Several symbols, behind a first coefficient's difference if there is one.
    fn skip(&self, word: u32, first: Option<Step>) -> Option<Step> {
        let is_first = first.is_some();
        let mut step = first.unwrap_or(Step { bits: 0, advance: 0, value: 0, rest: 0 });
        let start = step.advance;
        while step.bits < BITS
            && step.advance - start <= PACKED
            && let Some((symbol, length)) = Self::symbol(&self.ac, word, step.bits)
            && step.bits + length + (symbol & 15) <= self.values.most_bits()
        {
            step.bits += length + (symbol & 15);
            step.advance += advance(symbol);
        }
        (is_first || step.bits > 0).then_some(step)
    }
}

/// Row × 8 + column of a coefficient by its zigzag index.
pub(super) fn natural(index: usize) -> usize {
    NATURAL[index & 63].into()
}
