//! The errors of files.

use std::io;

/// Why a file cannot be decoded at all. Damage that leaves a picture is not an error: see [`Coverage`](crate::Coverage).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input could not be read.
    #[error("the JPEG cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The input does not begin with a JPEG's marker (FF D8).
    #[error("not a JPEG: it does not begin with FF D8")]
    NotJpeg,
    /// The input ends before the first scan.
    #[error("the JPEG ends before its picture begins")]
    NoPicture,
    /// A segment contradicts the standard; the text says which and how.
    #[error("damaged JPEG: {0}")]
    Corrupt(&'static str),
    /// A JPEG of a kind that this crate does not decode; the text names it.
    #[error("unsupported kind of JPEG: {0}")]
    Unsupported(&'static str),
    /// More scans than [`Decoder::max_scans`](crate::Decoder::max_scans) allows.
    #[error("the JPEG has more scans than are allowed")]
    TooManyScans,
}
