//! BMP, and the bitmaps in icons.

use super::nearly_whole;
use crate::{
    Reason, Rejection,
    header::{
        Header,
        bmp::{Coding, Packing},
    },
    picture::{Model, Picture},
};

pub(super) fn decode(bytes: &[u8], header: &Header, coding: &Coding) -> Result<Picture, Rejection> {
    let (width, height) = (header.width as usize, header.height as usize);
    let alpha = coding.icon || coding.masks[3] != 0;
    let model = if alpha { Model::Rgba } else { Model::Rgb };
    let channels = model.channels();
    let pixels = bytes.get(coding.pixels..).unwrap_or_default();
    let stride = stride(width, coding.bits);
    // Some files end without the last row's padding.
    let used = (width * usize::from(coding.bits)).div_ceil(8);
    // Before anything is written for the picture itself: most damaged files end here.
    let indices = match coding.packing {
        Packing::Plain => {
            check_rows((pixels.len() + stride - used).min(stride * height) / stride, height)?;
            Vec::new()
        }
        Packing::RunLength => run_lengths(pixels, width, height, coding.bits == 4)?,
    };
    // What no row gives is white.
    let data = vec![255; width * height * channels];
    let mut picture = Picture { width: header.width, height: header.height, model, data };
    let target = |row: usize| if coding.top_down { row } else { height - 1 - row };
    match coding.packing {
        Packing::Plain => {
            let unpack = Unpack::new(coding);
            let rows = pixels.chunks(stride).take(height).take_while(|packed| packed.len() >= used);
            for (row, packed) in rows.enumerate() {
                let at = target(row) * width * channels;
                unpack.row(packed, &mut picture.data[at..at + width * channels], channels);
            }
        }
        Packing::RunLength => {
            for (row, indices) in indices.chunks_exact(width).enumerate() {
                let at = target(row) * width * channels;
                for (pixel, &index) in picture.data[at..].chunks_exact_mut(channels).zip(indices) {
                    pixel[..3].copy_from_slice(&colour(coding, index));
                }
            }
        }
    }
    if alpha && picture.data.chunks_exact(4).all(|pixel| pixel[3] == 0) {
        // An alpha channel that nobody filled in.
        for pixel in picture.data.chunks_exact_mut(4) {
            pixel[3] = 255;
        }
        if coding.icon {
            mask(pixels.get(stride * height..).unwrap_or_default(), &mut picture, coding.top_down);
        }
    } else if coding.icon && coding.bits < 32 {
        mask(pixels.get(stride * height..).unwrap_or_default(), &mut picture, coding.top_down);
    }
    Ok(picture)
}

fn check_rows(found: usize, height: usize) -> Result<(), Rejection> {
    if !nearly_whole(found as u64, height as u64) {
        return Err(Reason::Truncated.because(format!("only {found} of the bitmap's {height} rows are there")));
    }
    Ok(())
}

/// Bytes of a packed row, which are multiples of four.
fn stride(width: usize, bits: u16) -> usize {
    (width * usize::from(bits)).div_ceil(32) * 4
}

fn colour(coding: &Coding, index: u8) -> [u8; 3] {
    coding.palette.get(usize::from(index)).copied().unwrap_or_default()
}

/// Makes transparent what an icon's mask marks.
fn mask(mask: &[u8], picture: &mut Picture, top_down: bool) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    for (row, bits) in mask.chunks_exact(stride(width, 1)).take(height).enumerate() {
        let y = if top_down { row } else { height - 1 - row };
        for x in 0..width {
            if bits[x / 8] & (0x80 >> (x % 8)) != 0 {
                picture.data[(y * width + x) * 4 + 3] = 0;
            }
        }
    }
}

/// Turns packed rows into pixels.
struct Unpack<'a> {
    coding: &'a Coding,
    fields: [Field; 4],
}

impl<'a> Unpack<'a> {
    fn new(coding: &'a Coding) -> Self {
        Self { coding, fields: coding.masks.map(Field::new) }
    }

