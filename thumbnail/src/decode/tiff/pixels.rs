//! Converts samples to colours.

use crate::{
    colour,
    header::tiff::{Photometric, TiffCoding},
    picture::{Model, Picture},
};

/// Collects the pixels of a picture, strip by strip: colours or inks of eight bits, and alpha.
pub(super) struct Pixels<'a> {
    coding: &'a TiffCoding,
    width: usize,
    height: usize,
    /// The number of channels of a colour, and of a pixel.
    colours: usize,
    channels: usize,
    /// The sample that represents full light, ink or alpha.
    white: f32,
    /// The number of colour samples above black, and above white.
    beyond: (u64, u64),
    /// A missing pixel: white, and transparent if there is alpha.
    blank: Vec<u8>,
    /// Empty until the first row arrives, so that nothing is allocated for a picture without rows.
    data: Vec<u8>,
}

/// Estimates the heap that a pixel needs until [`Pixels::finish`] returns, in bytes.
pub(super) fn bytes_of_pixel(coding: &TiffCoding) -> u128 {
    match (coding.photometric, coding.alpha) {
        // Inks with alpha, inks alone, and the two pictures they are converted to.
        (Photometric::Cmyk, Some(_)) => 5 + 4 + 3 + 4,
        (Photometric::WhiteIsZero | Photometric::BlackIsZero, _) => 2,
        _ => 4,
    }
}

impl<'a> Pixels<'a> {
    /// Begins a picture. `white` is the sample that represents white if samples are floating-point numbers.
    #[allow(clippy::cast_precision_loss)] // eight bits remain
    pub(super) fn new(coding: &'a TiffCoding, (width, height): (u32, u32), white: f32) -> Self {
        let (colours, light) = match coding.photometric {
            Photometric::WhiteIsZero | Photometric::BlackIsZero => (1, 255),
            Photometric::Cmyk => (4, 0),
            _ => (3, 255),
        };
        let blank = [&vec![light; colours][..], if coding.alpha.is_some() { &[0] } else { &[] }].concat();
        let white = if coding.float { white } else { (u64::MAX >> (64 - coding.bits)) as f32 };
        let (width, height) = (width as usize, height as usize);
        Self { coding, width, height, colours, channels: blank.len(), white, beyond: (0, 0), blank, data: Vec::new() }
    }

    /// Converts a row of samples, which begins at `left` and `top`.
    pub(super) fn row(&mut self, samples: &mut [f32], (left, top): (usize, usize)) {
        if top >= self.height || left >= self.width {
            return;
        }
        if self.data.is_empty() {
            self.data = self.blank.repeat(self.width * self.height);
        }
        let row = (top * self.width + left) * self.channels..(top + 1) * self.width * self.channels;
        let scale = 1.0 / self.white;
        for (pixel, samples) in
            self.data[row].chunks_exact_mut(self.channels).zip(samples.chunks_exact_mut(self.coding.samples))
        {
            let alpha = self.coding.alpha.map(|(index, multiplied)| (samples[index] * scale, multiplied));
            let samples = &mut samples[..self.coding.photometric.samples()];
            if let Some((alpha, true)) = alpha.filter(|alpha| alpha.0 > 0.0) {
                for sample in &mut *samples {
                    *sample /= alpha;
                }
            }
            if self.coding.float {
                self.beyond.0 += samples.iter().filter(|&&sample| sample > 0.0).count() as u64;
                self.beyond.1 += samples.iter().filter(|&&sample| sample > self.white).count() as u64;
            }
            show(self.coding, samples, scale, &mut pixel[..self.colours]);
            if let Some((alpha, _)) = alpha {
                pixel[self.colours] = level(alpha);
            }
        }
    }

    /// Whether most samples are above white, so that the assumed white must be wrong.
    pub(super) fn are_beyond_white(&self) -> bool {
        self.beyond.1 > self.beyond.0 / 2
    }

