//! Why a source is refused.

use crate::Source;

/// Why a source is permanently refused. The codes are stable: people alarm on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Not an image, or of a format or coding that is not supported.
    UnsupportedFormat,
    /// The file breaks its format's rules.
    Corrupt,
    /// The file ends long before its picture does.
    Truncated,
    /// More pixels than [`crate::Limits::max_pixels`].
    TooManyPixels,
    /// More bytes than [`crate::Limits::max_bytes`].
    TooLarge,
    /// An ICC profile or other metadata larger than [`crate::Limits::max_metadata`].
    MetadataTooLarge,
    /// More scans, frames or directories than any real picture has: decoding would take too long.
    TooComplex,
    /// Decoding would need more memory than [`crate::Limits::max_memory`].
    NeedsMoreMemory,
    /// A decoder panicked on the file: a bug, contained.
    DecoderPanic,
    /// The thumbnail could not be encoded: a bug, or a thumbnail too large for the output's format.
    EncodeFailed,
}

impl Reason {
    /// Every reason, for documentation and tests.
    pub const ALL: [Self; 10] = [
        Self::UnsupportedFormat,
        Self::Corrupt,
        Self::Truncated,
        Self::TooManyPixels,
        Self::TooLarge,
        Self::MetadataTooLarge,
        Self::TooComplex,
        Self::NeedsMoreMemory,
        Self::DecoderPanic,
        Self::EncodeFailed,
    ];

    /// The stable code, in kebab case.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnsupportedFormat => "unsupported-format",
            Self::Corrupt => "corrupt",
            Self::Truncated => "truncated",
            Self::TooManyPixels => "too-many-pixels",
            Self::TooLarge => "too-large",
            Self::MetadataTooLarge => "metadata-too-large",
            Self::TooComplex => "too-complex",
            Self::NeedsMoreMemory => "needs-more-memory",
            Self::DecoderPanic => "decoder-panic",
            Self::EncodeFailed => "encode-failed",
        }
    }

    /// A rejection for this reason.
    pub(crate) fn because(self, detail: impl Into<String>) -> Rejection {
        Rejection { reason: self, detail: detail.into(), source_info: None }
    }
}

/// A source that no retry can turn into thumbnails.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {detail}", reason.code())]
pub struct Rejection {
    /// The stable reason.
    pub reason: Reason,
    /// What exactly was wrong, for a person.
    pub detail: String,
    /// What was learnt of the source before it was rejected.
    pub source_info: Option<Source>,
}
