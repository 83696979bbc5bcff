//! WebP, lossy, by libwebp's encoder: C code, but it sees only pixels that we made.

use webp::{Encoder, PixelLayout, WebPConfig};

use super::failed;
use crate::{
    Rejection,
    picture::{Model, Picture},
};

pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, Rejection> {
    /// The longest edge of the format, in pixels.
    const MAX_EDGE: u32 = 16_383;
    if picture.width > MAX_EDGE || picture.height > MAX_EDGE {
        return Err(failed(format!("{} by {} pixels are too many for WebP", picture.width, picture.height)));
    }
    let mut config = WebPConfig::new().map_err(|()| failed("WebP: no configuration"))?;
    config.quality = f32::from(quality);
    let colour = picture.clone().into_rgb();
    let layout = if colour.model == Model::Rgba { PixelLayout::Rgba } else { PixelLayout::Rgb };
    let file = Encoder::new(&colour.data, layout, colour.width, colour.height)
        .encode_advanced(&config)
        .map_err(|error| failed(format!("WebP: {error:?}")))?;
    Ok(file.to_vec())
}