    /// Returns the picture. Inks with alpha are converted by `icc`, because no model has both.
    pub(super) fn finish(self, icc: Option<&[u8]>) -> Picture {
        let size = (u32::try_from(self.width).unwrap_or(0), u32::try_from(self.height).unwrap_or(0));
        let picture = |model, data| Picture { width: size.0, height: size.1, model, data };
        match (self.colours, self.coding.alpha) {
            (1, None) => picture(Model::Gray, self.data),
            (1, Some(_)) => picture(Model::GrayAlpha, self.data),
            (3, None) => picture(Model::Rgb, self.data),
            (3, Some(_)) => picture(Model::Rgba, self.data),
            (_, None) => picture(Model::Cmyk, self.data),
            (_, Some(_)) => {
                let inks = self.data.chunks_exact(5).flat_map(|pixel| &pixel[..4]).copied().collect();
                let colours = colour::to_srgb(picture(Model::Cmyk, inks), icc).data;
                let pixels = colours.chunks_exact(3).zip(self.data.chunks_exact(5));
                picture(Model::Rgba, pixels.flat_map(|(rgb, inks)| [rgb[0], rgb[1], rgb[2], inks[4]]).collect())
            }
        }
    }
}

/// Converts the samples of a colour. `scale` scales them to at most 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole numbers up to 65,535
fn show(coding: &TiffCoding, samples: &[f32], scale: f32, pixel: &mut [u8]) {
    match coding.photometric {
        Photometric::WhiteIsZero => pixel[0] = level(1.0 - samples[0] * scale),
        Photometric::Palette => {
            pixel.copy_from_slice(&coding.palette.get(samples[0] as usize).copied().unwrap_or_default());
        }
        Photometric::Luma => pixel.copy_from_slice(&luma_to_rgb(samples, coding.luma)),
        Photometric::Lab | Photometric::IccLab => pixel.copy_from_slice(&lab_to_rgb(coding, samples)),
        // Floating-point colours are linear light.
        Photometric::Rgb if coding.float => {
            pixel.iter_mut().zip(samples).for_each(|(channel, &sample)| *channel = colour::srgb(sample));
        }
        Photometric::BlackIsZero | Photometric::Rgb | Photometric::Cmyk => {
            pixel.iter_mut().zip(samples).for_each(|(channel, &sample)| *channel = level(sample * scale));
        }
    }
}

/// Converts a number from 0 to 1 to eight bits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
fn level(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

fn luma_to_rgb(samples: &[f32], ([red, green, blue], levels): ([f32; 3], [f32; 6])) -> [u8; 3] {
    let scaled = |i: usize, to: f32| (samples[i] - levels[2 * i]) * to / (levels[2 * i + 1] - levels[2 * i]);
    let (y, cb, cr) = (scaled(0, 255.0), scaled(1, 127.0), scaled(2, 127.0));
    let (r, b) = (y + 2.0 * (1.0 - red) * cr, y + 2.0 * (1.0 - blue) * cb);
    [r, (y - red * r - blue * b) / green, b].map(|value| level(value / 255.0))
}

fn lab_to_rgb(coding: &TiffCoding, samples: &[f32]) -> [u8; 3] {
    // The samples that represent a lightness of 100 and a chroma of 1. With sixteen bits, they follow version 2 of ICC profiles.
    let (white, one) = match (coding.photometric, coding.bits) {
        (_, 8) => (255.0, 1.0),
        (Photometric::Lab, _) => (65_535.0, 256.0),
        _ => (65_280.0, 256.0),
    };
    let chroma = |index: usize| match (samples[index] / one, coding.photometric) {
        // Signed chroma: the upper half of the range is negative.
        (level @ 128.0.., Photometric::Lab) => level - 256.0,
        (level, Photometric::Lab) => level,
        (level, _) => level - 128.0,
    };
    colour::lab_to_srgb([samples[0] * 100.0 / white, chroma(1), chroma(2)])
}
