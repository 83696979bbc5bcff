//! Huffman tables, and the lookup tables made from them.

use std::iter;

use crate::bits::{Bits, signed};

/// A Huffman table, which finds a symbol and the length of its code by the next sixteen bits. Most codes are short enough for the faster
/// lookup tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Codes {
    /// By length, from 1: the lowest sixteen-bit word above all codes of up to this length.
    limits: [u32; 17],
    /// By length: what to add to a code to get the index of its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Codes {
    /// Assigns codes to `symbols` in their order: `counts` gives the number of codes of each length, from 1.
    pub(crate) fn new(counts: [u8; 16], symbols: Vec<u8>) -> Self {
        let (mut limits, mut offsets) = ([0; 17], [0; 17]);
        let (mut code, mut index) = (0_i32, 0_i32);
        for (length, count) in (1..).zip(counts) {
            offsets[length] = index - code;
            code += i32::from(count);
            index += i32::from(count);
            limits[length] = (code as u32) << (16 - length);
            code <<= 1;
        }
        Self { limits, offsets, symbols }
    }

    /// Whether there are no more codes than their lengths allow.
    pub(crate) fn fit(&self) -> bool {
        self.limits.iter().all(|&limit| limit <= 1 << 16)
    }

    /// Returns the symbol that sixteen bits begin with, and the length of its code. Returns `None` if they begin with no code.
    ///
    /// Not inlined, and called by value: a bit reader whose address is taken cannot stay in registers.
    #[inline(never)]
    pub(crate) fn symbol(&self, word: u32) -> Option<(u8, u32)> {
        let length = (1..=16).find(|&length| word < self.limits[length])?;
        let index = (word >> (16 - length)) as i32 + self.offsets[length];
        Some((*self.symbols.get(index as usize)?, length as u32))
    }
}

/// The number of bits that index the lookup tables.
pub(crate) const BITS: u32 = 12;

/// The lookup table for differences of DC coefficients.
pub(crate) struct DcTable {
    /// The difference, and in the lowest byte the number of bits. Zero for codes that are too long.
    lookup: Box<[i32; 1 << BITS]>,
    pub(crate) codes: Codes,
}

impl DcTable {
    pub(crate) fn new(codes: Codes) -> Self {
        let short = Short::new(&codes);
        let lookup = table(|word| {
            let Some((size, length)) = short.symbol(word, 0) else { return 0 };
            let total = length + u32::from(size);
            if total > BITS {
                return 0;
            }
            let value = signed((word as u64) << (64 - BITS) << length, u32::from(size));
            value << 8 | total as i32
        });
        Self { lookup, codes }
    }

    /// Takes a difference of up to 31 bits. Returns `None` if the code is invalid.
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

/// The maximum number of bits of an entry: a third of what a refill makes available.
const MOST_BITS: u32 = 18;

/// The maximum number of coefficients that a packed entry passes before its last symbol.
pub(crate) const PACKED_ADVANCE: u32 = 7;

/// What an entry adds to the coefficient's index at the end of the block.
pub(crate) const END: u32 = 128;

/// Lookup tables for AC coefficients of a sequential scan.
pub(crate) struct AcTable {
    /// Several whole symbols with their values: the number of bits and, in the upper byte, the number of coefficients. Zero for codes that
    /// are too long.
    pub(crate) packed: Box<[u16; 1 << BITS]>,
    /// One value: from the top byte, the number of bits of the code, the number of bits of the value, the number of coefficients, and the
    /// number of all bits, which may include the end of the block. Zero for codes that are too long.
    pub(crate) value: Box<[u32; 1 << BITS]>,
    pub(crate) codes: Codes,
}

impl AcTable {
    /// Builds the tables. `needed` is the zigzag index of the last coefficient that is needed. If all are needed, the tables that skip
    /// coefficients stay empty.
    pub(crate) fn new(codes: Codes, needed: u8) -> Self {
        let short = Short::new(&codes);
        let skips = needed < 63;
        let packed = table(|word| if skips { short.packed(word) } else { 0 });
        let value = table(|word| short.value(word));
        Self { packed, value, codes }
    }

