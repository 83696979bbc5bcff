//! PNG. A picture whose source had a palette gets one again, a grey one stays grey.

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

use super::failed;
use crate::{
    Rejection,
    palette::{self, Indexed},
    picture::{Model, Picture},
};

pub(super) fn encode(picture: &Picture, paletted: bool) -> Result<Vec<u8>, Rejection> {
    if paletted {
        return with_palette(picture);
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(match picture.model {
        Model::Gray => ColorType::Grayscale,
        Model::GrayAlpha => ColorType::GrayscaleAlpha,
        Model::Rgb => ColorType::Rgb,
        Model::Rgba | Model::Cmyk => ColorType::Rgba,
    });
    encoder.set_depth(BitDepth::Eight);
    // The next better setting takes ten times as long for a few bytes in a hundred.
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    write(encoder, &picture.data)?;
    Ok(file)
}

fn with_palette(picture: &Picture) -> Result<Vec<u8>, Rejection> {
    let Indexed { palette, indices } = palette::reduce(picture, 256);
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
    encoder.set_palette(palette.iter().flat_map(|colour| [colour[0], colour[1], colour[2]]).collect::<Vec<_>>());
    let alphas: Vec<u8> = palette.iter().map(|colour| colour[3]).take_while(|&alpha| alpha < 255).collect();
    if !alphas.is_empty() {
        encoder.set_trns(alphas);
    }
    // Differences between indices mean nothing: no filter.
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::NoFilter);
    write(encoder, &pack(&indices, picture.width as usize, bits))?;
    Ok(file)
}

/// Indices of `bits` bits each, every row beginning with a new byte.
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
