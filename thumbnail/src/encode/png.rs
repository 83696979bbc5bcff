//! PNG. A picture from a source with a palette gets a palette, too; a grey picture stays grey.

use std::cmp::min_by_key;

use png::{BitDepth, ColorType, Compression, DeflateCompression, Encoder, EncodingError, Filter};

use super::failed;
use crate::{
    Rejection, palette,
    picture::{Model, Picture},
};

pub(super) fn encode(picture: &Picture, paletted: bool) -> Result<Vec<u8>, Rejection> {
    if paletted {
        return with_palette(picture);
    }
    // Ten times faster than other settings, with files of photos that are a twentieth larger.
    let mut best = with_channels(picture, DeflateCompression::FdeflateUltraFast, Filter::Adaptive)?;
    // If this saves more than half, the picture has repeating parts, such as letters, which slower compression finds.
    if best.len() * 100 < picture.data.len() * 48 {
        best = min_by_key(best, with_channels(picture, DeflateCompression::Level(2), Filter::Adaptive)?, Vec::len);
    }
    // If this saves more than three quarters, the picture has plain areas, which compress best without a filter.
    if best.len() * 4 < picture.data.len() {
        best = min_by_key(best, with_channels(picture, DeflateCompression::Level(6), Filter::NoFilter)?, Vec::len);
    }
    Ok(best)
}

fn with_channels(picture: &Picture, compression: DeflateCompression, filter: Filter) -> Result<Vec<u8>, Rejection> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(match picture.model {
        Model::Gray => ColorType::Grayscale,
        Model::GrayAlpha => ColorType::GrayscaleAlpha,
        Model::Rgb => ColorType::Rgb,
        Model::Rgba | Model::Cmyk => ColorType::Rgba,
    });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_deflate_compression(compression);
    encoder.set_filter(filter);
    write(encoder, &picture.data)?;
    Ok(file)
}

fn with_palette(picture: &Picture) -> Result<Vec<u8>, Rejection> {
    let (palette, indices) = palette::reduce(picture);
    let (depth, bits) = match palette.len() {
        0..=2 => (BitDepth::One, 1),
        3..=4 => (BitDepth::Two, 2),
        5..=16 => (BitDepth::Four, 4),
        _ => (BitDepth::Eight, 8),
    };
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(depth);
    encoder.set_palette(palette::rgb(&palette));
    let alphas: Vec<u8> = palette.iter().map(|colour| colour[3]).take_while(|&alpha| alpha < 255).collect();
    if !alphas.is_empty() {
        encoder.set_trns(alphas);
    }
    // No filter, because differences between indices are meaningless.
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::NoFilter);
    write(encoder, &pack(&indices, picture.width as usize, bits))?;
    Ok(file)
}

/// Packs indices of `bits` bits each. Every row begins with a new byte.
fn pack(indices: &[u8], width: usize, bits: usize) -> Vec<u8> {
    let per_byte = 8 / bits;
    let byte =
        |indices: &[u8]| indices.iter().enumerate().fold(0, |byte, (i, index)| byte | index << (8 - bits * (i + 1)));
    indices.chunks_exact(width).flat_map(|row| row.chunks(per_byte).map(byte)).collect()
}

fn write(encoder: Encoder<&mut Vec<u8>>, data: &[u8]) -> Result<(), Rejection> {
    let wrong = |error: EncodingError| failed(format!("PNG: {error}"));
    let mut writer = encoder.write_header().map_err(wrong)?;
    writer.write_image_data(data).map_err(wrong)?;
    writer.finish().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length_and_quick_length(pixel: impl Fn(u32, u32) -> [u8; 3]) -> (usize, usize) {
        let data = (0..200).flat_map(|y| (0..300).flat_map(move |x| [x, y])).collect::<Vec<u32>>();
        let data = data.as_chunks::<2>().0.iter().flat_map(|&[x, y]| pixel(x, y)).collect();
        let picture = Picture { width: 300, height: 200, model: Model::Rgb, data };
        let quick = with_channels(&picture, DeflateCompression::FdeflateUltraFast, Filter::Adaptive).unwrap();
        (encode(&picture, false).unwrap().len(), quick.len())
    }

    #[test]
    fn more_is_done_only_for_pictures_with_parts_that_repeat() {
        let noise = |x: u32, y: u32| (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761).to_be_bytes()[0];
        let (length, quick) = length_and_quick_length(|x, y| [noise(x, y), noise(y, x), noise(x + y, y)]);
        assert_eq!(length, quick);
        // Imitates letters on paper by noise that repeats.
        let (length, quick) =
            length_and_quick_length(|x, y| if y % 20 < 9 { [noise(x % 31, y % 20) & 0xc0; 3] } else { [255; 3] });
        assert!(length * 2 < quick, "{length} bytes, quickly {quick}");
        let (length, quick) = length_and_quick_length(|_, y| [if y < 100 { 40 } else { 200 }, 90, 90]);
        assert!(length * 2 < quick, "{length} bytes, quickly {quick}");
    }
}
