//! Entropy coding: converts coefficients to symbols, and symbols to the shortest codes of at most 16 bits.

/// The maximum length of a code in bits.
const LONGEST: usize = 16;

/// A symbol that does not occur. It gets the code of all ones, which the format forbids for other symbols.
const RESERVED: usize = 256;

/// The symbols of a picture in order, and their frequencies in each table.
pub(super) struct Symbols {
    /// The table, the symbol, and the bits that follow its code. The lower half of the symbol is the number of those bits.
    sequence: Vec<(u8, u8, u16)>,
    frequencies: [[u32; 256]; 4],
}

impl Default for Symbols {
    fn default() -> Self {
        Self { sequence: Vec::new(), frequencies: [[0; 256]; 4] }
    }
}

impl Symbols {
    /// Adds a block to the table of luminance (0) or chrominance (1). `previous` is the mean of the block before it in its component.
    pub(super) fn push(&mut self, block: &[i16; 64], previous_mean: i16, table: usize) {
        let (dc, ac) = (2 * table, 2 * table + 1);
        self.add(dc, 0, block[0] - previous_mean);
        let mut coded = 1;
        let mut left = nonzero(block) & !1;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            let mut zeros = at - coded;
            while zeros > 15 {
                self.add(ac, 15, 0);
                zeros -= 16;
            }
            self.add(ac, zeros, block[at]);
            coded = at + 1;
        }
        if coded < 64 {
            self.add(ac, 0, 0);
        }
    }

    /// Adds a coefficient after `zeros` zeros.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 11 bits, 15 zeros, 4 tables")]
    fn add(&mut self, table: usize, zeros: usize, value: i16) {
        let length = 16 - value.unsigned_abs().leading_zeros();
        // A negative value is coded by the bits of the value below it, whose highest bit is 0.
        let told = value - i16::from(value < 0);
        let bits = told as u16 & ((1_u32 << length) - 1) as u16;
        let symbol = zeros << 4 | length as usize;
        self.frequencies[table][symbol] += 1;
        self.sequence.push((table as u8, symbol as u8, bits));
    }

    /// Builds the best code for each table: those of means and of other coefficients, for luminance and then for chrominance.
    pub(super) fn codes(&self) -> [Code; 4] {
        self.frequencies.each_ref().map(Code::new)
    }

    /// Writes all symbols by the codes of the tables.
    pub(super) fn write(&self, codes: &[Code], file: &mut Vec<u8>) {
        let mut bits = BitWriter { file, waiting: 0, count: 0 };
        for &(table, symbol, extra) in &self.sequence {
            let (code, length) = codes[usize::from(table)].words[usize::from(symbol)];
            let extra_length = u32::from(symbol & 15);
            bits.push(u64::from(code) << extra_length | u64::from(extra), u32::from(length) + extra_length);
        }
        bits.finish();
    }
}

/// Returns a mask with a bit for each coefficient that is not 0.
fn nonzero(block: &[i16; 64]) -> u64 {
    let bit = |(at, value): (usize, &i16)| u64::from(*value != 0) << at;
    block.iter().enumerate().map(bit).sum()
}

/// A prefix code.
pub(super) struct Code {
    /// The symbols that occur, by increasing length of their codes.
    pub(super) symbols: Vec<u8>,
    /// The number of codes with 1, 2, … 16 bits.
    pub(super) counts: [u8; LONGEST],
    /// The code of each symbol, and its length in bits.
    words: [(u16, u8); 256],
}

impl Code {
    /// Builds the code by which symbols of these frequencies take the fewest bits.
    #[allow(clippy::cast_possible_truncation, reason = "256 symbols, 16 bits")]
    fn new(frequencies: &[u32; 256]) -> Self {
        let occurring = (0..256).filter(|&symbol| frequencies[symbol] > 0);
        let mut by_frequency: Vec<_> = occurring.map(|symbol| (frequencies[symbol], symbol)).collect();
        by_frequency.push((0, RESERVED));
        by_frequency.sort_unstable_by_key(|&(frequency, symbol)| (frequency, std::cmp::Reverse(symbol)));

        let mut counts = limited(&lengths(&by_frequency));
        // The reserved symbol is the rarest, so it has the last of the longest codes.
        if let Some(longest) = counts.iter_mut().rev().find(|count| **count > 0) {
            *longest -= 1;
        }
        let symbols: Vec<_> = by_frequency[1..].iter().rev().map(|&(_, symbol)| symbol as u8).collect();
        let mut words = [(0, 0); 256];
        let (mut code, mut at) = (0, 0);
        for (length, &count) in (1..).zip(&counts) {
            for &symbol in &symbols[at..at + usize::from(count)] {
                words[usize::from(symbol)] = (code, length);
                code += 1;
            }
            at += usize::from(count);
            code <<= u32::from(length < LONGEST as u8);
        }
        Self { symbols, counts, words }
    }
}

