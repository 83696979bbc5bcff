//! BMP, and the bitmaps in icons. The crate `image` does not support all forms of their headers, so it gets a header of ours.

use std::io::Cursor;

use image::{ImageDecoder, ImageError, codecs::bmp::BmpDecoder};

use super::check_rows;
use crate::{
    Reason, Rejection,
    header::{Header, bmp::BmpCoding},
    picture::{Model, Picture},
};

/// Estimates the peak heap of [`decode`] in bytes for a file of `length` bytes, including the picture.
pub(crate) fn memory(coding: &BmpCoding, pixels: u128, length: u64) -> u128 {
    let picture = pixels * if coding.icon { 3 + 4 } else { 4 };
    // The file that the decoder gets: all run lengths with zeros appended, in two copies; or a few rows.
    let file = if coding.run_length { 2 * u128::from(length) } else { 4 << 20 };
    picture + file
}

pub(super) fn decode(bytes: &[u8], header: &Header, coding: &BmpCoding) -> Result<Picture, Rejection> {
    let (width, height) = (header.width as usize, header.height as usize);
    let model = if coding.has_alpha() { Model::Rgba } else { Model::Rgb };
    let pixels = bytes.get(coding.pixels..).unwrap_or_default();
    let stride = stride(width, coding.bits);
    let row = width * model.channels();
    let data = if coding.run_length {
        run_lengths(coding, (width, height), pixels)?
    } else {
        // Some files omit the padding of the last row.
        let padding = stride - (width * usize::from(coding.bits)).div_ceil(8);
        let found = ((pixels.len() + padding) / stride).min(height);
        // This rejects most damaged files before anything is allocated for the picture.
        check_rows(found, height, "bitmap")?;
        // Missing rows are white.
        let mut data = vec![255; row * height];
        // Rows are decoded in bands, because each band is copied into a file for the decoder.
        let band = ((1 << 20) / stride).max(1);
        for (stored, shown) in
            pixels[..pixels.len().min(found * stride)].chunks(band * stride).zip(data.chunks_mut(band * row))
        {
            let rows = stored.len().div_ceil(stride);
            unpack(coding, width, -signed(rows), stored, &mut shown[..rows * row])?;
        }
        data
    };
    let mut picture = Picture { width: header.width, height: header.height, model, data };
    // Run lengths are stored from the bottom.
    if coding.run_length == coding.top_down {
        turn_over(&mut picture.data, row, height);
    }
    // An icon may leave alpha to its mask. In a BMP file, alpha counts as stored.
    let left_out = coding.icon && coding.has_alpha() && picture.data.chunks_exact(4).all(|pixel| pixel[3] == 0);
    if left_out {
        picture.data.chunks_exact_mut(4).for_each(|pixel| pixel[3] = 255);
    }
    if coding.icon && (left_out || !coding.has_alpha()) {
        picture = Picture { model: Model::Rgba, data: picture.rgba(), ..picture };
        mask(pixels.get(stride * height..).unwrap_or_default(), &mut picture, coding.top_down);
    }
    Ok(picture)
}

/// Returns the number of bytes of a packed row, a multiple of four.
fn stride(width: usize, bits: u16) -> usize {
    (width * usize::from(bits)).div_ceil(32) * 4
}

fn signed(edge: usize) -> i32 {
    i32::try_from(edge).unwrap_or(i32::MAX)
}

/// Unpacks `stored` into `shown`, from the top if `height` is negative. Returns the number of bytes that were read.
fn unpack(coding: &BmpCoding, width: usize, height: i32, stored: &[u8], shown: &mut [u8]) -> Result<usize, Rejection> {
    let mut file = file_header(coding, signed(width), height);
    let start = file.len();
    file.extend_from_slice(stored);
    file.resize(start + stored.len().next_multiple_of(4), 0);
    let mut file = Cursor::new(file);
    let decoder = BmpDecoder::new(&mut file).map_err(|error| rejection(&error))?;
    if decoder.total_bytes() != shown.len() as u64 {
        return Err(Reason::Corrupt.because("the bitmap's rows do not make up its picture"));
    }
    decoder.read_image(shown).map_err(|error| rejection(&error))?;
    Ok(usize::try_from(file.position()).unwrap_or(usize::MAX) - start)
}

/// Builds a BMP header of version 4.
fn file_header(coding: &BmpCoding, width: i32, height: i32) -> Vec<u8> {
    const LENGTH: u32 = 108;
    let colours = if coding.bits > 8 { 0 } else { 1_u32 << coding.bits };
    let masked = matches!(coding.bits, 16 | 32);
    let compression = match coding.bits {
        16 | 32 => 3_u32,
        8 if coding.run_length => 1,
        4 if coding.run_length => 2,
        _ => 0,
    };
    let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
    file.extend((14 + LENGTH + 4 * colours).to_le_bytes());
    file.extend(LENGTH.to_le_bytes());
    file.extend([width, height].map(i32::to_le_bytes).concat());
    file.extend([1, 0]);
    file.extend(coding.bits.to_le_bytes());
    file.extend(compression.to_le_bytes());
    file.extend([0; 12]);
    file.extend([colours, 0].map(u32::to_le_bytes).concat());
    file.extend(coding.masks.map(if masked { u32::to_le_bytes } else { |_| [0; 4] }).concat());
    file.resize(14 + LENGTH as usize, 0);
    let palette = coding.palette.iter().flat_map(|[red, green, blue]| [*blue, *green, *red, 0]);
    file.extend(palette.take(4 * colours as usize));
    file.resize(14 + (LENGTH + 4 * colours) as usize, 0);
    file
}

/// Unpacks a bitmap of run lengths. Pixels that they skip are black.
fn run_lengths(coding: &BmpCoding, (width, height): (usize, usize), stored: &[u8]) -> Result<Vec<u8>, Rejection> {
    // If the file is cut, the appended zeros end the current run, and then all remaining rows.
    let whole = [stored, &vec![0; 256 + 2 * height]].concat();
    let mut data = vec![0; width * height * 3];
    let read = unpack(coding, width, signed(height), &whole, &mut data)?;
    if read > stored.len() {
        let missing = data.chunks_exact(width * 3).take_while(|row| row.iter().all(|&level| level == 0)).count();
        check_rows(height - missing, height, "bitmap")?;
    }
    Ok(data)
}

/// Reverses the order of the rows.
fn turn_over(data: &mut [u8], row: usize, height: usize) {
    for y in 0..height / 2 {
        let (above, below) = data.split_at_mut((height - 1 - y) * row);
        above[y * row..][..row].swap_with_slice(&mut below[..row]);
    }
}

/// Makes the pixels transparent that an icon's mask marks.
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

fn rejection(error: &ImageError) -> Rejection {
    let reason = if matches!(error, ImageError::Unsupported(_)) { Reason::UnsupportedFormat } else { Reason::Corrupt };
    reason.because(format!("BMP: {error}"))
}
