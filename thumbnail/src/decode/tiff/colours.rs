//! From samples to colours.

use crate::{
    colour,
    header::tiff::{Coding, Numbers, Photometric},
    picture::{Model, Picture},
};

/// The channels of a picture, gathered strip by strip: colours as they are stored, and alpha.
pub(super) struct Gathered<'a> {
    coding: &'a Coding,
    width: usize,
    height: usize,
    /// Samples of a colour; where it comes from a palette or from Lab, red, green and blue.
    colours: usize,
    channels: usize,
    data: Vec<u8>,
}

/// Heap that a pixel needs in [`Gathered::finish`], in bytes.
pub(super) fn bytes_of_pixel(coding: &Coding) -> u128 {
    match (coding.photometric, coding.alpha) {
        // Inks and alpha together and apart, and what they become.
        (Photometric::Cmyk, Some(_)) => 5 + 4 + 1 + 3 + 4,
        (Photometric::WhiteIsZero | Photometric::BlackIsZero, _) => 2,
        _ => 4,
    }
}

impl<'a> Gathered<'a> {
    /// What no strip gives will be white, and transparent where there is alpha.
    pub(super) fn new(coding: &'a Coding, (width, height): (u32, u32)) -> Self {
        let white: &[u8] = match coding.photometric {
            Photometric::WhiteIsZero => &[0],
            Photometric::BlackIsZero => &[255],
            Photometric::Rgb | Photometric::Palette | Photometric::Lab | Photometric::IccLab => &[255; 3],
            Photometric::Cmyk => &[0; 4],
            Photometric::Luma => &[255, 128, 128],
        };
        let pixel = if coding.alpha.is_some() { [white, &[0]].concat() } else { white.to_vec() };
        let (width, height) = (width as usize, height as usize);
        Self { coding, width, height, colours: white.len(), channels: pixel.len(), data: pixel.repeat(width * height) }
    }

    /// Puts a row of samples where it belongs; of one channel only, where planes are apart.
    pub(super) fn row(&mut self, samples: &[u16], (left, top): (usize, usize), plane: Option<usize>) {
        if top >= self.height || left >= self.width {
            return;
        }
        let together = self.coding.together();
        let start = (top * self.width + left) * self.channels;
        let end = (top + 1) * self.width * self.channels;
        let pixels = self.data[start..end].chunks_exact_mut(self.channels);
        for (pixel, samples) in pixels.zip(samples.chunks_exact(together)) {
            match plane {
                Some(plane) => put(self.coding, self.colours, pixel, plane, samples[0]),
                None if self.coding.photometric.is_lab() => put_lab(self.coding, pixel, samples),
                None => {
                    for (index, &sample) in samples.iter().enumerate() {
                        put(self.coding, self.colours, pixel, index, sample);
                    }
                }
            }
        }
    }

    /// The picture. `icc` is needed where colours must be known before alpha can be kept.
    pub(super) fn finish(mut self, icc: Option<&[u8]>) -> Picture {
        // Of floating-point samples that was done before they lost precision.
        if matches!(self.coding.alpha, Some((_, true))) && self.coding.numbers != Numbers::Float {
            self.data.chunks_exact_mut(self.channels).for_each(divide_by_alpha);
        }
        let (channels, coding) = (self.channels, self.coding);
        let pixels = self.data.chunks_exact_mut(channels);
        match coding.photometric {
            Photometric::WhiteIsZero => pixels.for_each(|pixel| pixel[0] = !pixel[0]),
            Photometric::Luma => pixels.for_each(|pixel| luma_to_rgb(pixel, coding.luma)),
            _ => {}
        }
        let size = (u32::try_from(self.width).unwrap_or(0), u32::try_from(self.height).unwrap_or(0));
        let picture = |model, data| Picture { width: size.0, height: size.1, model, data };
        match (self.colours, coding.alpha) {
            (1, None) => picture(Model::Gray, self.data),
            (1, Some(_)) => picture(Model::GrayAlpha, self.data),
            (3, None) => picture(Model::Rgb, self.data),
            (3, Some(_)) => picture(Model::Rgba, self.data),
            (_, None) => picture(Model::Cmyk, self.data),
            (_, Some(_)) => {
                let inks = self.data.chunks_exact(5).flat_map(|pixel| &pixel[..4]).copied().collect();
                let alphas = self.data.chunks_exact(5).map(|pixel| pixel[4]);
                let colours = colour::to_srgb(picture(Model::Cmyk, inks), icc).data;
                let pixels = colours.chunks_exact(3).zip(alphas);
                picture(Model::Rgba, pixels.flat_map(|(rgb, alpha)| [rgb[0], rgb[1], rgb[2], alpha]).collect())
            }
        }
    }
}