/// Counts the codes of each length in a Huffman tree, which joins the two rarest nodes again and again.
fn lengths(by_frequency: &[(u32, usize)]) -> Vec<usize> {
    let leaves = by_frequency.len();
    // Joined nodes are created in the order of their weight, so the two rarest nodes are always at the front of one list.
    let mut weights: Vec<u64> = by_frequency.iter().map(|&(frequency, _)| u64::from(frequency)).collect();
    let mut parents = vec![0; leaves];
    let (mut leaf, mut joined) = (0, leaves);
    for node in leaves..2 * leaves - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            let is_leaf = leaf < leaves && (joined == node || weights[leaf] <= weights[joined]);
            let next = if is_leaf { &mut leaf } else { &mut joined };
            weight += weights[*next];
            parents[*next] = node;
            *next += 1;
        }
        weights.push(weight);
        parents.push(0);
    }
    let mut depths = vec![0; 2 * leaves - 1];
    for node in (0..2 * leaves - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    let mut counts = vec![0; depths[0] + 1];
    for depth in &depths[..leaves] {
        counts[*depth] += 1;
    }
    counts
}

/// Limits codes to [`LONGEST`] bits by the procedure of the standard (K.3): one of the two longest codes replaces their parent, and the
/// other is paired with a shorter code that becomes longer.
#[allow(
    clippy::cast_possible_truncation,
    reason = "at most 257 symbols, of which none are as many as 256 of one length"
)]
fn limited(lengths: &[usize]) -> [u8; LONGEST] {
    let mut counts = lengths.to_vec();
    counts.resize(counts.len().max(LONGEST + 1), 0);
    // The reserved symbol alone has no tree.
    counts[1] += std::mem::take(&mut counts[0]);
    for length in (LONGEST + 1..counts.len()).rev() {
        while counts[length] > 0 {
            let shorter = (1..length - 1).rev().find(|&shorter| counts[shorter] > 0).unwrap_or(1);
            counts[length] -= 2;
            counts[length - 1] += 1;
            counts[shorter + 1] += 2;
            counts[shorter] -= 1;
        }
    }
    std::array::from_fn(|length| counts[length + 1] as u8)
}

/// Writes bits, the highest first, with a 0 byte after each byte of 255.
struct BitWriter<'a> {
    file: &'a mut Vec<u8>,
    waiting: u64,
    count: u32,
}

impl BitWriter<'_> {
    /// Writes at most 32 bits. The upper bits of `bits` must be 0.
    fn push(&mut self, bits: u64, count: u32) {
        self.waiting = self.waiting << count | bits;
        self.count += count;
        if self.count >= 32 {
            self.count -= 32;
            #[allow(clippy::cast_possible_truncation, reason = "the rest waits")]
            let word = (self.waiting >> self.count) as u32;
            for byte in word.to_be_bytes() {
                self.byte(byte);
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        self.file.push(byte);
        if byte == 0xff {
            self.file.push(0);
        }
    }

    /// Writes the remaining bits, padded with ones.
    #[allow(clippy::cast_possible_truncation, reason = "the upper bits are written already")]
    fn finish(mut self) {
        self.push(0x7f, 7);
        while self.count >= 8 {
            self.count -= 8;
            self.byte((self.waiting >> self.count) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the share of the code space that the codes use.
    fn kraft(code: &Code) -> u32 {
        (1..).zip(code.counts).map(|(length, count)| u32::from(count) << (LONGEST - length)).sum()
    }

    #[test]
    fn codes_leave_out_only_the_one_of_all_ones() {
        let mut fibonacci = [0; 256];
        (fibonacci[0], fibonacci[1]) = (1, 1);
        for symbol in 2..40 {
            fibonacci[symbol] = fibonacci[symbol - 1] + fibonacci[symbol - 2];
        }
        let mut one = [0; 256];
        one[7] = 100;
        let equal = [9; 256];
        for (frequencies, used) in [(fibonacci, 40), (one, 1), (equal, 256)] {
            let code = Code::new(&frequencies);
            assert_eq!((code.symbols.len(), code.counts.iter().map(|&count| usize::from(count)).sum()), (used, used));
            let (longest, count) = (1..).zip(code.counts).filter(|&(_, count)| count > 0).last().unwrap();
            assert!(count > 0 && kraft(&code) < 1 << LONGEST, "all ones is taken");
            assert!(kraft(&code) + (1 << (LONGEST - longest)) >= 1 << LONGEST || used == 1, "{frequencies:?}");
        }
    }

    #[test]
    fn frequent_symbols_have_short_codes() {
        let mut frequencies = [0; 256];
        for (symbol, frequency) in [(1, 60), (2, 30), (3, 8), (4, 2)] {
            frequencies[symbol] = frequency;
        }
        let code = Code::new(&frequencies);
        assert_eq!(code.symbols, [1, 2, 3, 4]);
        assert_eq!([1, 2, 3, 4].map(|symbol| code.words[symbol]), [(0, 1), (0b10, 2), (0b110, 3), (0b1110, 4)]);
    }

    #[test]
    fn bytes_of_ones_are_followed_by_zero() {
        let mut file = Vec::new();
        let mut bits = BitWriter { file: &mut file, waiting: 0, count: 0 };
        bits.push(0xff_12_34, 24);
        bits.push(0b101, 3);
        bits.finish();
        assert_eq!(file, [0xff, 0, 0x12, 0x34, 0b1011_1111]);
    }
}
