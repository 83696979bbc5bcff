//! Splits the file of an animation into frames. Each frame becomes a still file, so that the decoders of stills decode it with the same
//! policy for damage.

use crate::{
    Format,
    bytes::Reader,
    header::{Coding, Header, gif::after_block},
};

/// A frame of an animation.
pub(super) struct Frame {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    /// The time for which browsers show the frame.
    pub(super) milliseconds: u32,
    /// What happens to the frame before the next one.
    pub(super) disposal: Disposal,
    /// Whether pixels under transparent pixels stay visible instead of being replaced.
    pub(super) blend: bool,
    /// A still file of the frame's size; `None` if the frame has no pixels.
    pub(super) file: Option<Vec<u8>>,
}

/// What happens to a frame before the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposal {
    Keep,
    /// The frame's place becomes transparent.
    Clear,
    /// The pixels that the frame covered come back.
    Restore,
}

/// Iterates over the frames of a file. The last one may be cut.
pub(super) struct Frames<'a> {
    reader: Reader<'a>,
    bytes: &'a [u8],
    format: Format,
    at: usize,
    /// The offset behind a GIF's screen.
    screen_end: usize,
    /// How many times the animation is played; 0 for endless.
    plays: u32,
}

/// A GIF's graphic control extension, which is about the next frame.
#[derive(Default)]
struct Control {
    flags: u8,
    /// In hundredths of a second.
    delay: u16,
    /// The transparent colour, if the flags say that there is one.
    index: u8,
}

impl<'a> Frames<'a> {
    pub(super) fn new(bytes: &'a [u8], header: &Header) -> Self {
        let (at, screen_end) = match &header.coding {
            Coding::Gif(coding) => (coding.screen_end, coding.screen_end),
            _ => (12, 0),
        };
        Self { reader: Reader::little(bytes), bytes, format: header.format, at, screen_end, plays: 1 }
    }

    /// How many times the animation is played, by the part of the file that was read so far; 0 for endless.
    pub(super) fn plays(&self) -> u32 {
        self.plays
    }

    pub(super) fn next(&mut self) -> Option<Frame> {
        if self.format == Format::Gif { self.next_of_gif() } else { self.next_of_webp() }
    }

    fn next_of_gif(&mut self) -> Option<Frame> {
        let mut control = Control::default();
        loop {
            let block = self.reader.u8(self.at)?;
            match block {
                0x2c => return self.gif_frame(&control),
                0x21 => {
                    let (label, length) = (self.reader.u8(self.at + 1)?, self.reader.u8(self.at + 2)?);
                    if label == 0xf9 && length >= 4 {
                        control = Control {
                            flags: self.reader.u8(self.at + 3)?,
                            delay: self.reader.u16(self.at + 4)?,
                            index: self.reader.u8(self.at + 6)?,
                        };
                    }
                    let name = self.reader.slice(self.at + 3, 11);
                    if label == 0xff
                        && matches!(name, Some(b"NETSCAPE2.0" | b"ANIMEXTS1.0"))
                        && self.reader.slice(self.at + 14, 2) == Some(&[3, 1])
                    {
                        // The number of repetitions after the first time, as in browsers.
                        let repeats = u32::from(self.reader.u16(self.at + 16)?);
                        self.plays = if repeats == 0 { 0 } else { repeats + 1 };
                    }
                }
                _ => {}
            }
            self.at = after_block(&self.reader, self.at, block)?;
        }
    }

    fn gif_frame(&mut self, control: &Control) -> Option<Frame> {
        let number = |at: usize| self.reader.u16(self.at + at).map(u32::from);
        let (left, top, width, height) = (number(1)?, number(3)?, number(5)?, number(7)?);
        let end = after_block(&self.reader, self.at, 0x2c);
        let data = self.bytes.get(self.at + 9..end.unwrap_or(self.bytes.len())).filter(|data| !data.is_empty())?;
        let mut file = b"GIF89a".to_vec();
        file.extend_from_slice(self.bytes.get(self.at + 5..self.at + 9)?);
        file.extend_from_slice(self.bytes.get(10..self.screen_end)?);
        if control.flags & 1 == 1 {
            file.extend_from_slice(&[0x21, 0xf9, 4, 1, 0, 0, control.index, 0]);
        }
        file.extend_from_slice(&[0x2c, 0, 0, 0, 0]);
        file.extend_from_slice(self.bytes.get(self.at + 5..self.at + 9)?);
        file.extend_from_slice(data);
        if end.is_some() {
            file.push(b';');
        }
        self.at = end.unwrap_or(self.bytes.len());
        let disposal = match control.flags >> 2 & 7 {
            2 => Disposal::Clear,
            3 | 4 => Disposal::Restore,
            _ => Disposal::Keep,
        };
        let milliseconds = shown_for(u32::from(control.delay) * 10);
        let file = (width > 0 && height > 0).then_some(file);
        Some(Frame { left, top, width, height, milliseconds, disposal, blend: true, file })
    }

    fn next_of_webp(&mut self) -> Option<Frame> {
        loop {
            let (kind, length) = (self.reader.slice(self.at, 4)?, self.reader.u32(self.at + 4)? as usize);
            let data = self.at + 8;
            self.at = data.checked_add(length)?.checked_add(length & 1)?;
            match kind {
                b"ANIM" => self.plays = u32::from(self.reader.u16(data + 4)?),
                b"ANMF" => return self.webp_frame(data, length),
                _ => {}
            }
        }
    }

    fn webp_frame(&self, data: usize, length: usize) -> Option<Frame> {
        const HEAD: usize = 16;
        let number = |at: usize| self.reader.u24(data + at);
        let (left, top, width, height) = (number(0)? * 2, number(3)? * 2, number(6)? + 1, number(9)? + 1);
        let flags = self.reader.u8(data + 15)?;
        let start = data + HEAD;
        let end = data.checked_add(length)?.min(self.bytes.len());
        let chunks = self.bytes.get(start..end)?;
        let extended = self.reader.slice(start, 4)? == b"ALPH";
        let head = if extended { 4 + 18 } else { 4 };
        let mut file = b"RIFF".to_vec();
        // The length that the frame should have: the decoder compares it with the file to find that the file is cut.
        file.extend_from_slice(&u32::try_from(length.checked_sub(HEAD)? + head).ok()?.to_le_bytes());
        file.extend_from_slice(b"WEBP");
        if extended {
            file.extend_from_slice(b"VP8X\x0a\0\0\0\x10\0\0\0");
            file.extend_from_slice(self.bytes.get(data + 6..data + 12)?);
        }
        file.extend_from_slice(chunks);
        Some(Frame {
            left,
            top,
            width,
            height,
            milliseconds: shown_for(number(12)?),
            disposal: if flags & 1 == 0 { Disposal::Keep } else { Disposal::Clear },
            blend: flags & 2 == 0,
            file: Some(file),
        })
    }
}

/// Returns for how many milliseconds browsers show a frame whose file says `milliseconds`. Times of up to 10, by which writers mean no
/// time at all, become 100.
fn shown_for(milliseconds: u32) -> u32 {
    if milliseconds <= 10 { 100 } else { milliseconds }
}