    /// Takes a symbol. Returns the number of bits of its value, and the number of coefficients.
    #[inline(always)]
    pub(crate) fn long(&self, bits: &mut Bits) -> Option<(u32, u32)> {
        let (symbol, length) = self.codes.symbol(bits.peek::<16>() as u32)?;
        bits.take(length);
        Some((u32::from(symbol & 15), advance(symbol, END)))
    }
}

/// Lookup tables for AC coefficients of a progressive scan.
pub(crate) struct ProgressiveTable {
    /// Several whole symbols with their values: the number of bits, the number of coefficients and, in the upper half, a bit for each
    /// coefficient that is not zero. Zero for codes that are too long, and where more than one block ends.
    pub(crate) packed: Box<[u32; 1 << BITS]>,
    /// The same for one symbol.
    pub(crate) single: Box<[u32; 1 << BITS]>,
    short: Short,
    codes: Codes,
}

impl ProgressiveTable {
    // Inlined into the caller, which is long, the loops over tables would have too few registers.
    #[inline(never)]
    pub(crate) fn new(codes: Codes) -> Self {
        let short = Short::new(&codes);
        let single = table(|word| short.history(word, 0));
        let packed = table(|word| short.history(word, PACKED_ADVANCE));
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

/// Returns the number of coefficients that a symbol passes, including its own; `end` + 1 if it ends the block.
pub(crate) fn advance(symbol: u8, end: u32) -> u32 {
    // A symbol without a value ends the block, unless it stands for sixteen zeros.
    if symbol & 15 == 0 && symbol != 0xf0 { end + 1 } else { u32::from(symbol >> 4) + 1 }
}

/// The symbols with short codes, from which the lookup tables are made.
pub(crate) struct Short {
    /// The symbol and the length of the code at the start of each word. The length is 0 for longer codes.
    pub(crate) codes: Box<[(u8, u8); 1 << BITS]>,
}

impl Short {
    pub(crate) fn new(all: &Codes) -> Self {
        let mut codes = Vec::with_capacity(1 << BITS);
        // Codes have the order of the words that begin with them.
        while codes.len() < 1 << BITS {
            match all.symbol((codes.len() as u32) << (16 - BITS)) {
                Some((symbol, length @ ..=BITS)) => {
                    codes.extend(iter::repeat_n((symbol, length as u8), 1 << (BITS - length)));
                }
                _ => codes.push((0, 0)),
            }
        }
        Self { codes: table(|word| codes[word]) }
    }

    /// Returns the symbol whose code begins `used` bits into the word, and the length of the code. Returns `None` if the code does not fit
    /// into the word.
    pub(crate) fn symbol(&self, word: usize, used: u32) -> Option<(u8, u32)> {
        let (symbol, length) = self.codes[word << used & ((1 << BITS) - 1)];
        (length > 0 && used + u32::from(length) <= BITS).then_some((symbol, u32::from(length)))
    }

    /// Returns the number of bits of a symbol and its value, and the number of its coefficients.
    fn single(&self, word: usize, used: u32) -> Option<(u32, u32)> {
        let (symbol, length) = self.symbol(word, used)?;
        Some((length + u32::from(symbol & 15), advance(symbol, END)))
    }

    fn packed(&self, word: usize) -> u16 {
        let (mut bits, mut advance) = (0, 0);
        while bits < BITS
            && advance <= PACKED_ADVANCE
            && let Some((taken, moved)) = self.single(word, bits)
            && bits + taken <= MOST_BITS
        {
            bits += taken;
            advance += moved;
        }
        (bits | advance << 8) as u16
    }

    /// Combines symbols until they have passed more than `most` coefficients, with the bits that they add to the history of a block.
    fn history(&self, word: usize, most: u32) -> u32 {
        let (mut bits, mut advance, mut history) = (0, 0, 0);
        while bits < BITS
            && advance <= most
            && let Some((symbol, length)) = self.symbol(word, bits)
        {
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            // The entry has no place for bits beyond its upper half, nor for the end of several blocks.
            if size > 0 && advance + run > 15 || size == 0 && !matches!(run, 0 | 15) {
                break;
            }
            history |= u32::from(size > 0) << (advance + run);
            bits += length + size;
            advance += self::advance(symbol, END);
        }
        history << 16 | advance << 8 | bits
    }

    /// Returns the length of the code that ends a block, if it begins `used` bits into the word.
    pub(crate) fn end(&self, word: usize, used: u32) -> Option<u32> {
        let (symbol, length) = self.symbol(word, used.min(BITS))?;
        (advance(symbol, END) > END).then_some(length)
    }

    fn value(&self, word: usize) -> u32 {
        let Some((symbol, length)) = self.symbol(word, 0) else { return 0 };
        let (size, advance) = (u32::from(symbol & 15), advance(symbol, END));
        let total = length + size;
        if total > MOST_BITS {
            return 0;
        }
        let (total, advance) = match self.end(word, total) {
            Some(end) if advance < END => (total + end, advance + END),
            _ => (total, advance),
        };
        length << 24 | size << 16 | advance << 8 | total
    }
}

/// Builds a lookup table on the heap. The compiler knows its length.
#[allow(clippy::unnecessary_box_returns)]
pub(crate) fn table<T, const N: usize>(entry: impl Fn(usize) -> T) -> Box<[T; N]> {
    let entries: Box<[T]> = (0..N).map(entry).collect();
    entries.try_into().unwrap_or_else(|_| unreachable!())
}
