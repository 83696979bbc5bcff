//! Writes animated GIFs. A frame contains only the pixels that changed, so the others cannot flicker. All frames use the palette of the
//! first one, which is the global palette. A frame to which the current palette does not fit gets a local palette.

use gif::{DisposalMethod, Encoder, EncodingError, Frame, Repeat};

use super::part;
use crate::{
    Reason, Rejection,
    palette::{self, Palette},
    picture::Picture,
};

/// The greatest difference of a channel, in levels, at which a pixel counts as unchanged. Otherwise noise, which a palette hardly shows,
/// would take most of the file.
const TOLERANCE: u8 = 2;

pub(super) struct Writer {
    /// `None` before the first frame, because the file begins with that frame's colours.
    encoder: Option<Encoder<Vec<u8>>>,
    width: u16,
    height: u16,
    repeat: Option<Repeat>,
    colours: Option<Colours>,
    /// The RGBA picture that is visible with the pending frame, before colours became those of a palette.
    shown: Vec<u8>,
    pending: Option<Pending>,
    /// The time from the start to the end of the pending frame. Times count from the start so that rounding errors do not add up.
    milliseconds: u64,
    /// The time from the start to the end of the frame that was written last.
    hundredths: u64,
}

/// The palette of the frame that was written last.
struct Colours {
    palette: Palette,
    /// The error of the frame that the palette was chosen for.
    error: f32,
    /// Whether this is the global palette.
    of_file: bool,
}

/// A frame whose disposal is unknown until the next one comes.
struct Pending {
    area: [u32; 4],
    /// RGBA pixels of the area. Unchanged pixels are transparent.
    pixels: Vec<u8>,
}

impl Writer {
    /// Creates a writer of an animation that is played `plays` times, or endlessly if `plays` is 0.
    pub(super) fn new((width, height): (u32, u32), plays: u32) -> Result<Self, Rejection> {
        let edge = |edge: u32| {
            u16::try_from(edge).map_err(|_| Reason::EncodeFailed.because(format!("{edge} pixels are too many for GIF")))
        };
        let repeat = match plays {
            0 => Some(Repeat::Infinite),
            1 => None,
            _ => Some(Repeat::Finite(u16::try_from(plays - 1).unwrap_or(u16::MAX))),
        };
        let (width, height) = (edge(width)?, edge(height)?);
        Ok(Self {
            encoder: None,
            width,
            height,
            repeat,
            colours: None,
            shown: Vec::new(),
            pending: None,
            milliseconds: 0,
            hundredths: 0,
        })
    }

    pub(super) fn frame(&mut self, picture: &Picture, milliseconds: u32) -> Result<(), Rejection> {
        let mut next = picture.rgba();
        for pixel in next.as_chunks_mut::<4>().0 {
            // GIF has no semi-transparent pixels.
            *pixel = if pixel[3] < 128 { [0; 4] } else { [pixel[0], pixel[1], pixel[2], 255] };
        }
        for (next, shown) in next.as_chunks_mut::<4>().0.iter_mut().zip(self.shown.as_chunks::<4>().0) {
            if next.iter().zip(shown).all(|(a, b)| a.abs_diff(*b) <= TOLERANCE) {
                *next = *shown;
            }
        }
        if let Some(pending) = self.pending.take() {
            if next == self.shown {
                self.pending = Some(pending);
                self.milliseconds += u64::from(milliseconds);
                return Ok(());
            }
            let is_uncovered = |(old, new): (&[u8; 4], &[u8; 4])| old[3] == 255 && new[3] == 0;
            if self.shown.as_chunks::<4>().0.iter().zip(next.as_chunks::<4>().0).any(is_uncovered) {
                // Only disposal to the background makes pixels transparent, and only within the frame that is disposed of.
                let whole = pending.on(self.width.into(), self.height.into());
                self.write(&whole, DisposalMethod::Background)?;
                self.shown.fill(0);
            } else {
                self.write(&pending, DisposalMethod::Keep)?;
            }
        } else {
            self.shown = vec![0; next.len()];
        }
        self.milliseconds += u64::from(milliseconds);
        self.pending = Some(self.changed(&next));
        self.shown = next;
        Ok(())
    }

    /// Returns the frame that turns the visible picture into `next`.
    fn changed(&self, next: &[u8]) -> Pending {
        let (width, height) = (self.width.into(), self.height.into());
        let area = match difference(&self.shown, next, width) {
            // Some programs do not show a file whose first frame does not fill the screen.
            _ if self.encoder.is_none() => [0, 0, width, height],
            Some(area) => area,
            None => [0, 0, 1, 1],
        };
        let mut pixels = part(next, width, area);
        let before = part(&self.shown, width, area);
        for (pixel, before) in pixels.as_chunks_mut::<4>().0.iter_mut().zip(before.as_chunks::<4>().0) {
            if pixel == before {
                *pixel = [0; 4];
            }
        }
        Pending { area, pixels }
    }

