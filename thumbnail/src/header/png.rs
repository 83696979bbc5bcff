//! PNG chunks.

use super::{Coding, Header, PngChannels, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader, exif, orientation::Orientation};

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    const FIRST_CHUNK: usize = 8;
    let reader = Reader::big(bytes);
    let ends = || ends_in_header(Format::Png);
    if reader.slice(FIRST_CHUNK + 4, 4).ok_or_else(ends)? != b"IHDR" {
        return Err(Reason::Corrupt.because("the first chunk is not IHDR"));
    }
    let data = FIRST_CHUNK + 8;
    let (width, height) = (reader.u32(data).ok_or_else(ends)?, reader.u32(data + 4).ok_or_else(ends)?);
    let (depth, colour) = (reader.u8(data + 8).ok_or_else(ends)?, reader.u8(data + 9).ok_or_else(ends)?);
    let interlaced = reader.u8(data + 12).ok_or_else(ends)? == 1;
    let channels = match colour {
        0 => PngChannels::Gray,
        2 => PngChannels::Rgb,
        3 => PngChannels::Palette,
        4 => PngChannels::GrayAlpha,
        6 => PngChannels::Rgba,
        _ => return Err(Reason::Corrupt.because(format!("{colour} is no PNG colour type"))),
    };

    // Exif may stand before the pixels or after them.
    let mut orientation = Orientation::Upright;
    let mut at = FIRST_CHUNK;
    while let (Some(length), Some(kind)) = (reader.u32(at), reader.slice(at + 4, 4)) {
        let length = length as usize;
        if kind == b"eXIf" {
            orientation = reader.slice(at + 8, length).map(exif::orientation).unwrap_or_default();
            break;
        }
        at = match at.checked_add(12).and_then(|at| at.checked_add(length)) {
            Some(next) => next,
            None => break,
        };
    }

    let coding = Coding::Png { channels, depth, interlaced };
    Ok(Header { format: Format::Png, width, height, orientation, icc: None, coding })
}
