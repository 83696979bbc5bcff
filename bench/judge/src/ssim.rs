//! Structural similarity (SSIM): the mean of the red, green and blue channels, so that wrong colours count as well.
//!
//! The window is Gaussian, 11 by 11 pixels with σ = 1.5; K₁ = 0.01 and K₂ = 0.03, as in: Z. Wang, A. C. Bovik, H. R. Sheikh,
//! E. P. Simoncelli, "Image quality assessment: from error visibility to structural similarity", IEEE Transactions on Image Processing
//! 13 (2004).

use image::RgbImage;

const RADIUS: usize = 5;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// Computes the SSIM of two pictures: 1 if they are equal.
///
/// # Panics
/// Panics if the pictures differ in size.
#[must_use]
pub fn ssim(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let size = (a.width() as usize, a.height() as usize);
    (0..3).map(|index| of_channel(&channel(a, index), &channel(b, index), size)).sum::<f64>() / 3.0
}

fn channel(picture: &RgbImage, index: usize) -> Vec<f64> {
    picture.pixels().map(|pixel| f64::from(pixel[index])).collect()
}

#[allow(clippy::cast_precision_loss)] // a number of pixels
fn of_channel(a: &[f64], b: &[f64], size: (usize, usize)) -> f64 {
    let product = |x: &[f64], y: &[f64]| blur(&x.iter().zip(y).map(|(x, y)| x * y).collect::<Vec<_>>(), size);
    let (mean_a, mean_b) = (blur(a, size), blur(b, size));
    let (square_a, square_b, both) = (product(a, a), product(b, b), product(a, b));
    let at = |i: usize| {
        let (x, y) = (mean_a[i], mean_b[i]);
        let (variance_x, variance_y, covariance) = (square_a[i] - x * x, square_b[i] - y * y, both[i] - x * y);
        (2.0 * x * y + C1) * (2.0 * covariance + C2) / ((x * x + y * y + C1) * (variance_x + variance_y + C2))
    };
    (0..a.len()).map(at).sum::<f64>() / a.len() as f64
}

/// The Gaussian mean around each pixel. Beyond an edge, the picture is mirrored.
fn blur(values: &[f64], (width, height): (usize, usize)) -> Vec<f64> {
    let window = window();
    let across: Vec<f64> =
        (0..values.len()).map(|i| weighted(&window, i % width, width, |x| values[i / width * width + x])).collect();
    (0..values.len()).map(|i| weighted(&window, i / width, height, |y| across[y * width + i % width])).collect()
}

fn weighted(window: &[f64], centre: usize, length: usize, at: impl Fn(usize) -> f64) -> f64 {
    let place = |offset: usize| mirrored(centre + offset, length);
    window.iter().enumerate().map(|(offset, weight)| weight * at(place(offset))).sum()
}

/// The place `i - RADIUS`, mirrored at the ends of `0..length`.
fn mirrored(i: usize, length: usize) -> usize {
    let place = i.abs_diff(RADIUS);
    if place < length { place } else { (2 * length).saturating_sub(place + 2).min(length - 1) }
}

#[allow(clippy::cast_precision_loss)]
fn window() -> Vec<f64> {
    let weight = |i: usize| (-(i as f64 - RADIUS as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let total: f64 = (0..=2 * RADIUS).map(weight).sum();
    (0..=2 * RADIUS).map(|i| weight(i) / total).collect()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn picture(change: impl Fn(u32, u32) -> i32) -> RgbImage {
        RgbImage::from_fn(64, 48, |x, y| {
            let value = i32::try_from(x * 3 + y % 7 * 8).unwrap() + change(x, y);
            Rgb([u8::try_from(value.clamp(0, 255)).unwrap(); 3])
        })
    }

    #[test]
    fn equal_pictures_are_fully_similar_and_worse_ones_less() {
        let original = picture(|_, _| 0);
        let noise = |strength: i32| picture(move |x, y| if (x ^ y) & 1 == 0 { strength } else { -strength });
        assert!((ssim(&original, &original) - 1.0).abs() < 1e-12);
        let (slight, strong) = (ssim(&original, &noise(2)), ssim(&original, &noise(12)));
        assert!(strong < slight && slight < 1.0, "{strong} {slight}");
    }

    #[test]
    fn flat_pictures_have_the_value_of_the_formula() {
        let flat = |value| RgbImage::from_pixel(30, 20, Rgb([value; 3]));
        let expected = (2.0 * 100.0 * 120.0 + C1) / (100.0 * 100.0 + 120.0 * 120.0 + C1);
        assert!((ssim(&flat(100), &flat(120)) - expected).abs() < 1e-9);
    }

    #[test]
    fn a_wrong_colour_counts() {
        let mut red = picture(|_, _| 0);
        red.pixels_mut().for_each(|pixel| pixel[0] = 255 - pixel[0]);
        assert!(ssim(&picture(|_, _| 0), &red) < 0.9);
    }

    #[test]
    fn places_beyond_the_edge_mirror() {
        let places = |length| (0..length + 2 * RADIUS).map(move |i| mirrored(i, length)).collect::<Vec<_>>();
        assert_eq!(places(7), [5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1][..].to_vec());
        assert!(places(1).iter().all(|&place| place == 0));
    }
}
