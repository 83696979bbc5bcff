//! Why a source is refused.

use crate::SourceInfo;

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

    /// What whoever sent the file can do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::UnsupportedFormat => "save it as a plain JPEG or PNG",
            Self::Corrupt => "open it in an image editor and save it anew, or send a sound copy",
            Self::Truncated => "send the whole file again",
            Self::TooManyPixels => "make the picture smaller",
            Self::TooLarge => "send a smaller file",
            Self::MetadataTooLarge => "save it without its metadata or colour profile",
            Self::TooComplex => "save it anew with the usual settings of an image editor",
            Self::NeedsMoreMemory => "make the picture smaller, or save it as JPEG",
            Self::DecoderPanic => "save it anew as JPEG or PNG, and report the file",
            Self::EncodeFailed => "make the picture smaller, and report the file",
        }
    }

    /// A rejection for this reason: what was found in the file, and what its sender can do.
    pub(crate) fn because(self, found: impl Into<String>) -> Rejection {
        Rejection { reason: self, detail: format!("{}; {}", found.into(), self.remedy()), source_info: None }
    }
}

/// A source that no retry can turn into thumbnails.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {detail}", reason.code())]
pub struct Rejection {
    /// The stable reason.
    pub reason: Reason,
    /// For a person: what exactly was found, and [what to do](Reason::remedy).
    pub detail: String,
    /// What was learnt of the source before it was rejected.
    pub source_info: Option<SourceInfo>,
}
