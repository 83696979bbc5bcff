//! From planes of components to pixels.

use crate::{
    geometry::{Channel, Geometry, Upsampling},
    header::{Colours, Header},
    upsample::{Upsampler, nearest},
};

/// What the bytes of a pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pixels {
    /// One byte: lightness.
    Gray,
    /// Three bytes: red, green, blue.
    Rgb,
    /// Four bytes: amounts of cyan, magenta, yellow and black ink, of which 0 is none.
    Cmyk,
}

impl Pixels {
    /// Bytes a pixel.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// Makes rows of pixels, from the top.
pub(crate) struct Raster {
    colours: Colours,
    pub(crate) data: Vec<u8>,
    rows: usize,
    width: usize,
    /// By channel.
    upsamplers: Vec<Upsampler>,
}

impl Raster {
    pub(crate) fn new(header: &Header, geometry: &Geometry) -> Self {
        let width = geometry.size.0 as usize;
        let colours = header.colours();
        let upsamplers = geometry.channels.iter().map(|channel| Upsampler::new(channel, geometry)).collect();
        let size = width * geometry.size.1 as usize * colours.pixels().channels();
        Self { colours, data: vec![0; size], rows: 0, width, upsamplers }
    }

    /// Adds the pixels of rows up to `end`. In the planes, the row of a channel that `first` gives lies behind so many others.
    pub(crate) fn add(
        &mut self,
        geometry: &Geometry,
        planes: &[Vec<u8>],
        before: usize,
        first: impl Fn(&Channel) -> usize,
        end: usize,
    ) {
        let height = geometry.mcu_size().1;
        let row_bytes = self.width * self.colours.pixels().channels();
        for y in self.rows..end {
            let mut rows: [&[u8]; 4] = [&[]; 4];
            for (index, (channel, upsampler)) in geometry.channels.iter().zip(&mut self.upsamplers).enumerate() {
                let line = |line: usize| {
                    let at = line + before - first(channel);
                    &planes[index][at * geometry.stride(channel)..][..geometry.stride(channel)]
                };
                let near = nearest(y, Geometry::mcu_height(channel), height);
                let far = match channel.upsampling.1 {
                    Upsampling::Triangle if y % 2 == 0 => near.saturating_sub(1),
                    Upsampling::Triangle => (near + 1).min(channel.shown.1 - 1),
                    _ => near,
                };
                rows[index] = &upsampler.row(line(near), line(far), y)[..self.width];
            }
            self.colours.convert(&rows, &mut self.data[y * row_bytes..][..row_bytes]);
        }
        self.rows = self.rows.max(end);
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

    /// Makes a row of pixels.
    fn convert(self, rows: &[&[u8]; 4], out: &mut [u8]) {
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
                    // What these colours are as light, are the inks.
                    let [c, m, y] = if self == Self::Ycck { rgb(a, b, c) } else { [255 - a, 255 - b, 255 - c] };
                    *pixel = [c, m, y, 255 - d];
                }
            }
        }
    }
}

fn ycc_row(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    let pixels = out.as_chunks_mut::<3>().0;
    for (((pixel, &y), &cb), &cr) in pixels.iter_mut().zip(y).zip(cb).zip(cr) {
        *pixel = rgb(y, cb, cr);
    }
}

/// JFIF's formula, in units of 2^-16.
#[inline(always)]
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = ((i32::from(y) << 16) + (1 << 15), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + 91_881 * cr;
    let green = y - 22_554 * cb - 46_802 * cr;
    let blue = y + 116_130 * cb;
    [red, green, blue].map(|value| (value >> 16).clamp(0, 255) as u8)
}
