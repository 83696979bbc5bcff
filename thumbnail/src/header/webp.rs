//! The RIFF chunks of a WebP.

use std::{borrow::Cow, ops::Range};

use super::{Header, ends_in_header};
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
                let frame = frame_size(&reader, data, coding.lossless).ok_or_else(ends)?;
                if !extended {
                    (size, coding.alpha) = ((frame.0, frame.1), frame.2);
                } else if (frame.0, frame.1) != size {
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
    let coding = super::Coding::Webp(coding);
    Ok(Header { format: Format::Webp, width: size.0, height: size.1, orientation, icc, coding })
}

/// Reads the flags, the width and the height of an extended file.
fn canvas(reader: &Reader, data: usize) -> Option<(u8, (u32, u32))> {
    Some((reader.u8(data)?, (reader.u24(data + 4)? + 1, reader.u24(data + 7)? + 1)))
}

/// Reads the coding of the frame of an animation at `frame`.
fn read_frame(bytes: &[u8], frame: usize, canvas: (u32, u32), coding: &mut WebpCoding) {
    let reader = Reader::little(bytes);
    let sub = frame + 16;
    coding.lossless = reader.slice(sub, 4) == Some(b"VP8L");
    if coding.animated {
        // The canvas is transparent where the frame does not cover it, whatever the flags say.
        coding.alpha |= !covers(&reader, frame, canvas) || has_alpha(&reader, sub);
        coding.opaque = fills(&reader, frame, canvas).map(|length| part(bytes, sub + 8, length));
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

/// Whether the frame of an animation covers the canvas.
fn covers(reader: &Reader, frame: usize, canvas: (u32, u32)) -> bool {
    let number = |at: usize| reader.u24(frame + at);
    (number(0), number(3)) == (Some(0), Some(0)) && (number(6), number(9)) == (Some(canvas.0 - 1), Some(canvas.1 - 1))
}

/// Whether the picture at `sub` in a frame has alpha, in a chunk or in a lossless bit stream.
fn has_alpha(reader: &Reader, sub: usize) -> bool {
    match reader.slice(sub, 4) {
        Some(b"ALPH") => true,
        Some(b"VP8L") => frame_size(reader, sub + 8, true).is_some_and(|(_, _, alpha)| alpha),
        _ => false,
    }
}

/// Returns the length of the bit stream of a frame if it is lossy, has no alpha (which would come first), and fills the canvas.
fn fills(reader: &Reader, frame: usize, canvas: (u32, u32)) -> Option<usize> {
    let sub = frame + 16;
    let (width, height, _) = frame_size(reader, sub + 8, false)?;
    let fills = reader.slice(sub, 4)? == b"VP8 " && covers(reader, frame, canvas) && (width, height) == canvas;
    if fills { Some(reader.u32(sub + 4)? as usize) } else { None }
}

/// Reads the width, the height and whether there is alpha from the start of a bit stream.
fn frame_size(reader: &Reader, data: usize, lossless: bool) -> Option<(u32, u32, bool)> {
    const EDGE: u32 = 0x3fff;
    if lossless {
        let bits = reader.u32(data + 1)?;
        Some(((bits & EDGE) + 1, (bits >> 14 & EDGE) + 1, bits >> 28 & 1 == 1))
    } else {
        Some((u32::from(reader.u16(data + 6)?) & EDGE, u32::from(reader.u16(data + 8)?) & EDGE, false))
    }
}
