//! How near pictures come to a reference that takes its time.

mod reference;
mod ssim;
mod ssimulacra;

use std::error::Error;

use image::{DynamicImage, RgbImage};

pub use reference::Reference;
pub use ssim::ssim;
pub use ssimulacra::ssimulacra2;

/// With whatever went wrong, for a person.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Decodes a JPEG that is grey or of three colours.
///
/// Not by the crate `image`: its decoder, zune-jpeg 0.5.15, reads files with a scan for each component, which are valid and which
/// browsers show well, as garbage. <https://github.com/etemesi254/zune-image/issues/422>
///
/// # Errors
/// Where it is no such JPEG.
pub fn read_jpeg(bytes: &[u8]) -> std::result::Result<RgbImage, jpeg_decoder::Error> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let mut pixels = decoder.decode()?;
    let Some(info) = decoder.info() else { return Err(jpeg_decoder::Error::Format("no frame".into())) };
    if info.pixel_format == jpeg_decoder::PixelFormat::L8 {
        pixels = pixels.iter().flat_map(|&level| [level; 3]).collect();
    }
    RgbImage::from_raw(info.width.into(), info.height.into(), pixels)
        .ok_or_else(|| jpeg_decoder::Error::Format("neither grey nor RGB".into()))
}

/// What shows of a picture on a grey page.
#[must_use]
pub fn on_grey(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let picture = picture.to_rgba8();
    let mut shown = RgbImage::new(picture.width(), picture.height());
    for (to, from) in shown.pixels_mut().zip(picture.pixels()) {
        let alpha = u32::from(from[3]);
        for channel in 0..3 {
            let mixed = (u32::from(from[channel]) * alpha + 128 * (255 - alpha) + 127) / 255;
            to[channel] = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
    }
    shown
}
