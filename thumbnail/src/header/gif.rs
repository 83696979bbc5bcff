//! GIF blocks up to the first frame.

use super::{Coding, Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader, orientation::Orientation};

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let reader = Reader::little(bytes);
    let (screen, frame) = first_frame(&reader).ok_or_else(|| ends_in_header(Format::Gif))??;
    // Like browsers: where the first frame is larger than the screen that the file declares, the screen grows.
    let width = screen.0.max(frame.0 + frame.2);
    let height = screen.1.max(frame.1 + frame.3);
    Ok(Header { format: Format::Gif, width, height, orientation: Orientation::Upright, icc: None, coding: Coding::Gif })
}

type Screen = (u32, u32);
/// Left, top, width, height.
type Frame = (u32, u32, u32, u32);

/// None where the file ends.
fn first_frame(reader: &Reader) -> Option<Result<(Screen, Frame), Rejection>> {
    const TABLE: u8 = 0x80;
    let edge = |at| reader.u16(at).map(u32::from);
    let screen = (edge(6)?, edge(8)?);
    let flags = reader.u8(10)?;
    let mut at = 13 + if flags & TABLE == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    loop {
        match reader.u8(at)? {
            0x2c => return Some(Ok((screen, (edge(at + 1)?, edge(at + 3)?, edge(at + 5)?, edge(at + 7)?)))),
            // An extension: its label, then sub-blocks up to an empty one.
            0x21 => {
                at += 2;
                loop {
                    let length = usize::from(reader.u8(at)?);
                    at += 1 + length;
                    if length == 0 {
                        break;
                    }
                }
            }
            0x3b => return Some(Err(Reason::Corrupt.because("the GIF has no frame"))),
            // Padding between blocks, which decoders pass over.
            0 => at += 1,
            other => return Some(Err(Reason::Corrupt.because(format!("0x{other:02x} begins no GIF block")))),
        }
    }
}
