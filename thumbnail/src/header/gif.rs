//! The blocks of a GIF up to its first frame.

use super::{Coding, Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader};

/// The coding of a GIF.
#[derive(Debug, Clone)]
pub(crate) struct GifCoding {
    /// The offset after the header and the palette of the screen.
    pub(crate) screen_end: usize,
    /// The offset of the first frame. Only extensions lie before it.
    pub(crate) frame: usize,
    /// The transparent index of the first frame.
    pub(crate) transparent: Option<u8>,
    /// The number of frames that begin in the file, at least 1.
    pub(crate) frames: u32,
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let reader = Reader::little(bytes);
    let ends = || ends_in_header(Format::Gif);
    let coding = first_frame(&reader).ok_or_else(ends)??;
    // As in browsers, the screen grows if the first frame is larger than its declared size.
    let edge = |screen: usize, frame: usize| {
        let number = |at: usize| reader.u16(at).map(u32::from).ok_or_else(ends);
        Ok(number(screen)?.max(number(coding.frame + frame)? + number(coding.frame + frame + 4)?))
    };
    let (width, height) = (edge(6, 1)?, edge(8, 3)?);
    Ok(Header::plain(Format::Gif, (width, height), Coding::Gif(coding)))
}

/// Finds the first frame; returns `None` at the end of the file.
fn first_frame(reader: &Reader) -> Option<Result<GifCoding, Rejection>> {
    const CONTROL: u8 = 0xf9;
    let screen_end = 13 + palette(reader.u8(10)?);
    let (mut at, mut transparent) = (screen_end, None);
    loop {
        match reader.u8(at)? {
            0x2c => return Some(Ok(GifCoding { screen_end, frame: at, transparent, frames: count(reader, at) })),
            // An extension has a label, and then sub-blocks up to an empty one.
            0x21 => {
                // A control extension has a length, flags, a delay and the transparent index. A shorter one is ignored.
                if reader.u8(at + 1)? == CONTROL && reader.u8(at + 2)? >= 4 {
                    transparent = if reader.u8(at + 3)? & 1 == 1 { reader.u8(at + 6) } else { None };
                }
                at = after_blocks(reader, at + 2)?;
            }
            0x3b => return Some(Err(Reason::Corrupt.because("the GIF has no frame"))),
            // Decoders skip padding between blocks.
            0 => at += 1,
            other => return Some(Err(Reason::Corrupt.because(format!("0x{other:02x} begins no GIF block")))),
        }
    }
}

/// Counts the frames that begin at `at` or later, up to the end of the file or an invalid block.
fn count(reader: &Reader, mut at: usize) -> u32 {
    let mut frames = 0;
    while let Some(next) = reader.u8(at).and_then(|block| {
        frames += u32::from(block == 0x2c);
        after_block(reader, at, block)
    }) {
        at = next;
    }
    frames
}

/// Returns the offset after the block that begins at `at` with the byte `block`; `None` at the end of the file.
pub(crate) fn after_block(reader: &Reader, at: usize, block: u8) -> Option<usize> {
    match block {
        // The initial code size comes before the sub-blocks.
        0x2c => after_blocks(reader, data(reader, at)? + 1),
        0x21 => after_blocks(reader, at + 2),
        0 => Some(at + 1),
        _ => None,
    }
}

/// Returns the offset of the packed pixels of the frame whose descriptor is at `frame`. The first byte is the initial code size.
/// Returns `None` at the end of the file.
pub(crate) fn data(reader: &Reader, frame: usize) -> Option<usize> {
    const DESCRIPTOR: usize = 10;
    Some(frame + DESCRIPTOR + palette(reader.u8(frame + DESCRIPTOR - 1)?))
}

/// Returns the length in bytes of the palette that the flags of a screen or a frame announce.
fn palette(flags: u8) -> usize {
    const ANNOUNCED: u8 = 0x80;
    if flags & ANNOUNCED == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Returns the offset after the sub-blocks that begin at `at`, including the empty one at their end.
fn after_blocks(reader: &Reader, mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(reader.u8(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
