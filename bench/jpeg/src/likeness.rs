//! How near thumbnails come to a full decode resized at once by Lanczos3, by the decoder that made the picture they are reduced
//! from: the rest of the way, resizing and encoding, is the product's for both.

use image::{ImageFormat, RgbImage};
use judge::{Reference, read_jpeg, ssim};
use scaled_jpeg::Scale;
use thumbnail::{Format, Options, Output, Size};
use thumbnail_resample::{Part, resample};

use crate::{File, Pixels, ours, turbo, turbo_eighths};

/// SSIM that ours may be behind.
pub const MARGIN: f64 = 0.001;

const WIDTHS: [u32; 3] = [500, 300, 100];

/// SSIM of a thumbnail.
pub struct Likeness {
    pub coding: &'static str,
    pub scale: Scale,
    pub width: u32,
    /// Before encoding, ours and libjpeg-turbo's.
    pub pixels: (f64, f64),
    /// After it.
    pub file: (f64, f64),
}

impl Likeness {
    /// By how much ours is nearer, before encoding or after it, where that is less.
    pub fn lead(&self) -> f64 {
        (self.pixels.0 - self.pixels.1).min(self.file.0 - self.file.1)
    }
}

/// Compares thumbnails of a file in every coding, at every scale up to a half that leaves twice a thumbnail's size, and above at
/// those that the product takes.
///
/// # Panics
/// Where the file has no three colours, or the product makes other pixels of it than the steps that are repeated here.
pub fn compare(file: &File) -> Vec<Likeness> {
    let mut reference = Reference::new(&file.plain).expect("a JPEG");
    let size = reference.size();
    let mut found = Vec::new();
    for mut coding in file.codings() {
        if coding.name == "baseline" {
            coding.bytes = &file.plain;
        }
        for scale in Scale::ALL {
            let left = scale.apply(size);
            let fits = |width: &u32| {
                let (wide, high) = thumbnail_size(size, *width);
                left.0 >= 2 * wide && left.1 >= 2 * high
            };
            let widths: Vec<u32> = WIDTHS.into_iter().filter(fits).collect();
            if scale > Scale::Half && taken(size, widths.first()) != Some(scale) {
                continue;
            }
            let made = reduce(&ours(coding.bytes, scale, coding.approximate), size, scale.eighths(), &widths);
            if coding.approximate || coding.name == "baseline" {
                check(coding.bytes, size, scale, &widths, &made);
            }
            let others = reduce(&turbo(coding.bytes, scale), size, turbo_eighths(scale), &widths);
            for ((width, ours), turbo) in widths.into_iter().zip(&made).zip(&others) {
                let expected = reference.at(ours.dimensions(), true).expect("a thumbnail of the source's shape");
                let pixels = (ssim(expected, ours), ssim(expected, turbo));
                let file = (ssim(expected, &encoded(ours)), ssim(expected, &encoded(turbo)));
                found.push(Likeness { coding: coding.name, scale, width, pixels, file });
            }
        }
    }
    found
}

/// The scale that the product takes where that is the largest thumbnail.
fn taken(source: (u32, u32), largest: Option<&u32>) -> Option<Scale> {
    let (wide, high) = thumbnail_size(source, *largest?);
    Some(Scale::smallest_leaving((2 * wide, 2 * high), source))
}

fn thumbnail_size((width, height): (u32, u32), to: u32) -> (u32, u32) {
    (to, ((2 * height * to + width) / (2 * width)).max(1))
}

/// The thumbnails before encoding, each of the one before it.
fn reduce(pixels: &Pixels, source: (u32, u32), eighths: u32, widths: &[u32]) -> Vec<RgbImage> {
    let shown = |edge: u32, decoded: u32| (f64::from(edge) * f64::from(eighths) / 8.0).min(f64::from(decoded));
    let mut data = pixels.data.clone();
    let mut from = (pixels.width, pixels.height);
    let mut extent = (shown(source.0, pixels.width), shown(source.1, pixels.height));
    let mut made = Vec::new();
    for &width in widths {
        let size = thumbnail_size(source, width);
        let part = Part { left: 0.0, top: 0.0, width: extent.0, height: extent.1 };
        data = resample(&data, 3, from, part, size, false).expect("sizes that fit");
        made.push(RgbImage::from_raw(size.0, size.1, data.clone()).expect("as many pixels"));
        (from, extent) = (size, (size.0.into(), size.1.into()));
    }
    made
}

/// Where the product would take this scale for these widths, it makes the very same pixels.
fn check(bytes: &[u8], source: (u32, u32), scale: Scale, widths: &[u32], made: &[RgbImage]) {
    if taken(source, widths.first()) != Some(scale) {
        return;
    }
    let product = thumbnail::make(bytes, &options(widths, Format::Png)).expect("a JPEG");
    for (thumbnail, made) in product.thumbnails.iter().zip(made) {
        let shown = image::load_from_memory(&thumbnail.bytes).expect("a PNG").into_rgb8();
        assert!(shown == *made, "{}: the product makes other pixels than these", thumbnail.size);
    }
}

/// What shows of a picture after the product's encoder.
fn encoded(picture: &RgbImage) -> RgbImage {
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).expect("a PNG");
    let made = thumbnail::make(file.get_ref(), &options(&[picture.width()], Format::Jpeg)).expect("a PNG");
    read_jpeg(&made.thumbnails[0].bytes).expect("a JPEG")
}

fn options(widths: &[u32], format: Format) -> Options {
    let sizes = widths.iter().map(|&width| Size::Width(width)).collect();
    Options { sizes, outputs: vec![Output { format: Some(format), quality: None }], ..Options::default() }
}
