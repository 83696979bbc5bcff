//! The RIFF chunks of a WebP.

use std::{borrow::Cow, ops::Range};

use super::{Coding, Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader, exif, orientation::Orientation};

/// The coding of the first picture of a WebP.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebpCoding {
    pub(crate) lossless: bool,
    pub(crate) alpha: bool,
    pub(crate) animated: bool,
    /// The number of frames that begin in the file, if it is animated.
    pub(crate) frames: u32,
    /// The range of the bit stream, if the picture is lossy, has no alpha and fills the canvas.
    pub(crate) opaque: Option<Range<usize>>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let reader = Reader::little(bytes);
    let ends = || ends_in_header(Format::Webp);
    let (mut size, mut orientation, mut icc) = ((0, 0), Orientation::default(), None);
    let mut coding = WebpCoding::default();
    // Chunks that the flags of the extended form do not announce are ignored.
    let (mut extended, mut profile, mut exif, mut alpha_seen, mut pixels_seen) = (false, false, false, false, false);
    let mut at = 12;
    while let (Some(kind), Some(length)) = (reader.slice(at, 4), reader.u32(at + 4)) {
        let (data, length) = (at + 8, length as usize);
        coding.frames += u32::from(kind == b"ANMF");
        match kind {
            b"VP8X" => {
                let flags;
                (flags, size) = canvas(&reader, data).ok_or_else(ends)?;
                (coding.alpha, coding.animated) = (flags & 0x10 != 0, flags & 0x02 != 0);
                (profile, exif) = (flags & 0x20 != 0, flags & 0x08 != 0);
                extended = true;
            }
            b"ALPH" => alpha_seen = true,
            b"VP8 " | b"VP8L" if !pixels_seen => {
                pixels_seen = true;
                coding.lossless = kind == b"VP8L";
                let (frame, alpha) = bit_stream(&reader, data, coding.lossless).ok_or_else(ends)?;
                if !extended {
                    (size, coding.alpha) = (frame, alpha);
                } else if frame != size {
                    return Err(Reason::Corrupt.because("canvas and picture of the WebP differ in size"));
                }
                // Some writers announce alpha, but write none for a picture without transparency.
                coding.alpha &= coding.lossless || alpha_seen;
                if !coding.lossless && !coding.alpha && !coding.animated {
                    coding.opaque = Some(part(bytes, data, length));
                }
            }
            b"ANMF" if !pixels_seen => {
                pixels_seen = true;
                read_frame(bytes, data, size, &mut coding);
            }
            b"ICCP" if profile => icc = reader.slice(data, length).map(Cow::Borrowed),
            b"EXIF" if exif => {
                orientation = reader.slice(data, length).map(exif::orientation).unwrap_or_default();
                // Only the first Exif chunk counts.
                exif = false;
            }
            _ => {}
        }
        // Chunks are padded to an even length. A file without VP8X contains only its picture.
        at = match data.checked_add(length + (length & 1)) {
            Some(next) if extended => next,
            _ => break,
        };
    }
    if !pixels_seen {
        let whole = reader.u32(4).is_some_and(|length| length as usize + 8 <= bytes.len());
        return Err(if whole { Reason::Corrupt.because("the WebP has no picture") } else { ends() });
    }
    Ok(Header { orientation, icc, ..Header::plain(Format::Webp, size, Coding::Webp(coding)) })
}

/// Reads the flags, the width and the height of an extended file.
fn canvas(reader: &Reader, data: usize) -> Option<(u8, (u32, u32))> {
    Some((reader.u8(data)?, (reader.u24(data + 4)? + 1, reader.u24(data + 7)? + 1)))
}

/// Reads the coding of the frame of an animation at `frame`.
fn read_frame(bytes: &[u8], frame: usize, canvas: (u32, u32), coding: &mut WebpCoding) {
    let reader = Reader::little(bytes);
    let (sub, data) = (frame + 16, frame + 24);
    let kind = reader.slice(sub, 4);
    coding.lossless = kind == Some(b"VP8L");
    if !coding.animated {
        return;
    }
    let covers = [0, 3, 6, 9].map(|at| reader.u24(frame + at)) == [0, 0, canvas.0 - 1, canvas.1 - 1].map(Some);
    let (size, alpha) = bit_stream(&reader, data, coding.lossless).unzip();
    // The canvas is transparent where the frame does not cover it, whatever the flags say.
    coding.alpha |= !covers || kind == Some(b"ALPH") || alpha == Some(true);
    // A lossy bit stream has no alpha if no chunk of alpha comes before it.
    if kind == Some(b"VP8 ") && covers && size == Some(canvas) {
        coding.opaque = reader.u32(sub + 4).map(|length| part(bytes, data, length as usize));
    }
}

/// Finds the first chunk of a kind in an extended file.
pub(crate) fn chunk(bytes: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
    let reader = Reader::little(bytes);
    let mut at = 12;
    loop {
        let length = reader.u32(at + 4)? as usize;
        if reader.slice(at, 4)? == wanted {
            return reader.slice(at + 8, length);
        }
        at = at.checked_add(8)?.checked_add(length)?.checked_add(length & 1)?;
    }
}

/// Returns the range of `length` bytes at `start`, limited to the file.
fn part(bytes: &[u8], start: usize, length: usize) -> Range<usize> {
    start..start.saturating_add(length).min(bytes.len())
}

/// Reads the width, the height and whether there is alpha from the start of a bit stream.
fn bit_stream(reader: &Reader, data: usize, lossless: bool) -> Option<((u32, u32), bool)> {
    const EDGE: u32 = 0x3fff;
    if lossless {
        let bits = reader.u32(data + 1)?;
        Some((((bits & EDGE) + 1, (bits >> 14 & EDGE) + 1), bits >> 28 & 1 == 1))
    } else {
        Some(((u32::from(reader.u16(data + 6)?) & EDGE, u32::from(reader.u16(data + 8)?) & EDGE), false))
    }
}
