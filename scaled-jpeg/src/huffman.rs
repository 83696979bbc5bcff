//! Huffman tables, and what decoding looks up instead of them.

use std::iter;

use crate::{bits::Bits, error::Error};

/// A table as a file gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    /// Codes of each length, from 1.
    pub(crate) counts: [u8; 16],
    /// Symbols in the order of their codes.
    pub(crate) symbols: Vec<u8>,
}

impl Spec {
    /// # Errors
    /// [`Error::Corrupt`] where there are more codes than their lengths allow.
    pub(crate) fn new(counts: [u8; 16], symbols: &[u8]) -> Result<Self, Error> {
        let mut free = 1_i32;
        for &count in &counts {
            free = 2 * free - i32::from(count);
            if free < 0 {
                return Err(Error::Corrupt("a Huffman table has more codes than fit"));
            }
        }
        Ok(Self { counts, symbols: symbols.to_vec() })
    }
}

/// Every symbol and its code's length by the next sixteen bits, for what the small tables do not cover.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Codes {
    /// By length, from 1: the first sixteen-bit word above all codes of up to that length.
    limits: [u32; 17],
    /// By length: what to add to a code to have its symbol's index.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Codes {
    pub(crate) fn new(spec: &Spec) -> Self {
        let (mut limits, mut offsets) = ([0; 17], [0; 17]);
        let (mut code, mut index) = (0_i32, 0_i32);
        for (length, &count) in (1..).zip(&spec.counts) {
            offsets[length] = index - code;
            code += i32::from(count);
            index += i32::from(count);
            limits[length] = (code as u32) << (16 - length);
            code <<= 1;
        }
        Self { limits, offsets, symbols: spec.symbols.clone() }
    }

    /// The symbol that sixteen bits begin with, and the length of its code.
    ///
    /// Not inlined, and by value: a reader of bits to which a pointer is given away cannot stay in registers.
    #[inline(never)]
    pub(crate) fn symbol(&self, word: u32) -> Option<(u8, u32)> {
        let length = (1..=16).find(|&length| word < self.limits[length])?;
        let index = (word >> (16 - length)) as i32 + self.offsets[length];
        Some((*self.symbols.get(index as usize)?, length as u32))
    }
}

/// Bits that the lookup tables look at.
pub(crate) const BITS: u32 = 12;

/// Differences of DC coefficients.
pub(crate) struct DcTable {
    /// Difference, and in the lowest byte the bits it takes; zero where the table does not reach.
    lookup: Box<[i32; 1 << BITS]>,
    pub(crate) codes: Codes,
}

impl DcTable {
    pub(crate) fn new(spec: &Spec) -> Self {
        let short = Short::new(spec);
        let lookup = table(|word| {
            let Some((size, length)) = short.symbol(word, 0) else { return 0 };
            let total = length + u32::from(size);
            if total > BITS {
                return 0;
            }
            let value = extend((word >> (BITS - total)) as i32, u32::from(size));
            value << 8 | total as i32
        });
        Self { lookup, codes: Codes::new(spec) }
    }

    /// Takes a difference; none where no code begins so. Up to 31 bits.
    #[inline(always)]
    pub(crate) fn difference(&self, bits: &mut Bits) -> Option<i32> {
        let entry = self.lookup[bits.peek::<BITS>()];
        if entry & 0xff > 0 {
            bits.take(entry as u32);
            return Some(entry >> 8);
        }
        let (size, length) = self.codes.symbol(bits.peek::<16>() as u32)?;
        bits.take(length);
        (size <= 15).then(|| bits.value(u32::from(size)))
    }
}

/// The most that an entry takes: a third of what a refill gives.
const MOST_BITS: u32 = 18;

/// By how many coefficients a packed entry may have moved on before its last symbol begins.
pub(crate) const PACKED_ADVANCE: u32 = 7;

/// What an entry adds to the coefficient's index where the block ends.
pub(crate) const END: u32 = 128;

/// AC coefficients of a sequential scan.
pub(crate) struct AcTable {
    /// Several whole symbols with their values: bits that they take, and in the upper byte by how many coefficients they
    /// move on. Zero where the table does not reach.
    pub(crate) packed: Box<[u16; 1 << BITS]>,
    /// The same for one symbol.
    pub(crate) single: Box<[u16; 1 << BITS]>,
    /// One value: from the top, the bits of its code, its own, by how many coefficients it moves on, and all bits that the
    /// entry takes, which may include the end of the block. Zero where the table does not reach.
    pub(crate) value: Box<[u32; 1 << BITS]>,
    pub(crate) codes: Codes,
}

impl AcTable {
    /// Where all coefficients are needed, the tables that skip some of them stay empty.
    pub(crate) fn new(spec: &Spec, needed: u8) -> Self {
        let codes = Codes::new(spec);
        let short = Short::new(spec);
        let skips = needed < 63;
        let single = |word| short.single(word, 0).map_or(0, |(bits, advance)| entry(bits, advance));
        let single = table(|word| if skips { single(word) } else { 0 });
        let packed = table(|word| if skips { short.packed(word) } else { 0 });
        let value = table(|word| short.value(word));
        Self { packed, single, value, codes }
    }

    /// Takes a symbol: bits of its value, and by how many coefficients it moves on.
    #[inline(always)]
    pub(crate) fn long(&self, bits: &mut Bits) -> Option<(u32, u32)> {
        let (symbol, length) = self.codes.symbol(bits.peek::<16>() as u32)?;
        bits.take(length);
        Some((u32::from(symbol & 15), advance(symbol)))
    }
}

