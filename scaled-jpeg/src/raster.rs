//! From planes of components to pixels.

use crate::{
    geometry::Geometry,
    header::{Colours, Header},
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
    /// Of each channel: where each pixel's sample is in a row, if not at the pixel's own place.
    columns: Vec<Option<Vec<u32>>>,
    /// A row of each such channel, brought to the picture's width.
    spread: Vec<Vec<u8>>,
}

impl Raster {
    pub(crate) fn new(header: &Header, geometry: &Geometry) -> Self {
        let width = geometry.size.0 as usize;
        let colours = header.colours();
        let places = |(from, to)| (0..width).map(|x| nearest(x, from, to) as u32).collect::<Vec<_>>();
        let columns = geometry.channels.iter().map(|channel| geometry.spread(channel).map(places));
        let columns: Vec<_> = columns.collect();
        let spread = columns.iter().map(|columns| vec![0; columns.as_ref().map_or(0, Vec::len)]).collect();
        let size = width * geometry.size.1 as usize * colours.pixels().channels();
        Self { colours, data: Vec::with_capacity(size), rows: 0, width, columns, spread }
    }

    /// Adds the pixels of a row of MCUs, whose samples begin at `starts` in the planes, down to the picture's last row.
    pub(crate) fn add(&mut self, geometry: &Geometry, planes: &[Vec<u8>], starts: &[usize]) {
        let height = (geometry.v_max * geometry.scale.eighths()) as usize;
        let row_bytes = self.width * self.colours.pixels().channels();
        for y in 0..height.min((geometry.size.1 as usize).saturating_sub(self.rows)) {
            let mut rows: [&[u8]; 4] = [&[]; 4];
            for (index, (channel, spread)) in geometry.channels.iter().zip(&mut self.spread).enumerate() {
                let line = nearest(y, Geometry::mcu_height(channel), height);
                let row = &planes[index][starts[index] + line * geometry.stride(channel)..];
                rows[index] = match &self.columns[index] {
                    None => &row[..self.width],
                    Some(columns) => {
                        for (sample, &x) in spread.iter_mut().zip(columns) {
                            *sample = row[x as usize];
                        }
                        spread
                    }
                };
            }
            let start = self.data.len();
            self.data.resize(start + row_bytes, 0);
            self.colours.convert(&rows, &mut self.data[start..]);
            self.rows += 1;
        }
    }
}

/// Which of `from` samples covers the middle of the place `x` of `to`.
fn nearest(x: usize, from: usize, to: usize) -> usize {
    (2 * x + 1) * from / (2 * to)
}

impl Colours {
    pub(crate) fn pixels(self) -> Pixels {
        match self {
            Self::Gray => Pixels::Gray,
            Self::Rgb | Self::YCbCr => Pixels::Rgb,
            Self::Cmyk | Self::AdobeCmyk | Self::AdobeYcck => Pixels::Cmyk,
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
            Self::Cmyk | Self::AdobeCmyk | Self::AdobeYcck => {
                let pixels = out.as_chunks_mut::<4>().0;
                for ((((pixel, &a), &b), &c), &d) in pixels.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *pixel = match self {
                        Self::Cmyk => [a, b, c, d],
                        Self::AdobeCmyk => [255 - a, 255 - b, 255 - c, 255 - d],
                        // Adobe stores how much ink is missing, and cyan, magenta and yellow as the light that remains.
                        _ => {
                            let [r, g, b] = rgb(a, b, c);
                            [r, g, b, 255 - d]
                        }
                    };
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
