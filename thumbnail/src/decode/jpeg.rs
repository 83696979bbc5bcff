//! JPEG, decoded by `scaled_jpeg` at a reduced size. The decoder also reports how much of the picture it found.

use std::io::BufReader;

use scaled_jpeg::{Coverage, Decoder, Pixels, Scale};

use super::{Ratio, nearly_whole};
use crate::{
    Limits, Reason, Rejection,
    header::{
        Header,
        jpeg::{JpegCoding, rejection},
    },
    incoming::Arriving,
    picture::{Model, Picture},
};

/// Returns how much decoding reduces a picture of `size` without making it smaller than `min_size`.
pub(crate) fn ratio(size: (u32, u32), min_size: (u32, u32)) -> Ratio {
    Ratio { from: 8, to: Scale::smallest_leaving(min_size, size).eighths() }
}

/// Estimates the peak heap of decoding in bytes, including the picture.
pub(crate) fn memory(header: &Header, coding: &JpegCoding, min_size: (u32, u32)) -> u64 {
    coding.header.memory(Scale::smallest_leaving(min_size, header.size()))
}

/// Decodes a picture, reduced to no less than `min_size`.
pub(super) fn decode(bytes: &[u8], header: &Header, min_size: (u32, u32)) -> Result<Picture, Rejection> {
    let decoder = Decoder::from_slice(bytes).map_err(|error| rejection(&error))?;
    let (picture, coverage) = decode_at(decoder, Scale::smallest_leaving(min_size, header.size()))?;
    let Coverage { found, expected, .. } = coverage;
    if nearly_whole(found, expected) {
        return Ok(picture);
    }
    let outline = Decoder::from_slice(bytes).ok().and_then(|decoder| decoder.outline());
    let ended = outline.is_some_and(|outline| outline.ended);
    let reason = if ended { Reason::Corrupt } else { Reason::Truncated };
    Err(reason.because(format!("only {found} of the JPEG's {expected} blocks are there and readable")))
}

/// Decodes a picture like [`decode`], while its file arrives. Returns `None` if anything is missing or wrong, because the decoder may
/// show more of the whole file in memory.
pub(super) fn ahead(
    file: &mut BufReader<Arriving>,
    header: &Header,
    min_size: (u32, u32),
    limits: &Limits,
) -> Option<Picture> {
    let length = file.get_ref().length();
    let most = usize::try_from(limits.scans(header.size())).unwrap_or(usize::MAX);
    let decoder = Decoder::new(file).ok()?.length(length).max_scans(most);
    let (picture, coverage) = decode_at(decoder, Scale::smallest_leaving(min_size, header.size())).ok()?;
    coverage.is_complete().then_some(picture)
}

fn decode_at(decoder: Decoder, scale: Scale) -> Result<(Picture, Coverage), Rejection> {
    let made = decoder.approximate(true).decode(scale).map_err(|error| rejection(&error))?;
    let model = match made.pixels {
        Pixels::Gray => Model::Gray,
        Pixels::Rgb => Model::Rgb,
        Pixels::Cmyk => Model::Cmyk,
    };
    Ok((Picture { width: made.width, height: made.height, model, data: made.data }, made.coverage))
}
