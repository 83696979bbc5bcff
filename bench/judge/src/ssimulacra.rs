//! SSIMULACRA2, a metric that follows what people see: <https://github.com/cloudinary/ssimulacra2>.

use image::RgbImage;
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

use crate::Result;

/// Scores `shown` against `reference`, both sRGB: 100 if they are equal, about 90 if nobody sees a difference, 70 for high quality and 50 for
/// medium quality.
///
/// # Errors
/// Returns an error if the pictures differ in size, or if a side is shorter than 8 pixels.
pub fn ssimulacra2(reference: &RgbImage, shown: &RgbImage) -> Result<f64> {
    Ok(compute_frame_ssimulacra2(frame(reference)?, frame(shown)?)?)
}

fn frame(picture: &RgbImage) -> Result<Rgb> {
    let pixels = picture.pixels().map(|pixel| pixel.0.map(|level| f32::from(level) / 255.0)).collect();
    let (width, height) = (picture.width().try_into()?, picture.height().try_into()?);
    Ok(Rgb::new(pixels, width, height, TransferCharacteristic::SRGB, ColorPrimaries::BT709)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_noise_scores_less() {
        let noisy = |strength: u8| {
            RgbImage::from_fn(64, 48, |x, y| {
                let level = u8::try_from(x * 2 + y).unwrap_or(u8::MAX);
                image::Rgb([level + if (x ^ y) & 1 == 0 { strength } else { 0 }; 3])
            })
        };
        let scores = [0, 4, 16].map(|strength| ssimulacra2(&noisy(0), &noisy(strength)).unwrap());
        assert!((scores[0] - 100.0).abs() < 1e-9 && scores.is_sorted_by(|better, worse| better > worse), "{scores:?}");
    }

    #[test]
    fn pictures_of_two_sizes_have_no_score() {
        assert!(ssimulacra2(&RgbImage::new(16, 16), &RgbImage::new(16, 17)).is_err());
    }
}
