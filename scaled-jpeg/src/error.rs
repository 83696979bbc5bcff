//! What can be wrong with a file.

use std::{fmt, io};

/// Why a file cannot be decoded at all. Damage that leaves a picture is no error: see [`Coverage`](crate::Coverage).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The input could not be read.
    Io(io::Error),
    /// The input does not begin with a JPEG's marker (FF D8).
    NotJpeg,
    /// The input ends before the first scan.
    NoPicture,
    /// A segment contradicts the standard; the text says which and how.
    Corrupt(&'static str),
    /// A JPEG of a kind that this crate does not decode; the text names it.
    Unsupported(&'static str),
    /// More scans than [`Decoder::max_scans`](crate::Decoder::max_scans) allows.
    TooManyScans,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the JPEG cannot be read: {error}"),
            Self::NotJpeg => f.write_str("not a JPEG: it does not begin with FF D8"),
            Self::NoPicture => f.write_str("the JPEG ends before its picture begins"),
            Self::Corrupt(what) => write!(f, "damaged JPEG: {what}"),
            Self::TooManyScans => f.write_str("the JPEG has more scans than are allowed"),
            Self::Unsupported(what) => write!(f, "unsupported kind of JPEG: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
