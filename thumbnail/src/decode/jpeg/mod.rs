//! JPEG, decoded no larger than is wanted, by a decoder that also tells how much of the picture was there.

use std::io::BufRead;

use scaled_jpeg::{Coverage, Decoder, Error, Pixels, Scale};

use super::{Ratio, nearly_whole};
use crate::{
    Format, Limits, Reason, Rejection,
    header::{self, Header, jpeg::Frame},
    picture::{Model, Picture},
};

/// By how much a picture of `size` is reduced in decoding: the most that leaves no edge below `wanted`.
pub(crate) fn ratio(size: (u32, u32), wanted: (u32, u32)) -> Ratio {
    Ratio { from: 8, to: Scale::smallest_leaving(wanted, size).eighths() }
}

/// Heap that decoding needs at its peak, the picture included.
pub(crate) fn memory(header: &Header, frame: &Frame, wanted: (u32, u32)) -> u64 {
    frame.header.memory(Scale::smallest_leaving(wanted, header.size()))
}

/// A decoded picture, and how much of it was there.
type Reduced = (Picture, Coverage);

/// Decodes so that `wanted` is left.
pub(super) fn decode(bytes: &[u8], header: &Header, wanted: (u32, u32)) -> Result<Picture, Rejection> {
    let decoder = Decoder::from_slice(bytes).map_err(|error| refusal(&error))?;
    judged(reduced(decoder, Scale::smallest_leaving(wanted, header.size()))?, bytes)
}

/// What [`decode`] does, of a file that may yet turn out to be cut or to have too many scans; none where that fails, or where anything
/// is missing, of which a file in memory may show more.
pub(super) fn ahead(reader: impl BufRead, header: &Header, wanted: (u32, u32), limits: &Limits) -> Option<Picture> {
    let most = usize::try_from(limits.scans(header.size())).unwrap_or(usize::MAX);
    let decoder = Decoder::new(reader).ok()?.max_scans(most);
    let (picture, coverage) = reduced(decoder, Scale::smallest_leaving(wanted, header.size())).ok()?;
    coverage.is_complete().then_some(picture)
}

fn reduced(decoder: Decoder<impl BufRead>, scale: Scale) -> Result<Reduced, Rejection> {
    let made = decoder.approximate(true).decode(scale).map_err(|error| refusal(&error))?;
    let model = match made.pixels {
        Pixels::Gray => Model::Gray,
        Pixels::Rgb => Model::Rgb,
        Pixels::Cmyk => Model::Cmyk,
    };
    Ok((Picture { width: made.width, height: made.height, model, data: made.data }, made.coverage))
}

/// The picture, if not too much of it is missing.
fn judged((picture, coverage): Reduced, bytes: &[u8]) -> Result<Picture, Rejection> {
    let Coverage { found, expected, .. } = coverage;
    if nearly_whole(found, expected) {
        return Ok(picture);
    }
    let ended = Decoder::from_slice(bytes).is_ok_and(|decoder| decoder.outline().ended);
    let reason = if ended { Reason::Corrupt } else { Reason::Truncated };
    Err(reason.because(format!("only {found} of the JPEG's {expected} blocks are there and readable")))
}

/// The verdict on a file that cannot be decoded.
pub(crate) fn refusal(error: &Error) -> Rejection {
    match error {
        Error::NoPicture => header::ends_in_header(Format::Jpeg),
        Error::TooManyScans => Reason::TooComplex.because(error.to_string()),
        Error::Unsupported(_) => Reason::UnsupportedFormat.because(error.to_string()),
        error => Reason::Corrupt.because(error.to_string()),
    }
}