/// AC coefficients of a progressive scan.
pub(crate) struct ProgressiveTable {
    /// Several whole symbols with their values: bits that they take, by how many coefficients they move on, and in the upper
    /// half a bit for each of these that is not zero. Zero where the table does not reach, or more than one block ends.
    pub(crate) packed: Box<[u32; 1 << BITS]>,
    /// The same for one symbol.
    pub(crate) single: Box<[u32; 1 << BITS]>,
    short: Short,
    codes: Codes,
}

impl ProgressiveTable {
    pub(crate) fn new(spec: &Spec) -> Self {
        let codes = Codes::new(spec);
        let short = Short::new(spec);
        let single = table(|word| short.history(word, false));
        let packed = table(|word| short.history(word, true));
        Self { packed, single, short, codes }
    }

    /// Takes a symbol without its value.
    #[inline(always)]
    pub(crate) fn symbol(&self, bits: &mut Bits) -> Option<u8> {
        let (symbol, length) = self.short.codes[bits.peek::<BITS>()];
        if length == 0 {
            let (symbol, length) = self.codes.symbol(bits.peek::<16>() as u32)?;
            bits.take(length);
            return Some(symbol);
        }
        bits.take(u32::from(length));
        Some(symbol)
    }
}

fn entry(bits: u32, advance: u32) -> u16 {
    (bits | advance << 8) as u16
}

/// By how many coefficients a symbol moves on, itself included.
fn advance(symbol: u8) -> u32 {
    // Those without a value that are no sixteen zeros end the block.
    if symbol & 15 == 0 && symbol != 0xf0 { END + 1 } else { u32::from(symbol >> 4) + 1 }
}

/// The symbols with short codes, from which the lookup tables are made.
struct Short {
    /// Symbol and length of the code that a word begins with; length 0 where that is longer.
    codes: Box<[(u8, u8); 1 << BITS]>,
}

impl Short {
    fn new(spec: &Spec) -> Self {
        let mut codes = Vec::with_capacity(1 << BITS);
        let mut symbols = spec.symbols.iter();
        // Codes are in the order of the words that begin with them.
        for (length, &count) in (1..=BITS).zip(&spec.counts) {
            for &symbol in symbols.by_ref().take(count.into()) {
                codes.extend(iter::repeat_n((symbol, length as u8), 1 << (BITS - length)));
            }
        }
        codes.resize(1 << BITS, (0, 0));
        Self { codes: table(|word| codes[word]) }
    }

    /// The symbol that begins `used` bits into the word, if its code lies inside.
    fn symbol(&self, word: usize, used: u32) -> Option<(u8, u32)> {
        let (symbol, length) = self.codes[word << used & ((1 << BITS) - 1)];
        (length > 0 && used + u32::from(length) <= BITS).then_some((symbol, u32::from(length)))
    }

    /// The same: the bits that it takes with its value, and its advance.
    fn single(&self, word: usize, used: u32) -> Option<(u32, u32)> {
        let (symbol, length) = self.symbol(word, used)?;
        Some((length + u32::from(symbol & 15), advance(symbol)))
    }

    fn packed(&self, word: usize) -> u16 {
        let (mut bits, mut advance) = (0, 0);
        while bits < BITS
            && advance <= PACKED_ADVANCE
            && let Some((taken, moved)) = self.single(word, bits)
        {
            if bits + taken > MOST_BITS {
                break;
            }
            bits += taken;
            advance += moved;
        }
        entry(bits, advance)
    }

    /// One or several symbols with what they add to a block's history.
    fn history(&self, word: usize, several: bool) -> u32 {
        let (mut bits, mut advance, mut history) = (0, 0, 0);
        while bits < BITS
            && advance <= PACKED_ADVANCE
            && let Some((symbol, length)) = self.symbol(word, bits)
        {
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            // A bit beyond the upper half has no place in the entry, and the end of several blocks neither.
            if size > 0 && advance + run > 15 || size == 0 && !matches!(run, 0 | 15) {
                break;
            }
            history |= u32::from(size > 0) << (advance + run);
            bits += length + size;
            advance += self::advance(symbol);
            if !several {
                break;
            }
        }
        history << 16 | advance << 8 | bits
    }

    fn value(&self, word: usize) -> u32 {
        let Some((symbol, length)) = self.symbol(word, 0) else { return 0 };
        let (size, advance) = (u32::from(symbol & 15), advance(symbol));
        let total = length + size;
        if total > MOST_BITS {
            return 0;
        }
        let (total, advance) = match self.single(word, total) {
            Some((bits, end)) if total < BITS && end > END && advance < END => (total + bits, advance + END),
            _ => (total, advance),
        };
        length << 24 | size << 16 | advance << 8 | total
    }
}

/// The value that the lowest `size` bits stand for.
pub(crate) fn extend(bits: i32, size: u32) -> i32 {
    let bits = bits & ((1 << size) - 1);
    if size > 0 && bits >> (size - 1) == 0 { bits - ((1 << size) - 1) } else { bits }
}

/// A lookup table on the heap, of a length that the compiler knows.
#[allow(clippy::unnecessary_box_returns)]
pub(crate) fn table<T, const N: usize>(entry: impl Fn(usize) -> T) -> Box<[T; N]> {
    let entries: Box<[T]> = (0..N).map(entry).collect();
    entries.try_into().unwrap_or_else(|_| unreachable!())
}
