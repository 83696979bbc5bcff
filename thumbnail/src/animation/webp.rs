//! Writes animated WebP. A frame is the rectangle that changed, encoded as a still, in a chunk with its place and duration. Blocks in the
//! rectangle that did not change are transparent, so the frames before stay visible there.

use super::{blocks::Blocks, part};
use crate::{
    Reason, Rejection,
    encode::{self, Encoding, Metadata},
    picture::{Model, Picture},
};

pub(super) struct Writer {
    width: u32,
    height: u32,
    plays: u32,
    encoding: Encoding,
    /// The RGBA picture that is visible, as it was before it was encoded.
    shown: Vec<u8>,
    has_alpha: bool,
    /// The chunks of the frames so far.
    chunks: Vec<u8>,
    /// The offset in `chunks` of the last frame's duration, and the duration in milliseconds.
    last: Option<(usize, u32)>,
}

/// The flag of a frame whose transparent pixels replace what is below them.
const NO_BLENDING: u8 = 2;
/// The maximum duration of a frame, in milliseconds.
const LONGEST: u32 = 0xff_ffff;

impl Writer {
    /// Creates a writer of an animation that is played `plays` times, or endlessly if `plays` is 0.
    pub(super) fn new((width, height): (u32, u32), plays: u32, encoding: Encoding) -> Self {
        let (shown, chunks) = (Vec::new(), Vec::new());
        Self { width, height, plays, encoding, shown, has_alpha: false, chunks, last: None }
    }

    pub(super) fn frame(&mut self, picture: &Picture, milliseconds: u32) -> Result<(), Rejection> {
        let mut next = picture.rgba();
        let milliseconds = milliseconds.min(LONGEST);
        // Blending cannot make pixels transparent.
        let blend = self.last.is_some() && picture.model.is_opaque(&picture.data);
        let area = if let Some((at, time)) = self.last {
            let blocks = Blocks::compare(&self.shown, &next, self.width, if blend { self.tolerance() } else { 0 });
            let Some(area) = blocks.area() else {
                // Nothing changed, so the last frame is shown for longer.
                let time = (time + milliseconds).min(LONGEST);
                self.chunks[at..at + 3].copy_from_slice(&time.to_le_bytes()[..3]);
                self.last = Some((at, time));
                return Ok(());
            };
            if blend {
                blocks.leave_out_unchanged(area, &mut self.shown, &mut next);
            }
            area
        } else {
            [0, 0, self.width, self.height]
        };
        let [left, top, width, height] = area;
        let data = part(&next, self.width, area);
        let still = Picture { width, height, model: Model::Rgba, data }.without_opaque_alpha();
        self.has_alpha |= still.model.has_alpha();
        let file = encode::encode(&still, self.encoding, [0; 3], &Metadata::default())?;
        let picture = pixels(&file).ok_or_else(|| Reason::EncodeFailed.because("WebP: a frame without a picture"))?;
        self.chunks.extend_from_slice(b"ANMF");
        self.chunks.extend_from_slice(&chunk_length(picture.len() + 16)?);
        for number in [left / 2, top / 2, width - 1, height - 1] {
            self.chunks.extend_from_slice(&number.to_le_bytes()[..3]);
        }
        self.last = Some((self.chunks.len(), milliseconds));
        self.chunks.extend_from_slice(&milliseconds.to_le_bytes()[..3]);
        // No disposal.
        self.chunks.push(if blend { 0 } else { NO_BLENDING });
        self.chunks.extend_from_slice(picture);
        if !blend {
            self.shown = next;
        }
        Ok(())
    }

    /// Returns the most levels by which a channel may differ from the source, so that noise does not count as change. The loss of the
    /// encoder is larger.
    fn tolerance(&self) -> u8 {
        ((100 - self.encoding.quality) / 5).min(8)
    }

    pub(super) fn length(&self) -> usize {
        self.chunks.len()
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, Rejection> {
        const HEADS: usize = 4 + 18 + 14;
        let mut file = Vec::with_capacity(8 + HEADS + self.chunks.len());
        file.extend_from_slice(b"RIFF");
        file.extend_from_slice(&chunk_length(HEADS + self.chunks.len())?);
        file.extend_from_slice(b"WEBPVP8X\x0a\0\0\0");
        file.extend_from_slice(&[if self.has_alpha { 0x12 } else { 0x02 }, 0, 0, 0]);
        for edge in [self.width - 1, self.height - 1] {
            file.extend_from_slice(&edge.to_le_bytes()[..3]);
        }
        file.extend_from_slice(b"ANIM\x06\0\0\0\0\0\0\0");
        file.extend_from_slice(&u16::try_from(self.plays).unwrap_or(u16::MAX).to_le_bytes());
        file.extend_from_slice(&self.chunks);
        Ok(file)
    }
}

/// Returns the chunks of a still that contain its pixels.
fn pixels(file: &[u8]) -> Option<&[u8]> {
    if file.get(12..16)? == b"VP8X" { file.get(30..) } else { file.get(12..) }
}

fn chunk_length(length: usize) -> Result<[u8; 4], Rejection> {
    let length = u32::try_from(length).map_err(|_| Reason::EncodeFailed.because("WebP: too long"))?;
    Ok(length.to_le_bytes())
}
