//! AVIF: joins tiles, converts colours, and adds the alpha channel.

use moxcms::ColorProfile;

use super::{Decoded, av1::Tile};
use crate::{
    Reason, Rejection,
    box_filter::BoxFilter,
    header::{
        Header,
        av1::Coded,
        avif::{self, AvifCoding, Colours, Layer},
    },
    picture::Model,
};

/// Decodes a picture. Squares of `by` by `by` pixels are averaged.
pub(super) fn decode(bytes: &[u8], header: &Header, coding: &AvifCoding, by: u32) -> Result<Decoded, Rejection> {
    let size = header.size();
    let model = if coding.alpha.is_some() { Model::Rgba } else { Model::Rgb };
    let mut filter = BoxFilter::new(size, model, by);
    let mut colours = Rows::new(bytes, &coding.colour);
    let mut alphas = coding.alpha.as_ref().map(|layer| Rows::new(bytes, layer));
    // A line begins at the left edge of the tiles; the cropped pixels are skipped.
    let hidden = coding.from.0 as usize * model.channels();
    let mut line = vec![255; hidden + size.0 as usize * model.channels()];
    for y in coding.from.1..coding.from.1 + size.1 {
        let tiles = colours.at(y)?;
        let transform = Transform::new(coding.colour.coded, coding.colours)?;
        for (tile, pixels) in tiles.zip(line.chunks_mut(coding.colour.tile.0 as usize * model.channels())) {
            transform.row(tile, y % coding.colour.tile.1, pixels, model.channels());
        }
        if let (Some(alphas), Some(layer)) = (&mut alphas, &coding.alpha) {
            let scale = Scale::luma(layer.coded.depth, layer.coded.full_range);
            for (tile, pixels) in alphas.at(y)?.zip(line.as_chunks_mut::<4>().0.chunks_mut(layer.tile.0 as usize)) {
                alpha_row(scale, tile.row(0, y % layer.tile.1), pixels, coding.premultiplied);
            }
        }
        filter.row(&line[hidden..]);
    }
    let picture = filter.finish().ok_or_else(|| Reason::Corrupt.because("the AVIF has no pixels"))?;
    // An ICC profile in the file takes precedence over its code points.
    let icc = if header.icc.is_none() { coding.colours.and_then(profile) } else { None };
    Ok(Decoded { icc, ..picture.into() })
}

/// Builds the ICC profile of primaries other than those of sRGB.
fn profile(colours: Colours) -> Option<Vec<u8>> {
    const BT_2020: u16 = 9;
    const DISPLAY_P3: u16 = 12;
    let profile = match colours.primaries {
        BT_2020 => ColorProfile::new_bt2020(),
        DISPLAY_P3 => ColorProfile::new_display_p3(),
        _ => return None,
    };
    let mut bytes = profile.encode().ok()?;
    // The header contains the time when the profile was made. The same picture must give the same bytes at any time.
    bytes.get_mut(24..36)?.copy_from_slice(&[2000_u16, 1, 1, 0, 0, 0].map(u16::to_be_bytes).concat());
    Some(bytes)
}

/// Decodes the tiles of a picture, and keeps one row of tiles at a time.
struct Rows<'a> {
    bytes: &'a [u8],
    layer: &'a Layer,
    /// The index of the row of tiles in memory.
    held: Option<usize>,
    tiles: Vec<Tile>,
}

impl<'a> Rows<'a> {
    fn new(bytes: &'a [u8], layer: &'a Layer) -> Self {
        Self { bytes, layer, held: None, tiles: Vec::new() }
    }

    /// Returns the tiles that contain row `y` of pixels.
    fn at(&mut self, y: u32) -> Result<impl Iterator<Item = &Tile>, Rejection> {
        let row = (y / self.layer.tile.1) as usize;
        if self.held.replace(row) != Some(row) {
            self.tiles.clear();
            let first = row * self.layer.columns;
            for pieces in self.layer.tiles.iter().skip(first).take(self.layer.columns) {
                let data = avif::data(self.bytes, pieces);
                self.tiles.push(Tile::decode(&data, self.layer.tile)?);
            }
        }
        Ok(self.tiles.iter())
    }
}

fn alpha_row(scale: Scale, row: impl Fn(usize) -> f32, pixels: &mut [[u8; 4]], premultiplied: bool) {
    for (x, pixel) in pixels.iter_mut().enumerate() {
        pixel[3] = to_byte(scale.of(row(x)));
        if premultiplied && pixel[3] > 0 {
            for channel in 0..3 {
                pixel[channel] = to_byte(f32::from(pixel[channel]) * 255.0 / f32::from(pixel[3]));
            }
        }
    }
}

