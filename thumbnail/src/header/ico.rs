//! Icons and cursors, which are directories of bitmaps and PNGs.

use super::{Coding, Header, bmp, ends_in_header, png};
use crate::{Format, Reason, Rejection, bytes::Reader};

/// Reads the header of the largest picture. Among pictures of equal size, prefers the most colours, and then the first one.
pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let reader = Reader::little(bytes);
    let count = reader.u16(4).ok_or_else(|| ends_in_header(Format::Ico))?;
    let cursor = reader.u16(2) == Some(2);
    let entries: Vec<_> =
        (0..usize::from(count)).map(|i| 6 + 16 * i).take_while(|&at| reader.slice(at, 16).is_some()).collect();
    let edge = |at| reader.u8(at).map_or(0, |edge| if edge == 0 { 256 } else { u32::from(edge) });
    let best = entries
        .into_iter()
        .rev()
        .max_by_key(|&at| (edge(at) * edge(at + 1), if cursor { None } else { reader.u16(at + 6) }))
        .ok_or_else(|| Reason::Corrupt.because("the icon has no pictures"))?;
    let (length, offset) = (reader.u32(best + 8).unwrap_or(0) as usize, reader.u32(best + 12).unwrap_or(0) as usize);
    let end = offset.saturating_add(length).min(bytes.len());
    let picture = bytes.get(offset..end).ok_or_else(|| ends_in_header(Format::Ico))?;
    let header = if picture.starts_with(b"\x89PNG") {
        let inner = png::read(picture)?;
        Header { coding: Coding::IcoPng { range: offset..end, inner: Box::new(inner.coding) }, ..inner }
    } else {
        // The declared length is ignored, because some icons omit the mask from it.
        bmp::read_bitmap(bytes, offset, Some(edge(best + 1)))?
    };
    Ok(Header { format: Format::Ico, icc: None, ..header })
}
