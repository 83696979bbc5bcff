//! GIF blocks up to the first frame.

use super::{Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader, orientation::Orientation};

/// Where a GIF's first picture is.
#[derive(Debug, Clone)]
pub(crate) struct GifCoding {
    /// Where the screen's header and palette end.
    pub(crate) screen_end: usize,
    /// Where the first frame begins. What lies in between are extensions.
    pub(crate) frame: usize,
    /// The index in the first frame that is transparent.
    pub(crate) transparent: Option<u8>,
    /// How many frames begin in the file, at least 1.
    pub(crate) frames: u32,
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let reader = Reader::little(bytes);
    let ends = || ends_in_header(Format::Gif);
    let coding = first_frame(&reader).ok_or_else(ends)??;
    // Like browsers: where the first frame is larger than the screen that the file declares, the screen grows.
    let edge = |screen: usize, frame: usize| {
        let number = |at: usize| reader.u16(at).map(u32::from).ok_or_else(ends);
        Ok(number(screen)?.max(number(coding.frame + frame)? + number(coding.frame + frame + 4)?))
    };
    let (width, height) = (edge(6, 1)?, edge(8, 3)?);
    let coding = super::Coding::Gif(coding);
    Ok(Header { format: Format::Gif, width, height, orientation: Orientation::Upright, icc: None, coding })
}

/// None where the file ends.
fn first_frame(reader: &Reader) -> Option<Result<GifCoding, Rejection>> {
    const CONTROL: u8 = 0xf9;
    let screen_end = 13 + palette(reader.u8(10)?);
    let (mut at, mut transparent) = (screen_end, None);
    loop {
        match reader.u8(at)? {
            0x2c => return Some(Ok(GifCoding { screen_end, frame: at, transparent, frames: count(reader, at) })),
            // An extension: its label, then sub-blocks up to an empty one.
            0x21 => {
                // Of a control extension the length, flags, delay and index; it counts where it is long enough to have all.
                if reader.u8(at + 1)? == CONTROL && reader.u8(at + 2)? >= 4 {
                    transparent = if reader.u8(at + 3)? & 1 == 1 { reader.u8(at + 6) } else { None };
                }
                at = after_blocks(reader, at + 2)?;
            }
            0x3b => return Some(Err(Reason::Corrupt.because("the GIF has no frame"))),
            // Padding between blocks, which decoders pass over.
            0 => at += 1,
            other => return Some(Err(Reason::Corrupt.because(format!("0x{other:02x} begins no GIF block")))),
        }
    }
}

/// How many frames begin at `at` or later, up to the end of the file or to what is no block.
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

/// Where the block ends that begins at `at` with the byte `block`; none at the end of the file.
pub(crate) fn after_block(reader: &Reader, at: usize, block: u8) -> Option<usize> {
    match block {
        // The size of the first codes comes before the sub-blocks.
        0x2c => after_blocks(reader, data(reader, at)? + 1),
        0x21 => after_blocks(reader, at + 2),
        0 => Some(at + 1),
        _ => None,
    }
}

/// Where the packed pixels begin of the frame whose descriptor is at `frame`, with the size of their first codes; none at the end of
/// the file.
pub(crate) fn data(reader: &Reader, frame: usize) -> Option<usize> {
    const DESCRIPTOR: usize = 10;
    Some(frame + DESCRIPTOR + palette(reader.u8(frame + DESCRIPTOR - 1)?))
}

/// How many bytes the palette has that the flags of a screen or a frame announce.
fn palette(flags: u8) -> usize {
    const ANNOUNCED: u8 = 0x80;
    if flags & ANNOUNCED == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Where the sub-blocks that begin at `at` end, the empty one that closes them included.
fn after_blocks(reader: &Reader, mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(reader.u8(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