    fn row(&self, packed: &[u8], pixels: &mut [u8], channels: usize) {
        let pixels = pixels.chunks_exact_mut(channels);
        match self.coding.bits {
            bits @ (1 | 2 | 4 | 8) => {
                let per_byte = usize::from(8 / bits);
                for (x, pixel) in pixels.enumerate() {
                    let shift = 8 - bits * (u16::try_from(x % per_byte).unwrap_or(0) + 1);
                    let index = packed[x / per_byte] >> shift & (0xff >> (8 - bits));
                    pixel[..3].copy_from_slice(&colour(self.coding, index));
                }
            }
            24 => {
                for (pixel, packed) in pixels.zip(packed.chunks_exact(3)) {
                    pixel[..3].copy_from_slice(&[packed[2], packed[1], packed[0]]);
                }
            }
            16 => {
                for (pixel, packed) in pixels.zip(packed.chunks_exact(2)) {
                    self.fields(u32::from(u16::from_le_bytes([packed[0], packed[1]])), pixel);
                }
            }
            _ => {
                for (pixel, packed) in pixels.zip(packed.chunks_exact(4)) {
                    self.fields(u32::from_le_bytes([packed[0], packed[1], packed[2], packed[3]]), pixel);
                }
            }
        }
    }

    fn fields(&self, value: u32, pixel: &mut [u8]) {
        for (channel, field) in pixel.iter_mut().zip(&self.fields) {
            *channel = field.get(value);
        }
    }
}

/// A colour's bits in a pixel.
#[derive(Clone, Copy)]
struct Field {
    shift: u32,
    max: u32,
}

impl Field {
    fn new(mask: u32) -> Self {
        let shift = if mask == 0 { 0 } else { mask.trailing_zeros() };
        Self { shift, max: mask >> shift }
    }

    fn get(self, value: u32) -> u8 {
        if self.max == 0 {
            return 255;
        }
        let scaled = u64::from(value >> self.shift & self.max) * 255 + u64::from(self.max / 2);
        u8::try_from(scaled / u64::from(self.max)).unwrap_or(255)
    }
}

/// Palette indices in the order of the rows as stored.
fn run_lengths(packed: &[u8], width: usize, height: usize, nibbles: bool) -> Result<Vec<u8>, Rejection> {
    let mut indices = vec![0; width * height];
    let (mut x, mut y) = (0, 0);
    let mut bytes = packed.iter().copied();
    let mut put = |x: &mut usize, y: usize, index: u8| {
        if *x < width && y < height {
            indices[y * width + *x] = index;
        }
        *x += 1;
    };
    let nibble = |byte: u8, i: usize| if i.is_multiple_of(2) { byte >> 4 } else { byte & 15 };
    let ended = loop {
        let (Some(count), Some(value)) = (bytes.next(), bytes.next()) else { break false };
        match (count, value) {
            (0, 0) => (x, y) = (0, y + 1),
            (0, 1) => break true,
            (0, 2) => {
                let (Some(right), Some(down)) = (bytes.next(), bytes.next()) else { break false };
                (x, y) = (x + usize::from(right), y + usize::from(down));
            }
            (0, literal) => {
                let literal = usize::from(literal);
                let length = if nibbles { literal.div_ceil(2) } else { literal };
                let mut byte = 0;
                for i in 0..literal {
                    if !nibbles || i % 2 == 0 {
                        byte = bytes.next().unwrap_or(0);
                    }
                    put(&mut x, y, if nibbles { nibble(byte, i) } else { byte });
                }
                if length % 2 == 1 {
                    bytes.next();
                }
            }
            (count, value) => {
                for i in 0..usize::from(count) {
                    put(&mut x, y, if nibbles { nibble(value, i) } else { value });
                }
            }
        }
        if y >= height {
            break true;
        }
    };
    // Run lengths say themselves when they end; an end that comes early leaves the rest in the first colour.
    if !ended {
        check_rows(y, height)?;
    }
    Ok(indices)
}
