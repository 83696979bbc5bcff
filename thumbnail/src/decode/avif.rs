//! AVIF, by a decoder in Rust that has much unsafe code within: hence a feature that is off by default.

use std::ops::Range;

use moxcms::ColorProfile;
use re_rav1d::{Decoder, Error, PixelLayout, PlanarImageComponent, Settings, pixel::YUVRange};

use super::Decoded;
use crate::{
    Reason, Rejection,
    bytes::Reader,
    header::{
        Header,
        avif::{Coding, Colours, Layer},
    },
    picture::Model,
    shrink::{self, Shrink},
};

pub(super) fn decode(bytes: &[u8], header: &Header, coding: &Coding, wanted: (u32, u32)) -> Result<Decoded, Rejection> {
    let size = header.size();
    let model = if coding.alpha.is_some() { Model::Rgba } else { Model::Rgb };
    let mut shrink = Shrink::new(size, model, shrink::factor(size, wanted));
    let mut colours = Rows::new(bytes, &coding.colour);
    let mut alphas = coding.alpha.as_ref().map(|layer| Rows::new(bytes, layer));
    let mut line = vec![255; size.0 as usize * model.channels()];
    for y in 0..size.1 {
        for (tile, pixels) in colours.at(y)?.zip(line.chunks_mut(coding.colour.tile.0 as usize * model.channels())) {
            let transform = Transform::new(tile, coding.colours)?;
            transform.row(tile, y % coding.colour.tile.1, pixels, model.channels());
        }
        if let (Some(alphas), Some(layer)) = (&mut alphas, &coding.alpha) {
            for (tile, pixels) in alphas.at(y)?.zip(line.as_chunks_mut::<4>().0.chunks_mut(layer.tile.0 as usize)) {
                tile.alpha_row(y % layer.tile.1, pixels, coding.premultiplied);
            }
        }
        shrink.row(&line);
    }
    let picture = shrink.finish().ok_or_else(|| Reason::Corrupt.because("the AVIF has no pixels"))?;
    // A profile in the file outranks what it says of colours otherwise.
    let icc = if header.icc.is_none() { coding.colours.and_then(profile) } else { None };
    Ok(Decoded { icc, ..picture.into() })
}

/// The profile of colours that are not those of sRGB.
fn profile(colours: Colours) -> Option<Vec<u8>> {
    const BT_2020: u16 = 9;
    const DISPLAY_P3: u16 = 12;
    match colours.primaries {
        BT_2020 => ColorProfile::new_bt2020().encode().ok(),
        DISPLAY_P3 => ColorProfile::new_display_p3().encode().ok(),
        _ => None,
    }
}

/// The tiles of a picture, of which one row is held at a time.
struct Rows<'a> {
    bytes: &'a [u8],
    layer: &'a Layer,
    tiles: Vec<Tile>,
}

impl<'a> Rows<'a> {
    fn new(bytes: &'a [u8], layer: &'a Layer) -> Self {
        Self { bytes, layer, tiles: Vec::new() }
    }

    /// The tiles across row `y`; rows are asked for from the top.
    fn at(&mut self, y: u32) -> Result<impl Iterator<Item = &Tile>, Rejection> {
        if y.is_multiple_of(self.layer.tile.1) {
            self.tiles.clear();
            let first = (y / self.layer.tile.1) as usize * self.layer.columns;
            for pieces in self.layer.tiles.iter().skip(first).take(self.layer.columns) {
                self.tiles.push(Tile::decode(self.bytes, pieces, self.layer.tile)?);
            }
        }
        Ok(self.tiles.iter())
    }
}

/// A decoded picture.
struct Tile {
    picture: re_rav1d::Picture,
    /// Rows that share one of chroma, and columns.
    chroma: Option<(u32, u32)>,
    /// Bits of a sample, 8 to 12.
    depth: u32,
}

