//! Encodes pixels to the files that cameras and programs write.

use std::io::Cursor;

use image::{
    DynamicImage, Frame, ImageEncoder, RgbImage, RgbaImage,
    codecs::{
        avif::AvifEncoder,
        gif::{GifEncoder, Repeat},
        png::{CompressionType, FilterType, PngEncoder},
    },
};
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
use webp::{AnimEncoder, AnimFrame, PixelLayout, WebPConfig};

use crate::Result;

/// The parameters of a JPEG, by default a camera's: 4:2:0, baseline, upright. The quality is 92.
pub(crate) struct Jpeg {
    pub(crate) sampling: SamplingFactor,
    pub(crate) progressive: bool,
    /// Exif's number, 1 to 8; 1 is upright.
    pub(crate) orientation: u8,
}

impl Default for Jpeg {
    fn default() -> Self {
        Self { sampling: SamplingFactor::F_2_2, progressive: false, orientation: 1 }
    }
}

impl Jpeg {
    pub(crate) fn encode(&self, picture: &RgbImage) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 92);
        encoder.set_sampling_factor(self.sampling);
        encoder.set_progressive(self.progressive);
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        // A big-endian TIFF with one directory of one entry: tag 0x0112, type SHORT, one value.
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([self.orientation, 0, 0, 0, 0, 0, 0]);
        encoder.add_app_segment(1, exif)?;
        let (width, height) = (u16::try_from(picture.width())?, u16::try_from(picture.height())?);
        encoder.encode(picture, width, height, ColorType::Rgb)?;
        Ok(file)
    }
}

pub(crate) fn png(picture: &DynamicImage) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive);
    encoder.write_image(picture.as_bytes(), picture.width(), picture.height(), picture.color().into())?;
    Ok(file)
}

/// Encodes a WebP by libwebp, which writes nearly all WebP files.
pub(crate) fn webp(picture: &RgbImage, lossless: bool) -> Result<Vec<u8>> {
    let mut config = WebPConfig::new().map_err(|()| "WebP: no configuration")?;
    config.quality = if lossless { 50.0 } else { 85.0 };
    config.lossless = i32::from(lossless);
    let encoder = webp::Encoder::new(picture, PixelLayout::Rgb, picture.width(), picture.height());
    let file = encoder.encode_advanced(&config).map_err(|error| format!("WebP: {error:?}"))?;
    Ok(file.to_vec())
}

pub(crate) fn gif(frames: &[RgbImage]) -> Result<Vec<u8>> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = GifEncoder::new_with_speed(&mut file, 10);
    encoder.set_repeat(Repeat::Infinite)?;
    for frame in frames {
        let rgba: RgbaImage = DynamicImage::ImageRgb8(frame.clone()).into_rgba8();
        encoder.encode_frame(Frame::new(rgba))?;
    }
    drop(encoder);
    Ok(file.into_inner())
}

/// Encodes an animation of lossy frames, each of a tenth of a second.
pub(crate) fn webp_animation(frames: &[RgbImage]) -> Result<Vec<u8>> {
    let first = frames.first().ok_or("WebP: no frame")?;
    let mut config = WebPConfig::new().map_err(|()| "WebP: no configuration")?;
    config.quality = 85.0;
    let mut encoder = AnimEncoder::new(first.width(), first.height(), &config);
    for (frame, milliseconds) in frames.iter().zip((0..).step_by(100)) {
        encoder.add_frame(AnimFrame::from_rgb(frame, frame.width(), frame.height(), milliseconds));
    }
    Ok(encoder.try_encode().map_err(|error| format!("WebP: {error:?}"))?.to_vec())
}

/// Encodes an AVIF with the fastest preset, because the benchmark measures only how it is read.
pub(crate) fn avif(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    picture.write_with_encoder(AvifEncoder::new_with_speed_quality(&mut file, 10, 70))?;
    Ok(file)
}
