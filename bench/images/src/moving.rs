//! Draws the frames of animations from the landscape.

use image::{DynamicImage, Rgb, RgbImage, imageops, imageops::FilterType};

use crate::{resized, screen};

const FRAMES: u32 = 12;

/// Moves the view along the landscape, so that every pixel changes.
pub(crate) fn pan(landscape: &RgbImage) -> Vec<RgbImage> {
    let small = resized(landscape, 1280, 960);
    (0..FRAMES).map(|frame| imageops::crop_imm(&small, frame * 40, 200, 640, 480).to_image()).collect()
}

/// Moves a small round picture over the landscape, which stands still.
pub(crate) fn sticker(landscape: &RgbImage) -> Vec<RgbImage> {
    let still = resized(landscape, 640, 480);
    let sticker = imageops::crop_imm(&resized(landscape, 1280, 960), 500, 500, 120, 120).to_image();
    let draw = |frame: u32| {
        let (left, top) = (20 + frame * 40, 40 + (frame * 67) % 260);
        let mut picture = still.clone();
        for (x, y, pixel) in sticker.enumerate_pixels() {
            if x.abs_diff(60).pow(2) + y.abs_diff(60).pow(2) < 58 * 58 {
                picture.put_pixel(left + x, top + y, *pixel);
            }
        }
        picture
    };
    (0..FRAMES).map(draw).collect()
}

/// Records a screen on which text is typed while the pointer moves.
pub(crate) fn recording(landscape: &RgbImage) -> Vec<RgbImage> {
    let shot = DynamicImage::ImageRgba8(screen::shot(landscape)).into_rgb8();
    let draw = |frame: u32| {
        let mut picture = shot.clone();
        // The lines of the window on the left that are not typed yet.
        for y in 220 + 36 * (3 + 2 * frame)..1620 {
            for x in 140..1170 {
                picture.put_pixel(x, y, Rgb(screen::PAPER));
            }
        }
        for (x, y) in (0..40).flat_map(|y| (0..=y / 2).map(move |x| (x, y))) {
            picture.put_pixel(400 + 60 * frame + x, 1500 - 70 * frame + y, Rgb([0; 3]));
        }
        imageops::resize(&picture, 960, 600, FilterType::Triangle)
    };
    (0..FRAMES).map(draw).collect()
}
