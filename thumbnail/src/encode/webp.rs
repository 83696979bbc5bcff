//! Lossy WebP, by libwebp's encoder. It is C code, but its input are pixels, never a file.

use webp::{Encoder, PixelLayout, WebPConfig};

use super::failed;
use crate::{
    Rejection,
    picture::{Model, Picture},
};

/// Alpha that differs by less than this from 0 or 255 is rounded. Resampling leaves invisible ripples along transparent edges, which
/// would take a quarter of the file.
const RIPPLE: u8 = 4;

pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, Rejection> {
    /// The maximum edge of the format in pixels.
    const MAX_EDGE: u32 = 16_383;
    if picture.width > MAX_EDGE || picture.height > MAX_EDGE {
        return Err(failed(format!("{} by {} pixels are too many for WebP", picture.width, picture.height)));
    }
    let mut config = WebPConfig::new().map_err(|()| failed("WebP: no configuration"))?;
    config.quality = f32::from(quality);
    let mut colour = picture.clone().into_rgb();
    let layout = if colour.model == Model::Rgba { PixelLayout::Rgba } else { PixelLayout::Rgb };
    if layout == PixelLayout::Rgba {
        for pixel in colour.data.as_chunks_mut::<4>().0 {
            pixel[3] = match pixel[3] {
                alpha if alpha < RIPPLE => 0,
                alpha if alpha > 255 - RIPPLE => 255,
                alpha => alpha,
            };
        }
    }
    let file = Encoder::new(&colour.data, layout, colour.width, colour.height)
        .encode_advanced(&config)
        .map_err(|error| failed(format!("WebP: {error:?}")))?;
    Ok(file.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_clear_or_opaque_becomes_so() {
        let alphas = [0, 1, 3, 4, 128, 251, 252, 255];
        let data = alphas.iter().flat_map(|&alpha| [90, 120, 150, alpha]).collect();
        let file = encode(&Picture { width: 8, height: 1, model: Model::Rgba, data }, 80).unwrap();
        let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(file)).unwrap();
        let mut pixels = vec![0; 8 * 4];
        decoder.read_image(&mut pixels).unwrap();
        let found: Vec<u8> = pixels.chunks_exact(4).map(|pixel| pixel[3]).collect();
        assert_eq!(found, [0, 0, 0, 4, 128, 251, 255, 255]);
    }
}