impl Tile {
    fn decode(bytes: &[u8], pieces: &[Range<usize>], size: (u32, u32)) -> Result<Self, Rejection> {
        let data: Vec<u8> = pieces.iter().flat_map(|piece| &bytes[piece.clone()]).copied().collect();
        check_frames(&data)?;
        let mut settings = Settings::new();
        // On this thread; there is but one picture, of the size that was checked against the limits.
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        settings.set_frame_size_limit(size.0.saturating_mul(size.1));
        // Of a picture that comes finer and finer, the finest.
        settings.set_all_layers(false);
        let mut decoder = Decoder::with_settings(&settings).map_err(refusal)?;
        let mut sent = decoder.send_data(data, None, None, None);
        let picture = loop {
            match (decoder.get_picture(), sent) {
                (Ok(picture), _) => break picture,
                (Err(Error::Again), Err(Error::Again)) => sent = decoder.send_pending_data(),
                (Err(Error::Again), Ok(())) => return Err(Reason::Corrupt.because("the AVIF's picture has no frame")),
                (Err(Error::Again), Err(error)) | (Err(error), _) => return Err(refusal(error)),
            }
        };
        if (picture.width(), picture.height()) != size {
            return Err(Reason::Corrupt.because("the AVIF's picture has another size than the file says"));
        }
        let chroma = match picture.pixel_layout() {
            PixelLayout::I400 => None,
            PixelLayout::I420 => Some((2, 2)),
            PixelLayout::I422 => Some((1, 2)),
            PixelLayout::I444 => Some((1, 1)),
        };
        let depth = picture.bits_per_component().map_or(8, |bits| u32::try_from(bits.0).unwrap_or(8));
        Ok(Self { picture, chroma, depth })
    }

    fn is_full_range(&self) -> bool {
        self.picture.color_range() == YUVRange::Full
    }

    /// A sample of each column in row `y` of a plane.
    fn samples(&self, component: PlanarImageComponent, y: u32) -> Samples {
        let stride = self.picture.stride(component) as usize;
        Samples { plane: self.picture.plane(component), start: stride * y as usize, wide: self.depth > 8 }
    }

    fn alpha_row(&self, y: u32, pixels: &mut [[u8; 4]], premultiplied: bool) {
        let alpha = Scale::luma(self.depth, self.is_full_range());
        let row = self.samples(PlanarImageComponent::Y, y);
        let row = row.row();
        for (x, pixel) in pixels.iter_mut().enumerate() {
            pixel[3] = to_byte(alpha.of(row.at(x)));
            if premultiplied && pixel[3] > 0 {
                for channel in 0..3 {
                    pixel[channel] = to_byte(f32::from(pixel[channel]) * 255.0 / f32::from(pixel[3]));
                }
            }
        }
    }
}

/// A row of samples, and the plane that holds it.
struct Samples {
    plane: re_rav1d::Plane,
    start: usize,
    wide: bool,
}

struct Row<'a> {
    bytes: &'a [u8],
    wide: bool,
}

impl Samples {
    fn row(&self) -> Row<'_> {
        Row { bytes: self.plane.get(self.start..).unwrap_or_default(), wide: self.wide }
    }
}

impl Row<'_> {
    fn at(&self, x: usize) -> f32 {
        if self.wide {
            let bytes = self.bytes.get(2 * x..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0.0, |&bytes| u16::from_ne_bytes(bytes).into())
        } else {
            self.bytes.get(x).map_or(0.0, |&byte| byte.into())
        }
    }
}

/// Brings samples to 0..=255, or -127.5..=127.5 where they are differences of colours.
#[derive(Clone, Copy)]
struct Scale {
    zero: f32,
    factor: f32,
}

impl Scale {
    fn new(depth: u32, zero: u16, range: u16) -> Self {
        let unit = f32::from(1_u16 << depth.saturating_sub(8).min(4));
        Self { zero: f32::from(zero) * unit, factor: 255.0 / (f32::from(range) * unit) }
    }

    /// ITU-R BT.709, BT.2100: of 8 bits 16 to 235, of more bits as many times as much; or all that there are.
    fn luma(depth: u32, full: bool) -> Self {
        if full { Self { zero: 0.0, factor: 255.0 / most(depth) } } else { Self::new(depth, 16, 219) }
    }

    fn chroma(depth: u32, full: bool) -> Self {
        let limited = Self::new(depth, 128, 224);
        if full { Self { factor: 255.0 / most(depth), ..limited } } else { limited }
    }

