//! A scan as an automaton: tables turn the next bits into a step, and a step into the next state.
//!
//! A step has no branch. Whether it reads a DC coefficient, reads a needed AC coefficient, or skips several AC coefficients depends on
//! its table, which is a part of the state.

use crate::{
    bits::signed,
    huffman::{BITS, PACKED_ADVANCE, Short, advance, table},
    part::Part,
};

/// The number of entries of a lookup table.
const ENTRIES: usize = 1 << BITS;
/// The number of lookup tables. Each of two kinds of components has four: for DC coefficients, for values that the end of the block may
/// follow, for skipped symbols, and for single symbols.
const TABLES: usize = 8;
/// The number of states of a block: the sums of a coefficient's index and what a step adds to it.
const INDICES: u32 = 256;
/// The maximum number of blocks of an MCU. Each has a row of states for its DC coefficient and a row for the others.
pub(crate) const MOST_BLOCKS: usize = 8;
const STATES: usize = 2 * MOST_BLOCKS * INDICES as usize;

/// What a step adds to the index at the end of the block. Runs beyond the last coefficient stay below it.
const END: u32 = 80;
/// What a step adds to the index if its table has no entry: it takes no bits, and the state stays the same.
const ESCAPE: u32 = 160;
/// The last index before which a step may skip several symbols. Behind it, they could lead beyond the last coefficient.
const LAST_PACKED: u32 = 63 - PACKED_ADVANCE;

/// How a step finds the value of a coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// In the table, if code and value are short, as most are after strong compression. From bit 0, an entry has the number of bits, what
    /// is added to the index, and the value. An escape has the symbol and the length of the code instead of the value.
    Looked,
    /// In the table and in the data: the bits of the value beyond the lookup's bits are added from the data. From bit 0, an entry has 63
    /// minus the number of added bits, what is added to the index, the number of bits, and the value without the added bits.
    Added,
}

impl Values {
    /// The maximum number of bits of a step, such that a word has enough bits for all steps between two loads.
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
    /// The index of the scan's part.
    part: usize,
    /// The index of the part's kind.
    kind: usize,
    /// The last needed coefficient.
    needed: u32,
    /// The number of words of its record.
    pub(super) size: u32,
}

pub(super) struct Automaton {
    pub(super) values: Values,
    /// A part of each kind of component.
    kinds: Vec<usize>,
    tables: Box<[u32; TABLES * ENTRIES]>,
    /// The next state, by row and by the sum of the index and what the step adds to it. From bit 0, an entry has the index, the row and
    /// the table of the next state, the number of words to the next record, and the word of the record for the value.
    states: Box<[u32; STATES]>,
    /// The state at the start of an MCU.
    pub(super) start: u32,
    pub(super) blocks: Vec<Block>,
    /// The number of words of an MCU's records.
    pub(super) mcu: u32,
}

/// The number of words of a block's record. It has the position of the block's end, the coefficients up to the last needed one in zigzag
/// order, and a word for values that are not needed.
pub(super) fn record(needed: u32) -> u32 {
    if needed == 0 { 4 } else { (needed + 3).next_multiple_of(8) }
}

impl Automaton {
    /// Makes the automaton of a scan. Returns `None` for too many blocks, or more than two kinds of components.
    pub(super) fn new(parts: &[Part], values: Values) -> Option<Self> {
        let (mut kinds, mut blocks): (Vec<usize>, Vec<Block>) = Default::default();
        for (index, part) in parts.iter().enumerate() {
            let is_same = |&kind: &usize| {
                let of_kind = &parts[kind];
                (of_kind.needed, &of_kind.ac.codes, &of_kind.dc.codes) == (part.needed, &part.ac.codes, &part.dc.codes)
            };
            let kind = kinds.iter().position(is_same).unwrap_or(kinds.len());
            if kind == kinds.len() {
                kinds.push(index);
            }
            let block = Block { part: index, kind, needed: part.needed, size: record(part.needed) };
            blocks.extend(std::iter::repeat_n(block, part.blocks()));
        }
        if kinds.len() > TABLES / 4 || blocks.len() > MOST_BLOCKS {
            return None;
        }
        let mut automaton = Self {
            values,
            kinds,
            tables: table(|_| 0),
            states: states(&blocks).into_boxed_slice().try_into().ok()?,
            start: state(&blocks, 0, 0),
            mcu: blocks.iter().map(|block| block.size).sum(),
            blocks,
        };
        automaton.choose(parts, values);
        Some(automaton)
    }

