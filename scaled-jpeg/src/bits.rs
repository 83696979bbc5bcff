//! Reads bits of entropy-coded data from a window, which holds data without stuffed zeros.

use std::io;

use crate::input::Input;

/// The number of bytes of the window. It is a power of two, so that masking a position replaces its bounds check.
pub(crate) const SIZE: usize = 1 << 16;

/// The maximum number of bytes of data in the window. Zeros follow the data, so that an MCU can be read beyond their end.
const MOST: usize = SIZE - 10 * BLOCK_BYTES;

/// The bytes of the window, and eight zeros, so that a word can be loaded at the last byte.
pub(crate) type Bytes = [u8; SIZE + 8];

/// The maximum number of bytes of a block: 64 codes of up to 16 bits, each with a value of up to 15 bits.
pub(crate) const BLOCK_BYTES: usize = 256;

/// A part of the entropy-coded data between two markers.
pub(crate) struct Window {
    pub(crate) bytes: Box<Bytes>,
    /// The number of bytes of data. All bytes after them are zero.
    length: usize,
    /// Whether the window contains the last data before the next marker.
    pub(crate) is_ended: bool,
}

impl Window {
    pub(crate) fn new() -> Self {
        let bytes = vec![0; SIZE + 8].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        Self { bytes, length: 0, is_ended: false }
    }

    /// Empties the window, and begins to read after the last marker of the input.
    pub(crate) fn begin(&mut self, input: &mut Input) -> io::Result<Bits> {
        self.is_ended = false;
        let mut bits = Bits { buffer: 0, count: 0, at: self.length };
        self.fill(&mut bits, input)?;
        Ok(bits)
    }

    /// Drops the bytes that were read, and fills the window again.
    pub(crate) fn fill(&mut self, bits: &mut Bits, input: &mut Input) -> io::Result<()> {
        let position = bits.position();
        let passed = self.length.min((position >> 3) as usize);
        self.bytes.copy_within(passed..self.length, 0);
        let before = self.length;
        self.length -= passed;
        while !self.is_ended && self.length < MOST {
            let (read, ended) = input.entropy(&mut self.bytes[self.length..MOST])?;
            self.length += read;
            self.is_ended = ended;
        }
        self.bytes[self.length..before.max(self.length)].fill(0);
        *bits = Bits::at_position(position - passed as u32 * 8, &self.bytes);
        Ok(())
    }

    /// Returns the position up to which a decoder may read before the window must be filled, if it needs up to `reserve` bytes at a time.
    pub(crate) fn safe(&self, reserve: usize) -> usize {
        if self.is_ended { usize::MAX } else { self.length.saturating_sub(reserve) }
    }

    /// Whether there are no data between the last marker and the next.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_ended && self.length == 0
    }

    /// Returns the number of bits in the window that were not taken.
    pub(crate) fn left(&self, bits: &Bits) -> usize {
        (self.length * 8 + bits.count as usize).saturating_sub(bits.at * 8)
    }

    /// Whether more bits were taken than there are data.
    #[inline]
    pub(crate) fn overrun(&self, bits: &Bits) -> bool {
        bits.at > self.length && bits.at * 8 - bits.count as usize > self.length * 8
    }
}

/// Returns at least 57 bits from a position on, beginning at the most significant bit.
#[inline(always)]
pub(crate) fn word(bytes: &Bytes, position: u32) -> u64 {
    let at = (position >> 3) as usize & (SIZE - 1);
    u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap_or_else(|_| unreachable!())) << (position & 7)
}

/// Returns the signed value of the `size` bits at the top of a word. The lower half of their range stands for negative values.
#[inline(always)]
pub(crate) fn signed(word: u64, size: u32) -> i32 {
    let value = (word >> 1 >> (63 - size)) as i32;
    // All ones if the first bit is 0, which makes the value negative.
    let negative = !((word as i64 >> 63) as i32);
    value + (negative & (1 - (1 << size)))
}

/// A position in the window, and the bits that follow it.
#[derive(Clone, Copy)]
pub(crate) struct Bits {
    /// The next bits, beginning at the most significant bit. The first `count` bits may be followed by more of the next bits, but not by
    /// other bits.
    pub(crate) buffer: u64,
    /// The number of bits in the buffer that count as read from the window.
    count: u32,
    /// The index of the byte that follows the counted bits.
    pub(crate) at: usize,
}

impl Bits {
    /// Begins at a position, in bits from the start of the window.
    pub(crate) fn at_position(position: u32, bytes: &Bytes) -> Self {
        let mut bits = Self { buffer: 0, count: 0, at: (position >> 3) as usize };
        bits.refill(bytes);
        bits.take(position & 7);
        bits
    }

    /// Returns the position in bits from the start of the window.
    pub(crate) fn position(&self) -> u32 {
        (self.at * 8) as u32 - self.count
    }

    /// Makes at least 56 bits available, without a branch.
    #[inline(always)]
    pub(crate) fn refill(&mut self, bytes: &Bytes) {
        let at = self.at & (SIZE - 1);
        let word = u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap_or_else(|_| unreachable!()));
        self.buffer |= word >> self.count;
        self.at += ((63 - self.count) >> 3) as usize;
        self.count |= 56;
    }

    /// Returns the next `COUNT` bits without taking them.
    #[inline(always)]
    pub(crate) fn peek<const COUNT: u32>(&self) -> usize {
        (self.buffer >> (64 - COUNT)) as usize
    }

    /// Takes up to 56 bits after a refill.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: u32) {
        self.buffer <<= count & 63;
        self.count = self.count.wrapping_sub(count & 63);
    }

    /// Takes `size` bits as a signed value.
    #[inline(always)]
    pub(crate) fn value(&mut self, size: u32) -> i32 {
        let value = signed(self.buffer, size);
        self.take(size);
        value
    }

    /// Takes up to 31 bits as a number.
    #[inline(always)]
    pub(crate) fn bits(&mut self, size: u32) -> i32 {
        let value = (self.buffer >> 1 >> (63 - size)) as i32;
        self.take(size);
        value
    }
}