    fn of(self, sample: f32) -> f32 {
        (sample - self.zero) * self.factor
    }
}

/// The largest sample of so many bits.
fn most(depth: u32) -> f32 {
    f32::from((1_u16 << depth.clamp(8, 12)) - 1)
}

/// From what is stored to red, green and blue.
struct Transform {
    luma: Scale,
    chroma: Scale,
    matrix: Matrix,
}

#[derive(Clone, Copy)]
enum Matrix {
    /// Green, blue and red themselves.
    Identity,
    YCgCo,
    /// Parts of red and blue in luma.
    Luma(f32, f32),
}

impl Transform {
    /// ITU-T H.273, tables 4.
    fn new(tile: &Tile, colours: Option<Colours>) -> Result<Self, Rejection> {
        let full = colours.map_or_else(|| tile.is_full_range(), |colours| colours.full_range);
        let matrix = match colours.map_or_else(|| tile.picture.matrix_coefficients() as u16, |colours| colours.matrix) {
            0 if tile.chroma == Some((1, 1)) => Matrix::Identity,
            1 => Matrix::Luma(0.2126, 0.0722),
            // Not said: what it was before there was anything to say.
            2 | 5 | 6 => Matrix::Luma(0.299, 0.114),
            4 => Matrix::Luma(0.30, 0.11),
            7 => Matrix::Luma(0.212, 0.087),
            8 => Matrix::YCgCo,
            9 => Matrix::Luma(0.2627, 0.0593),
            _ if tile.chroma.is_none() => Matrix::Luma(0.299, 0.114),
            other => {
                return Err(
                    Reason::UnsupportedFormat.because(format!("the AVIF's colours are coded by matrix {other}"))
                );
            }
        };
        let luma = Scale::luma(tile.depth, full);
        let chroma = if matches!(matrix, Matrix::Identity) { luma } else { Scale::chroma(tile.depth, full) };
        Ok(Self { luma, chroma, matrix })
    }

    /// Row `y` of a tile as far as it fits into `pixels`, of 3 or 4 `channels`; the last of four is left as it is.
    fn row(&self, tile: &Tile, y: u32, pixels: &mut [u8], channels: usize) {
        let luma = tile.samples(PlanarImageComponent::Y, y);
        let luma = luma.row();
        let Some((rows, columns)) = tile.chroma else {
            for (x, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
                pixel[..3].fill(to_byte(self.luma.of(luma.at(x))));
            }
            return;
        };
        let planes = [PlanarImageComponent::U, PlanarImageComponent::V].map(|plane| tile.samples(plane, y / rows));
        let [blueness, redness] = planes.each_ref().map(Samples::row);
        for (x, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
            let light = self.luma.of(luma.at(x));
            let at = x / columns as usize;
            let (cb, cr) = (self.chroma.of(blueness.at(at)), self.chroma.of(redness.at(at)));
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

/// Refuses data with more frames than a picture may have: each could take as long as a whole picture. One that comes finer and
/// finer has some.
fn check_frames(data: &[u8]) -> Result<(), Rejection> {
    const MOST: usize = 8;
    /// A frame's header, by itself or with all of the frame.
    const FRAMES: [u8; 2] = [3, 6];
    let reader = Reader::big(data);
    let (mut at, mut frames) = (0, 0);
    while let Some(start) = reader.u8(at) {
        frames += usize::from(FRAMES.contains(&(start >> 3 & 15)));
        if frames > MOST {
            return Err(Reason::TooComplex.because("the AVIF's picture has more frames than any real one"));
        }
        at += if start & 4 == 0 { 1 } else { 2 };
        if start & 2 == 0 {
            // It has no length: it is the last one.
            break;
        }
        let mut length = 0_usize;
        for shift in (0..28).step_by(7) {
            let Some(byte) = reader.u8(at) else { return Ok(()) };
            at += 1;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        at += length;
    }
    Ok(())
}

fn refusal(error: Error) -> Rejection {
    match error {
        Error::UnsupportedBitstream => Reason::UnsupportedFormat,
        Error::NotEnoughMemory => Reason::NeedsMoreMemory,
        _ => Reason::Corrupt,
    }
    .because(format!("AVIF: {error}"))
}
