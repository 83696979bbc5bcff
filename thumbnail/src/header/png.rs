//! The chunks of a PNG.

use super::{Coding, Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader, exif as blocks};

/// The offset of the first chunk, after the signature.
const FIRST_CHUNK: usize = 8;

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let reader = Reader::big(bytes);
    let ends = || ends_in_header(Format::Png);
    if reader.slice(FIRST_CHUNK + 4, 4).ok_or_else(ends)? != b"IHDR" {
        return Err(Reason::Corrupt.because("the first chunk is not IHDR"));
    }
    let data = FIRST_CHUNK + 8;
    let (width, height) = (reader.u32(data).ok_or_else(ends)?, reader.u32(data + 4).ok_or_else(ends)?);
    let (depth, colour) = (reader.u8(data + 8).ok_or_else(ends)?, reader.u8(data + 9).ok_or_else(ends)?);
    let interlaced = reader.u8(data + 12).ok_or_else(ends)? == 1;
    // The bits stand for a palette, colour and alpha.
    if !matches!(colour, 0 | 2 | 3 | 4 | 6) {
        return Err(Reason::Corrupt.because(format!("{colour} is no PNG colour type")));
    }
    let orientation = exif(bytes).map(blocks::orientation).unwrap_or_default();
    let coding = Coding::Png { grey: colour & 2 == 0, paletted: colour & 1 == 1, depth, interlaced };
    Ok(Header { orientation, ..Header::plain(Format::Png, (width, height), coding) })
}

/// Finds the Exif block, before or after the pixels.
pub(crate) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    let reader = Reader::big(bytes);
    let mut at = FIRST_CHUNK;
    loop {
        let length = reader.u32(at)? as usize;
        if reader.slice(at + 4, 4)? == b"eXIf" {
            return reader.slice(at + 8, length);
        }
        at = at.checked_add(12)?.checked_add(length)?;
    }
}