    /// Makes the lookup tables.
    pub(super) fn choose(&mut self, parts: &[Part], values: Values) {
        self.values = values;
        for (tables, &part) in self.tables.chunks_exact_mut(4 * ENTRIES).zip(&self.kinds) {
            let entries = Kind::new(&parts[part], values);
            tables.iter_mut().zip(entries.tables()).for_each(|(to, entry)| *to = entry);
        }
    }

    /// The entry for the first bits of the word.
    #[inline(always)]
    pub(super) fn step(&self, state: u32, word: u64) -> u32 {
        self.tables[(state & 0x7000) as usize + (word >> (64 - BITS)) as usize]
    }

    /// The entry of the next state after a step that adds `advance` to the index.
    #[inline(always)]
    pub(super) fn next(&self, state: u32, advance: u32) -> u32 {
        self.states[(state.wrapping_add(advance) & 0xfff) as usize]
    }

    /// Reads a symbol at the start of the word that the table does not have. Returns the number of bits, the value and the next state, or
    /// `None` if the code is invalid.
    #[inline(always)]
    pub(super) fn long(&self, parts: &[Part], state: u32, entry: u32, word: u64) -> Option<(u32, i32, u32)> {
        let row = state >> 8 & 15;
        let (mut symbol, mut length) = ((entry >> 24) as u8, entry >> 16 & 0xff);
        if self.values == Values::Added || length == 0 {
            let part = &parts[self.blocks[row as usize / 2].part];
            let codes = if row.is_multiple_of(2) { &part.dc.codes } else { &part.ac.codes };
            (symbol, length) = codes.symbol((word >> 48) as u32)?;
        }
        let advance = if row.is_multiple_of(2) { 1 } else { advance(symbol, END) };
        if row.is_multiple_of(2) && symbol > 15 {
            return None;
        }
        let size = u32::from(symbol & 15);
        Some((length + size, signed(word << length, size), self.next(state, advance)))
    }
}

/// The state in a row before the coefficient `index`. Even rows are for DC coefficients.
fn state(blocks: &[Block], row: u32, index: u32) -> u32 {
    let Block { kind, needed, .. } = blocks[row as usize / 2];
    let own = match index {
        _ if row.is_multiple_of(2) => 0,
        _ if index > needed && index <= LAST_PACKED => 2,
        // A value that may be the last coefficient is not followed by an end of the block.
        0..48 => 1,
        _ => 3,
    };
    (4 * kind as u32 + own) << 12 | row << 8 | index
}

fn states(blocks: &[Block]) -> Vec<u32> {
    let mut states = vec![0; STATES];
    let rows = 2 * blocks.len() as u32;
    for (row, sum) in (0..rows).flat_map(|row| (0..INDICES).map(move |sum| (row, sum))) {
        let Block { needed, size, .. } = blocks[row as usize / 2];
        let spare = needed + 2;
        // A run beyond the last coefficient stands for the last one.
        let word = if row.is_multiple_of(2) { 1 } else { (sum % END).clamp(1, 64).min(spare) };
        let (next, moved, word) = match sum {
            0..64 => (state(blocks, row | 1, sum), 0, word),
            64..ESCAPE => (state(blocks, (row / 2 + 1) * 2 % rows, 0), size, word),
            ESCAPE.. => (state(blocks, row, (sum - ESCAPE).min(63)), 0, spare),
        };
        states[(row * INDICES + sum) as usize] = next | moved << 16 | word << 24;
    }
    states
}

/// A kind of component, from which lookup tables are made.
struct Kind {
    dc: Short,
    ac: Short,
    needed: u32,
    values: Values,
}

