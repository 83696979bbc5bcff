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
        let bytes = self.slice(at, 2)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    pub(crate) fn u24(&self, at: usize) -> Option<u32> {
        let bytes = self.slice(at, 3)?;
        let [a, b, c] = [u32::from(bytes[0]), u32::from(bytes[1]), u32::from(bytes[2])];
        Some(if self.little { a | b << 8 | c << 16 } else { a << 16 | b << 8 | c })
    }

    pub(crate) fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.slice(at, 4)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    pub(crate) fn u64(&self, at: usize) -> Option<u64> {
        let bytes = self.slice(at, 8)?.try_into().ok()?;
        Some(if self.little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    }
}
