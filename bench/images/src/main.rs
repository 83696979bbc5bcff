//! Makes the pictures that the benchmark measures by default, from the landscape that `sample` paints. Every run makes the same bytes, and
//! skips files that exist.
//!
//! `images SAMPLE.jpg FOLDER`

mod codecs;
mod moving;
mod screen;

use std::{error::Error, fs, path::Path};

use image::{Pixel, RgbImage, imageops, imageops::FilterType};
use jpeg_encoder::SamplingFactor;

use codecs::Jpeg;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Makes a file from the landscape.
type Make = fn(&RgbImage) -> Result<Vec<u8>>;

const FILES: [(&str, Make); 20] = [
    ("jpeg-12mp.jpg", |landscape| Jpeg::default().encode(landscape)),
    ("jpeg-12mp-portrait.jpg", |landscape| Jpeg::default().encode(&imageops::rotate270(landscape))),
    ("jpeg-12mp-orientation-6.jpg", |landscape| Jpeg { orientation: 6, ..Jpeg::default() }.encode(landscape)),
    ("jpeg-12mp-422.jpg", |landscape| Jpeg { sampling: SamplingFactor::F_2_1, ..Jpeg::default() }.encode(landscape)),
    ("jpeg-12mp-progressive.jpg", |landscape| Jpeg { progressive: true, ..Jpeg::default() }.encode(landscape)),
    ("jpeg-2mp.jpg", |landscape| Jpeg::default().encode(&resized(landscape, 1632, 1224))),
    ("jpeg-0.3mp.jpg", |landscape| Jpeg::default().encode(&resized(landscape, 600, 450))),
    ("jpeg-50mp.jpg", |landscape| Jpeg::default().encode(&enlarged(landscape))),
    ("png-photo-6mp.png", |landscape| codecs::png(&resized(landscape, 2832, 2124).into())),
    ("png-screenshot.png", |landscape| codecs::png(&screen::shot(landscape).into())),
    ("webp-lossy-12mp.webp", |landscape| codecs::webp(landscape, false)),
    ("webp-lossless-6mp.webp", |landscape| codecs::webp(&resized(landscape, 2832, 2124), true)),
    ("gif-photo.gif", |landscape| codecs::gif(&[resized(landscape, 1280, 960)])),
    ("gif-animation.gif", |landscape| codecs::gif(&moving::pan(landscape))),
    ("gif-sticker.gif", |landscape| codecs::gif(&moving::sticker(landscape))),
    ("gif-recording.gif", |landscape| codecs::gif(&moving::recording(landscape))),
    ("webp-animation.webp", |landscape| codecs::webp_animation(&moving::pan(landscape))),
    ("webp-sticker.webp", |landscape| codecs::webp_animation(&moving::sticker(landscape))),
    ("webp-recording.webp", |landscape| codecs::webp_animation(&moving::recording(landscape))),
    ("avif-12mp.avif", |landscape| codecs::avif(landscape)),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [sample, folder] = &arguments[..] else { return Err("usage: images SAMPLE.jpg FOLDER".into()) };
    let landscape = image::open(sample).map_err(|error| format!("{sample}: {error}"))?;
    let landscape = grained(landscape.into_rgb8());
    fs::create_dir_all(folder)?;
    for (name, make) in FILES {
        let path = Path::new(folder).join(name);
        if path.exists() {
            continue;
        }
        println!("painting {name}");
        // A run that is interrupted leaves no incomplete file for the next run to measure.
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, make(&landscape)?)?;
        fs::rename(&unfinished, &path)?;
    }
    Ok(())
}

fn resized(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    imageops::resize(picture, width, height, FilterType::CatmullRom)
}

/// Enlarges to 49 megapixels and adds grain. The result is as soft as the pictures of sensors with small pixels.
fn enlarged(picture: &RgbImage) -> RgbImage {
    grained(imageops::resize(picture, picture.width() * 2, picture.height() * 2, FilterType::Triangle))
}

/// Adds the noise of a sensor, so that a JPEG of 12 megapixels has 3 megabytes, as from a camera.
fn grained(mut picture: RgbImage) -> RgbImage {
    let mut random = 1_u32;
    for pixel in picture.pixels_mut() {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let grain = u8::try_from(random % 9).unwrap_or_default();
        *pixel = pixel.map(|channel| channel.saturating_add(grain).saturating_sub(4));
    }
    picture
}
