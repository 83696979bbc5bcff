//! Converts rows of samples to pixels.

use wide::{i16x8, i32x8, u8x16};

use crate::header::Colours;

/// The meaning of the bytes of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pixels {
    /// One byte: lightness.
    Gray,
    /// Three bytes: red, green, blue.
    Rgb,
    /// Four bytes: amounts of cyan, magenta, yellow and black ink. 0 is no ink.
    Cmyk,
}

impl Pixels {
    /// The number of bytes of a pixel.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

impl Colours {
    pub(crate) fn pixels(self) -> Pixels {
        match self {
            Self::Gray => Pixels::Gray,
            Self::Rgb | Self::YCbCr => Pixels::Rgb,
            Self::Cmyk | Self::Ycck => Pixels::Cmyk,
        }
    }

    /// Converts a row of samples of each component to a row of pixels.
    pub(crate) fn convert(self, rows: &[&[u8]; 4], out: &mut [u8]) {
        let [a, b, c, d] = *rows;
        match self {
            Self::Gray => out.copy_from_slice(a),
            Self::YCbCr => ycc_row(a, b, c, out),
            Self::Rgb => {
                let pixels = out.as_chunks_mut::<3>().0;
                for (((pixel, &r), &g), &b) in pixels.iter_mut().zip(a).zip(b).zip(c) {
                    *pixel = [r, g, b];
                }
            }
            Self::Cmyk | Self::Ycck => {
                let pixels = out.as_chunks_mut::<4>().0;
                for ((((pixel, &a), &b), &c), &d) in pixels.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    // Inks are stored inverted, so the light that the formula computes is an amount of ink.
                    let [c, m, y] = if self == Self::Ycck { rgb(a, b, c) } else { [255 - a, 255 - b, 255 - c] };
                    *pixel = [c, m, y, 255 - d];
                }
            }
        }
    }
}

fn ycc_row(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    let ((y, last_y), (cb, last_cb), (cr, last_cr)) =
        (y.as_chunks::<LANES>(), cb.as_chunks::<LANES>(), cr.as_chunks::<LANES>());
    let (pixels, last) = out.as_chunks_mut::<{ 3 * LANES }>();
    for (((pixels, &y), &cb), &cr) in pixels.iter_mut().zip(y).zip(cb).zip(cr) {
        *pixels = interleaved(rgb_lanes(y.into(), cb.into(), cr.into()));
    }
    for (((pixel, &y), &cb), &cr) in last.as_chunks_mut::<3>().0.iter_mut().zip(last_y).zip(last_cb).zip(last_cr) {
        *pixel = rgb(y, cb, cr);
    }
}

/// The number of pixels that are converted together.
const LANES: usize = 16;

/// Computes [`rgb`] in every lane, with exactly the same results.
#[inline(always)]
fn rgb_lanes(y: u8x16, cb: u8x16, cr: u8x16) -> [u8x16; 3] {
    let half = |widen: fn(u8x16) -> i16x8| {
        let (y, cb, cr) = (widen(y), widen(cb) - i16x8::splat(128), widen(cr) - i16x8::splat(128));
        // The parts of the factors above 1, in units of 2^-15, rounded so that the results equal those of the exact factors.
        let red = y + cr + cr.mul_scale_round_n(13_173);
        let blue = y + cb + cb.mul_scale_round_n(25_297);
        let (cb_wide, cr_wide) = (i32x8::from_i16x8(cb), i32x8::from_i16x8(cr));
        let parts: i32x8 = (cr_wide * 18_734 - cb_wide * 22_554 + 32_768) >> 16;
        let green = y - cr + i16x8::from_i32x8_saturate(parts);
        [red, green, blue]
    };
    let (low, high) = (half(i16x8::from_u8x16_low), half(i16x8::from_u8x16_high));
    std::array::from_fn(|channel| u8x16::narrow_i16x8(low[channel], high[channel]))
}

/// Interleaves channels to pixels.
#[inline(always)]
fn interleaved(channels: [u8x16; 3]) -> [u8; 3 * LANES] {
    /// The lane from which each byte of the result comes, by third of the result and by channel; 255 if it comes from another channel.
    const LANE: [[[u8; 16]; 3]; 3] = {
        let mut lanes = [[[255; 16]; 3]; 3];
        let mut at = 0;
        while at < 3 * LANES {
            lanes[at / LANES][at % 3][at % LANES] = (at / 3) as u8;
            at += 1;
        }
        lanes
    };
    let mut out = [0; 3 * LANES];
    for (part, lanes) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(&LANE) {
        let from = |channel: usize| channels[channel].shuffle_zeroing(lanes[channel].into());
        *part = (from(0) | from(1) | from(2)).to_array();
    }
    out
}

/// Converts a pixel by the formula of JFIF, in units of 2^-16.
#[inline(always)]
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = ((i32::from(y) << 16) + (1 << 15), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + 91_881 * cr;
    let green = y - 22_554 * cb - 46_802 * cr;
    let blue = y + 116_130 * cb;
    [red, green, blue].map(|value| (value >> 16).clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::{interleaved, rgb, rgb_lanes};

    #[test]
    fn all_colours_are_the_same_in_lanes() {
        for (cb, cr) in (0..=255_u8).flat_map(|cb| (0..=255).map(move |cr| (cb, cr))) {
            // All values of luminance, in an order that differs between colours.
            for start in [0, 37] {
                let y: [u8; 16] = std::array::from_fn(|lane| (start + 17 * lane) as u8 ^ cb.wrapping_add(cr));
                let expected = y.map(|y| rgb(y, cb, cr));
                let lanes = interleaved(rgb_lanes(y.into(), [cb; 16].into(), [cr; 16].into()));
                assert_eq!(lanes, *expected.as_flattened(), "{cb}, {cr}");
            }
        }
    }
}