/// A step before it becomes an entry.
struct Step {
    /// The number of bits.
    bits: u32,
    advance: u32,
    value: i32,
    /// The number of bits of the value beyond the lookup's bits.
    rest: u32,
}

impl Kind {
    fn new(part: &Part, values: Values) -> Self {
        Self { dc: Short::new(&part.dc.codes), ac: Short::new(&part.ac.codes), needed: part.needed, values }
    }

    fn tables(&self) -> impl Iterator<Item = u32> {
        let words = || 0..ENTRIES as u32;
        let first = words().map(|word| self.entry(&self.dc, word, self.first(word)));
        let ended = words().map(|word| self.entry(&self.ac, word, self.value(word, true)));
        let skipped = words().map(|word| self.entry(&self.ac, word, self.skip(word, None)));
        let single = words().map(|word| self.entry(&self.ac, word, self.value(word, false)));
        first.chain(ended).chain(skipped).chain(single)
    }

    fn entry(&self, short: &Short, word: u32, step: Option<Step>) -> u32 {
        let step = step.filter(|step| step.bits <= self.values.most_bits());
        match (self.values, step) {
            (Values::Looked, Some(Step { bits, advance, value, rest: 0 })) => {
                bits | advance << 8 | (value as u32) << 16
            }
            (Values::Looked, _) => {
                let (symbol, length) = short.codes[word as usize];
                ESCAPE << 8 | u32::from(length) << 16 | u32::from(symbol) << 24
            }
            (Values::Added, Some(Step { bits, advance, value: value @ -1024..1024, rest })) => {
                (63 - rest) | advance << 8 | bits << 16 | (value as u32) << 21
            }
            (Values::Added, _) => ESCAPE << 8,
        }
    }

    /// The step of a code and its value. The first bit of the value, which gives the sign, must be within the lookup's bits.
    fn single(word: u32, (size, length): (u32, u32), advance: u32) -> Option<Step> {
        let bits = length + size;
        let rest = bits.saturating_sub(BITS);
        let value = signed(u64::from(word) << (64 - BITS) << length, size);
        (rest == 0 || length < BITS).then_some(Step { bits, advance, value, rest })
    }

    /// The difference of a DC coefficient, with the skipped symbols or the end of the block that follow.
    fn first(&self, word: u32) -> Option<Step> {
        let (size, length) = self.dc.symbol(word as usize, 0).filter(|&(size, _)| size <= 15)?;
        let step = Self::single(word, (size.into(), length), 1)?;
        if self.needed == 0 { self.skip(word, Some(step)) } else { Some(self.ended(word, step)) }
    }

    /// A symbol with its value, and the end of the block if it follows and `with_end` is set.
    fn value(&self, word: u32, with_end: bool) -> Option<Step> {
        let (symbol, length) = self.ac.symbol(word as usize, 0)?;
        let step = Self::single(word, (u32::from(symbol & 15), length), advance(symbol, END))?;
        Some(if with_end && step.advance < END { self.ended(word, step) } else { step })
    }

    fn ended(&self, word: u32, step: Step) -> Step {
        let Some(length) = self.ac.end(word as usize, step.bits) else { return step };
        Step { bits: step.bits + length, advance: step.advance + END, ..step }
    }

    /// Several skipped symbols, after the difference of a DC coefficient if `first` has one.
    fn skip(&self, word: u32, first: Option<Step>) -> Option<Step> {
        let is_first = first.is_some();
        let mut step = first.unwrap_or(Step { bits: 0, advance: 0, value: 0, rest: 0 });
        let start = step.advance;
        while step.bits < BITS
            && step.advance - start <= PACKED_ADVANCE
            && let Some((symbol, length)) = self.ac.symbol(word as usize, step.bits)
            && step.bits + length + u32::from(symbol & 15) <= self.values.most_bits()
        {
            step.bits += length + u32::from(symbol & 15);
            step.advance += advance(symbol, END);
        }
        (is_first || step.bits > 0).then_some(step)
    }
}