/// Scales samples of luma to 0..=255, or samples of chroma to -127.5..=127.5.
#[derive(Clone, Copy)]
struct Scale {
    zero: f32,
    factor: f32,
}

impl Scale {
    /// The full range of samples of `depth` bits, or the limited range of ITU-R BT.709 and BT.2100: 16 to 235 at 8 bits, and its
    /// multiples at more bits.
    fn luma(depth: u8, full: bool) -> Self {
        Self::new(depth, full, if full { 0 } else { 16 }, 219)
    }

    fn chroma(depth: u8, full: bool) -> Self {
        Self::new(depth, full, 128, 224)
    }

    /// `zero` is the sample of 0, and `range` the limited range of samples, both at 8 bits.
    fn new(depth: u8, full: bool, zero: u16, range: u16) -> Self {
        let more = depth.clamp(8, 12) - 8;
        let range = if full { (256 << more) - 1 } else { range << more };
        Self { zero: (zero << more).into(), factor: 255.0 / f32::from(range) }
    }

    fn of(self, sample: f32) -> f32 {
        (sample - self.zero) * self.factor
    }
}

/// Converts stored samples to red, green and blue.
struct Transform {
    luma: Scale,
    chroma: Scale,
    matrix: Matrix,
    /// The rows and columns that share a sample of chroma; `None` if there is no chroma.
    shared: Option<(u32, u32)>,
}

#[derive(Clone, Copy)]
enum Matrix {
    /// The planes are green, blue and red.
    Identity,
    YCgCo,
    /// The weights of red and blue in luma.
    Luma(f32, f32),
}

impl Transform {
    /// Chooses the matrix by ITU-T H.273, table 4.
    fn new(coded: Coded, colours: Option<Colours>) -> Result<Self, Rejection> {
        let full = colours.map_or(coded.full_range, |colours| colours.full_range);
        let matrix = match colours.map_or(coded.matrix, |colours| colours.matrix) {
            0 if coded.chroma == Some((1, 1)) => Matrix::Identity,
            1 => Matrix::Luma(0.2126, 0.0722),
            // 2 is "unspecified", which means BT.601.
            2 | 5 | 6 => Matrix::Luma(0.299, 0.114),
            4 => Matrix::Luma(0.30, 0.11),
            7 => Matrix::Luma(0.212, 0.087),
            8 => Matrix::YCgCo,
            9 => Matrix::Luma(0.2627, 0.0593),
            _ if coded.chroma.is_none() => Matrix::Luma(0.299, 0.114),
            other => {
                return Err(
                    Reason::UnsupportedFormat.because(format!("the AVIF's colours are coded by matrix {other}"))
                );
            }
        };
        let luma = Scale::luma(coded.depth, full);
        let chroma = if matches!(matrix, Matrix::Identity) { luma } else { Scale::chroma(coded.depth, full) };
        Ok(Self { luma, chroma, matrix, shared: coded.chroma })
    }

    /// Converts row `y` of a tile to `pixels` of 3 or 4 `channels`, as far as it fits. The fourth channel is not changed.
    fn row(&self, tile: &Tile, y: u32, pixels: &mut [u8], channels: usize) {
        let luma = tile.row(0, y);
        let Some((rows, columns)) = self.shared else {
            for (x, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
                pixel[..3].fill(to_byte(self.luma.of(luma(x))));
            }
            return;
        };
        let [blueness, redness] = [1, 2].map(|plane| tile.row(plane, y / rows));
        for (x, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
            let light = self.luma.of(luma(x));
            let at = x / columns as usize;
            let (cb, cr) = (self.chroma.of(blueness(at)), self.chroma.of(redness(at)));
            let colour = match self.matrix {
                Matrix::Identity => [cr, light, cb],
                Matrix::YCgCo => [light - cb + cr, light + cb, light - cb - cr],
                Matrix::Luma(red, blue) => {
                    let (r, b) = (light + 2.0 * (1.0 - red) * cr, light + 2.0 * (1.0 - blue) * cb);
                    [r, (light - red * r - blue * b) / (1.0 - red - blue), b]
                }
            };
            pixel[..3].copy_from_slice(&colour.map(to_byte));
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // which saturate
fn to_byte(value: f32) -> u8 {
    (value + 0.5) as u8
}
