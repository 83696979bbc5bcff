//! The headers of BMPs and of the bitmaps in icons.

use std::borrow::Cow;

use super::{Coding, Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader};

/// The coding of a bitmap.
#[derive(Debug, Clone)]
pub(crate) struct BmpCoding {
    pub(crate) bits: u16,
    /// Whether pixels are packed as run lengths.
    pub(crate) run_length: bool,
    /// Whether rows are stored from the top.
    pub(crate) top_down: bool,
    /// The bits of red, green, blue and alpha, for pixels of 16 and 32 bits.
    pub(crate) masks: [u32; 4],
    pub(crate) palette: Vec<[u8; 3]>,
    /// The offset of the pixels.
    pub(crate) pixels: usize,
    /// Whether the bitmap belongs to an icon. A mask of one bit per pixel follows it then.
    pub(crate) icon: bool,
}

impl BmpCoding {
    /// Whether pixels have an alpha channel.
    pub(crate) fn has_alpha(&self) -> bool {
        matches!(self.bits, 16 | 32) && self.masks[3] != 0
    }
}

/// Reads a bitmap file.
pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    const FILE_HEADER: usize = 14;
    read_bitmap(bytes, FILE_HEADER, None)
}

/// Reads the bitmap header at `start`. `in_icon` is the height that an icon says, if the bitmap belongs to one.
pub(super) fn read_bitmap(bytes: &[u8], start: usize, in_icon: Option<u32>) -> Result<Header<'_>, Rejection> {
    let reader = Reader::little(bytes);
    let icon = in_icon.is_some();
    let ends = || ends_in_header(if icon { Format::Ico } else { Format::Bmp });
    let length = reader.u32(start).ok_or_else(ends)? as usize;
    let core = length == 12;
    if !core && !(16..=124).contains(&length) {
        return Err(Reason::UnsupportedFormat.because(format!("a bitmap header of {length} bytes")));
    }
    let (width, mut height, bits) = dimensions(&reader, start, core).ok_or_else(ends)?;
    if in_icon.is_some_and(|said| height.abs() != i64::from(said)) {
        // The header counts the rows of the picture and of the mask, except by some writers.
        height /= 2;
    }
    let top_down = height < 0;
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height.abs())) else {
        return Err(Reason::Corrupt.because(format!("{width} by {height} pixels are no picture")));
    };
    // Short headers omit fields.
    let field = |at: usize| if length >= at + 4 { reader.u32(start + at) } else { None };
    let compression = field(16).unwrap_or(0);
    let run_length = is_run_length(compression, bits)?;
    let (masks, after) = masks(&reader, start, (length, compression, bits), icon).ok_or_else(ends)?;
    let entry = if core { 3 } else { 4 };
    let named = field(32).unwrap_or(0) as usize;
    let colours = match (bits, named) {
        (9.., _) => 0,
        (_, 0) => 1 << bits,
        _ => named.min(1 << bits),
    };
    let palette = (0..colours)
        .map_while(|i| reader.slice(after + entry * i, 3))
        .map(|colour| [colour[2], colour[1], colour[0]])
        .collect();
    let palette_end = after + entry * colours;
    let mut pixels = palette_end;
    // A file, unlike an icon, declares the offset of its pixels.
    if let Some(said) = reader.u32(10).filter(|_| !icon).map(|said| said as usize) {
        let row_bytes = (u64::from(width) * u64::from(bits)).div_ceil(32).saturating_mul(4 * u64::from(height));
        let end = row_bytes.saturating_add(palette_end as u64);
        // Some files that do not declare the number of colours omit the unused ones. They are too short to contain a full
        // palette and all rows.
        let earliest = if named != 0 || bytes.len() as u64 >= end { palette_end } else { after };
        // The pixels follow the palette if the declared offset is invalid, or if they would then end with the file.
        let ends_with_file = said > palette_end && !run_length && bytes.len() as u64 == end;
        if !ends_with_file && (earliest..bytes.len()).contains(&said) {
            pixels = said;
        }
    }
    // Only the longest header can declare an embedded profile.
    let is_embedded = field(56) == Some(u32::from_be_bytes(*b"MBED"));
    let profile = || reader.slice(start + field(112)? as usize, field(116)? as usize);
    let icc = is_embedded.then(profile).flatten().map(Cow::Borrowed);
    let coding = Coding::Bmp(BmpCoding { bits, run_length, top_down, masks, palette, pixels, icon });
    Ok(Header { icc, ..Header::plain(Format::Bmp, (width, height), coding) })
}

/// Reads the width, the height and the bits per pixel.
fn dimensions(reader: &Reader, start: usize, core: bool) -> Option<(i64, i64, u16)> {
    if core {
        let edge = |at| reader.u16(start + at).map(i64::from);
        Some((edge(4)?, edge(6)?, reader.u16(start + 10)?))
    } else {
        let edge = |at| reader.u32(start + at).map(|edge| i64::from(edge.cast_signed()));
        Some((edge(4)?, edge(8)?, reader.u16(start + 14)?))
    }
}

/// Whether a compression packs pixels as run lengths; rejects a compression that is not supported.
fn is_run_length(compression: u32, bits: u16) -> Result<bool, Rejection> {
    if !matches!(bits, 1 | 2 | 4 | 8 | 16 | 24 | 32) {
        return Err(Reason::UnsupportedFormat.because(format!("a bitmap of {bits} bits a pixel")));
    }
    match (compression, bits) {
        (0, _) | (3 | 6, 16 | 32) => Ok(false),
        (1, 8) | (2, 4) => Ok(true),
        _ => Err(Reason::UnsupportedFormat.because(format!("compression {compression} with {bits} bits a pixel"))),
    }
}

/// Reads the masks of red, green, blue and alpha, or returns their defaults. Also returns the offset after the header and the masks.
fn masks(
    reader: &Reader,
    start: usize,
    (length, compression, bits): (usize, u32, u16),
    icon: bool,
) -> Option<([u32; 4], usize)> {
    let mut masks = match bits {
        16 => [0x7c00, 0x03e0, 0x001f, 0],
        _ => [0x00ff_0000, 0x0000_ff00, 0x0000_00ff, if icon { 0xff00_0000 } else { 0 }],
    };
    if !matches!(compression, 3 | 6) {
        return Some((masks, start + length));
    }
    let count = if compression == 6 || length >= 56 { 4 } else { 3 };
    for (i, mask) in masks.iter_mut().enumerate().take(count) {
        *mask = reader.u32(start + 40 + 4 * i)?;
    }
    // A short header does not contain the masks; they follow it.
    Some((masks, (start + length).max(start + 40 + 4 * count)))
}