    fn write(&mut self, pending: &Pending, dispose: DisposalMethod) -> Result<(), Rejection> {
        let [left, top, width, height] = pending.area;
        let pixels = pending.pixels.as_chunks().0;
        self.colours.take_if(|colours| !colours.palette.serves(pixels, colours.error));
        let colours = self.colours.get_or_insert_with(|| {
            let mut palette = Palette::new(pixels, width, 256, true);
            let error = palette.error(pixels);
            Colours { palette, error, of_file: self.encoder.is_none() }
        });
        let buffer = colours.palette.index(pixels, width);
        let rgb = palette::rgb(&colours.palette.colours);
        let transparent = palette::clear_index(&colours.palette.colours);
        let of_file = colours.of_file;
        if self.encoder.is_none() {
            self.encoder = Some(self.begin(&rgb)?);
        }
        // Browsers show a frame of one hundredth for ten.
        let delay = (self.milliseconds / 10).saturating_sub(self.hundredths).max(2);
        let delay = u16::try_from(delay).unwrap_or(u16::MAX);
        self.hundredths += u64::from(delay);
        let edge = |edge: u32| u16::try_from(edge).unwrap_or(u16::MAX);
        let frame = Frame {
            delay,
            dispose,
            left: edge(left),
            top: edge(top),
            width: edge(width),
            height: edge(height),
            transparent,
            palette: (!of_file).then_some(rgb),
            buffer: buffer.into(),
            ..Frame::default()
        };
        if let Some(encoder) = &mut self.encoder {
            encoder.write_frame(&frame).map_err(wrong)?;
        }
        Ok(())
    }

    /// Begins a file with `colours` as its global palette.
    fn begin(&self, colours: &[u8]) -> Result<Encoder<Vec<u8>>, Rejection> {
        let mut encoder = Encoder::new(Vec::new(), self.width, self.height, colours).map_err(wrong)?;
        if let Some(repeat) = self.repeat {
            encoder.set_repeat(repeat).map_err(wrong)?;
        }
        Ok(encoder)
    }

    pub(super) fn length(&self) -> usize {
        self.encoder.as_ref().map_or(0, |encoder| encoder.get_ref().len())
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, Rejection> {
        if let Some(pending) = self.pending.take() {
            self.write(&pending, DisposalMethod::Keep)?;
        }
        let encoder = self.encoder.ok_or_else(|| Reason::EncodeFailed.because("a GIF has no frame"))?;
        encoder.into_inner().map_err(wrong)
    }
}

impl Pending {
    /// Returns the same frame, extended to the size of the canvas.
    fn on(&self, width: u32, height: u32) -> Self {
        let [left, top, wide, _] = self.area;
        let mut pixels = vec![0; width as usize * height as usize * 4];
        for (y, row) in self.pixels.chunks_exact(wide as usize * 4).enumerate() {
            let at = ((top as usize + y) * width as usize + left as usize) * 4;
            pixels[at..at + row.len()].copy_from_slice(row);
        }
        Self { area: [0, 0, width, height], pixels }
    }
}

/// Returns the smallest rectangle (left, top, width, height) around all pixels that differ between two RGBA pictures of `width` pixels a
/// row; `None` if the pictures are equal.
fn difference(one: &[u8], other: &[u8], width: u32) -> Option<[u32; 4]> {
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    let row = width as usize * 4;
    for (y, (one, other)) in (0..).zip(one.chunks_exact(row).zip(other.chunks_exact(row))) {
        if one == other {
            continue;
        }
        let pixels = || one.as_chunks::<4>().0.iter().zip(other.as_chunks::<4>().0);
        let first = (0..).zip(pixels()).find(|(_, (a, b))| a != b).map_or(0, |(x, _)| x);
        let last = (0..width).zip(pixels()).rfind(|(_, (a, b))| a != b).map_or(0, |(x, _)| x);
        (left, right) = (left.min(first), right.max(last));
        (top, bottom) = (top.min(y), y);
    }
    (top != u32::MAX).then(|| [left, top, right - left + 1, bottom - top + 1])
}

#[allow(clippy::needless_pass_by_value)] // the shape that `map_err` takes
fn wrong(error: EncodingError) -> Rejection {
    Reason::EncodeFailed.because(format!("GIF: {error}"))
}
