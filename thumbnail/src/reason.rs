//! The reasons why a source is rejected.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::SourceInfo;

/// Why a source is rejected. The codes are stable, because alarms depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The file is not an image, or its format or coding is not supported.
    UnsupportedFormat,
    /// The file violates the rules of its format.
    Corrupt,
    /// The file ends long before its picture.
    Truncated,
    /// More pixels than [`crate::Limits::max_pixels`].
    TooManyPixels,
    /// More bytes than [`crate::Limits::max_bytes`].
    TooLarge,
    /// An ICC profile or other metadata larger than [`crate::Limits::max_metadata`].
    MetadataTooLarge,
    /// More scans, frames or directories than any real picture has, so that decoding would take too long.
    TooComplex,
    /// Decoding would need more memory than [`crate::Limits::max_memory`].
    NeedsMoreMemory,
    /// A decoder panicked, which is a bug.
    DecoderPanic,
    /// The thumbnail could not be encoded: it is too large for its format, or there is a bug.
    EncodeFailed,
}

impl Reason {
    /// The stable code, in kebab case.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.texts().0
    }

    /// What the sender of the file can do.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.texts().1
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::UnsupportedFormat => ("unsupported-format", "save it as a plain JPEG or PNG"),
            Self::Corrupt => ("corrupt", "open it in an image editor and save it anew, or send a sound copy"),
            Self::Truncated => ("truncated", "send the whole file again"),
            Self::TooManyPixels => ("too-many-pixels", "make the picture smaller"),
            Self::TooLarge => ("too-large", "send a smaller file"),
            Self::MetadataTooLarge => ("metadata-too-large", "save it without its metadata or colour profile"),
            Self::TooComplex => ("too-complex", "save it anew with the usual settings of an image editor"),
            Self::NeedsMoreMemory => ("needs-more-memory", "make the picture smaller, or save it as JPEG"),
            Self::DecoderPanic => ("decoder-panic", "save it anew as JPEG or PNG, and report the file"),
            Self::EncodeFailed => ("encode-failed", "make the picture smaller, and report the file"),
        }
    }

    /// Builds a rejection for this reason. `found` says what was found in the file.
    pub(crate) fn because(self, found: impl Into<String>) -> Rejection {
        Rejection { reason: self, detail: format!("{}; {}", found.into(), self.remedy()), source_info: None }
    }
}

/// Why no retry can make thumbnails of a source.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {detail}", reason.code())]
pub struct Rejection {
    /// The reason.
    pub reason: Reason,
    /// What was found, and [what to do](Reason::remedy), for a person.
    pub detail: String,
    /// What the header says of the source, if the header was read.
    pub source_info: Option<SourceInfo>,
}

/// Runs `work` and turns a panic into a rejection.
pub(crate) fn contained<T>(work: impl FnOnce() -> Result<T, Rejection>) -> Result<T, Rejection> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<&str>().map(ToString::to_string);
        let message = message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Reason::DecoderPanic.because(format!("a decoder panicked: {message}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_rejection_that_tells_its_message() {
        let file = [1, 2, 3];
        let rejection = contained(|| Ok(file[std::hint::black_box(3)])).unwrap_err();
        assert_eq!(rejection.reason.code(), "decoder-panic");
        assert!(rejection.detail.contains("index out of bounds"), "{}", rejection.detail);
    }
}