/// Puts a pixel's sample of that `index` into the pixel.
fn put(coding: &Coding, colours: usize, pixel: &mut [u8], index: usize, sample: u16) {
    let is_alpha = coding.alpha.is_some_and(|(alpha, _)| alpha == index);
    let level = u8::try_from(sample).unwrap_or(255);
    match coding.photometric {
        Photometric::Palette if index == 0 => {
            let colour = coding.palette.get(usize::from(sample)).copied().unwrap_or_default();
            pixel[..3].copy_from_slice(&colour);
        }
        Photometric::Palette if is_alpha => pixel[3] = eight_bits(coding, sample),
        _ if is_alpha => pixel[colours] = level,
        _ if index < coding.photometric.samples() => pixel[index] = level,
        _ => {}
    }
}

/// A raw sample that is no colour.
fn eight_bits(coding: &Coding, sample: u16) -> u8 {
    let max = (1_u32 << coding.bits) - 1;
    u8::try_from((u32::from(sample) * 255 + max / 2) / max).unwrap_or(255)
}

/// Puts a pixel's samples of Lab into the pixel.
fn put_lab(coding: &Coding, pixel: &mut [u8], samples: &[u16]) {
    let number = |index: usize| f32::from(samples[index]);
    // What stands for 100 and, in chroma, for 1: with sixteen bits profiles had it so before their fourth version.
    let (white, one) = match (coding.photometric, coding.bits) {
        (_, 8) => (255.0, 1.0),
        (Photometric::Lab, _) => (65_535.0, 256.0),
        _ => (65_280.0, 256.0),
    };
    let middle = 128.0 * one;
    let chroma = |index: usize| match number(index) {
        // With a sign, the greater half is negative.
        level if coding.photometric == Photometric::Lab && level >= middle => level / one - 256.0,
        level if coding.photometric == Photometric::Lab => level / one,
        level => level / one - 128.0,
    };
    pixel[..3].copy_from_slice(&colour::lab_to_srgb([number(0) * 100.0 / white, chroma(1), chroma(2)]));
    if let Some((alpha, _)) = coding.alpha {
        pixel[3] = eight_bits(coding, samples[alpha]);
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
fn luma_to_rgb(pixel: &mut [u8], ([red, green, blue], levels): ([f32; 3], [f32; 6])) {
    let scaled = |i: usize, to: f32| (f32::from(pixel[i]) - levels[2 * i]) * to / (levels[2 * i + 1] - levels[2 * i]);
    let (y, cb, cr) = (scaled(0, 255.0), scaled(1, 127.0), scaled(2, 127.0));
    let (r, b) = (y + 2.0 * (1.0 - red) * cr, y + 2.0 * (1.0 - blue) * cb);
    let g = (y - red * r - blue * b) / green;
    for (channel, value) in pixel.iter_mut().zip([r, g, b]) {
        *channel = (value + 0.5).clamp(0.0, 255.0) as u8;
    }
}

fn divide_by_alpha(pixel: &mut [u8]) {
    let Some((&mut alpha, colours)) = pixel.split_last_mut() else { return };
    if alpha > 0 {
        for colour in colours {
            let divided = (u16::from(*colour) * 255 + u16::from(alpha) / 2) / u16::from(alpha);
            *colour = u8::try_from(divided).unwrap_or(255);
        }
    }
}
