//! Measures how near pictures come to a reference, which is made without regard to time.

mod reference;
mod ssim;
mod ssimulacra;

use std::{error::Error, fs, path::Path};

use image::{DynamicImage, RgbImage};

pub use reference::Reference;
pub use ssim::ssim;
pub use ssimulacra::ssimulacra2;

/// A result whose error is a message for people.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Reads a file and passes its bytes to `parse`. Errors name the file.
///
/// # Errors
/// Returns an error if the file cannot be read, or the error of `parse`.
pub fn read<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
    let parsed = fs::read(path).map_err(Box::from).and_then(|bytes| parse(&bytes));
    parsed.map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Decodes a JPEG with one or three components.
///
/// The crate `image` is not used, because its decoder (zune-jpeg 0.5.15) decodes a file with one scan for each component as garbage. Such
/// files are valid. <https://github.com/etemesi254/zune-image/issues/422>
///
/// # Errors
/// Returns an error if the file is not such a JPEG.
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

/// Draws a picture on a grey background.
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
