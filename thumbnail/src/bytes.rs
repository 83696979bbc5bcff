//! Reads integers at byte offsets, with bounds checks.

/// Reads integers from a slice, in one byte order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn little(bytes: &'a [u8]) -> Self {
        Self { bytes, little: true }
    }

    pub(crate) fn big(bytes: &'a [u8]) -> Self {
        Self { bytes, little: false }
    }

    /// Creates a reader in the byte order of a TIFF header; returns `None` if `bytes` do not begin with such a header.
    pub(crate) fn tiff(bytes: &'a [u8]) -> Option<Self> {
        let reader = match bytes.get(..2)? {
            b"II" => Self::little(bytes),
            b"MM" => Self::big(bytes),
            _ => return None,
        };
        matches!(reader.u16(2)?, 42 | 43).then_some(reader)
    }

    pub(crate) fn is_little(self) -> bool {
        self.little
    }

    /// Returns `length` bytes at `at`.
    pub(crate) fn slice(&self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.bytes.get(at..at.checked_add(length)?)
    }

    pub(crate) fn u8(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    pub(crate) fn u16(&self, at: usize) -> Option<u16> {
        self.number(at, 2)?.try_into().ok()
    }

    pub(crate) fn u24(&self, at: usize) -> Option<u32> {
        self.number(at, 3)?.try_into().ok()
    }

    pub(crate) fn u32(&self, at: usize) -> Option<u32> {
        self.number(at, 4)?.try_into().ok()
    }

    /// Reads an integer of `length` bytes, at most eight.
    pub(crate) fn number(&self, at: usize, length: usize) -> Option<u64> {
        Some(number(self.slice(at, length)?, self.little))
    }
}

/// Converts at most eight bytes to an integer.
pub(crate) fn number(bytes: &[u8], little: bool) -> u64 {
    let append = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
    if little { bytes.iter().rev().fold(0, append) } else { bytes.iter().fold(0, append) }
}
