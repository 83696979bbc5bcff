//! The canvas that frames are drawn on.

use super::frames::{Disposal, Frame};
use crate::picture::Picture;

/// An RGBA picture. It is transparent at first, whatever background the file names, as in browsers.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    data: Vec<u8>,
    /// The rectangle that changes before the next frame, and its pixels; `None` instead of the pixels if it becomes transparent.
    disposal: Option<(Area, Option<Vec<u8>>)>,
}

/// A rectangle within the canvas, in pixels.
#[derive(Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Canvas {
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        Self { width, height, data: vec![0; width as usize * height as usize * 4], disposal: None }
    }

    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.data.chunks_exact(self.width as usize * 4)
    }

    /// Disposes of the frame before, then draws `picture`, which may exceed the canvas, at the place of `frame`. Without a picture,
    /// only disposes of the frame before.
    pub(super) fn draw(&mut self, frame: &Frame, picture: Option<&Picture>) {
        if let Some((area, before)) = self.disposal.take() {
            let rows = area.width * 4;
            for y in 0..area.height {
                let at = self.at(area.left, area.top + y);
                match &before {
                    Some(before) => self.data[at..at + rows].copy_from_slice(&before[y * rows..][..rows]),
                    None => self.data[at..at + rows].fill(0),
                }
            }
        }
        let Some(picture) = picture else { return };
        let area = self.area(frame);
        self.disposal = match frame.disposal {
            Disposal::Keep => None,
            Disposal::Clear => Some((area, None)),
            Disposal::Restore => {
                let rows = (0..area.height).map(|y| self.at(area.left, area.top + y));
                let before = rows.flat_map(|at| &self.data[at..at + area.width * 4]).copied().collect();
                Some((area, Some(before)))
            }
        };
        let channels = picture.model.channels();
        for (y, row) in picture.data.chunks_exact(picture.width as usize * channels).take(area.height).enumerate() {
            let at = self.at(area.left, area.top + y);
            let pixels = self.data[at..at + area.width * 4].as_chunks_mut::<4>().0;
            for (under, pixel) in pixels.iter_mut().zip(row.chunks_exact(channels)) {
                let over = picture.model.rgba(pixel);
                *under = if frame.blend { blend(over, *under) } else { over };
            }
        }
    }

    fn at(&self, x: usize, y: usize) -> usize {
        (y * self.width as usize + x) * 4
    }

    /// Returns the part of a frame that lies on the canvas.
    fn area(&self, frame: &Frame) -> Area {
        let (left, top) = (frame.left.min(self.width), frame.top.min(self.height));
        let (width, height) = (frame.width.min(self.width - left), frame.height.min(self.height - top));
        let [left, top, width, height] = [left, top, width, height].map(|number| number as usize);
        Area { left, top, width, height }
    }
}

/// Draws one pixel over another. Neither is premultiplied by its alpha.
fn blend(over: [u8; 4], under: [u8; 4]) -> [u8; 4] {
    let alpha = u32::from(over[3]);
    match alpha {
        0 => under,
        255 => over,
        _ => {
            // The weights of both pixels, in units of 1 / (255 × 255).
            let (upper, lower) = (alpha * 255, u32::from(under[3]) * (255 - alpha));
            let sum = upper + lower;
            let mix = |over: u8, under: u8| {
                let total = u64::from(over) * u64::from(upper) + u64::from(under) * u64::from(lower);
                u8::try_from((total + u64::from(sum) / 2) / u64::from(sum)).unwrap_or(255)
            };
            let [r, g, b] = [0, 1, 2].map(|channel| mix(over[channel], under[channel]));
            [r, g, b, u8::try_from((sum + 127) / 255).unwrap_or(255)]
        }
    }
}
