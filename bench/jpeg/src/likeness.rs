//! Compares thumbnails with a full decode that is resized in one step by Lanczos3. The thumbnails differ only in the decoder: for both
//! decoders, the product's code resizes and encodes.

use image::{ImageFormat, RgbImage};
use judge::{Reference, read_jpeg, ssim};
use scaled_jpeg::Scale;
use thumbnail::{Format, Options, Output, Size};
use thumbnail_resample::{Part, resample};

use crate::{File, ours, turbo, turbo_eighths};

/// How much lower our SSIM may be.
pub const MARGIN: f64 = 0.001;

const WIDTHS: [u32; 3] = [500, 300, 100];

/// The SSIM of a thumbnail by each decoder.
pub struct Likeness {
    pub coding: &'static str,
    pub scale: Scale,
    pub width: u32,
    /// SSIM before encoding, ours and libjpeg-turbo's.
    pub pixels: (f64, f64),
    /// SSIM after encoding, ours and libjpeg-turbo's.
    pub file: (f64, f64),
}

impl Likeness {
    /// Our SSIM minus libjpeg-turbo's, before or after encoding, whichever is lower.
    pub fn lead(&self) -> f64 {
        (self.pixels.0 - self.pixels.1).min(self.file.0 - self.file.1)
    }
}

/// Compares the thumbnails of a file in every coding. The scales are those up to a half that leave twice a thumbnail's size, and of the
/// larger ones the scale that the product chooses.
///
/// # Panics
/// Panics if the file does not have three colours, or if the product makes other pixels of it than the same steps here.
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
            let picture = ours(coding.bytes, scale, coding.approximate);
            let picture = RgbImage::from_raw(picture.width, picture.height, picture.data).expect("three colours");
            let made = reduce(picture, size, scale.eighths(), &widths);
            if coding.approximate || coding.name == "baseline" {
                check(coding.bytes, size, scale, &widths, &made);
            }
            let others = reduce(turbo(coding.bytes, scale), size, turbo_eighths(scale), &widths);
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

/// The scale that the product chooses for the largest thumbnail.
fn taken(source: (u32, u32), largest: Option<&u32>) -> Option<Scale> {
    let (wide, high) = thumbnail_size(source, *largest?);
    Some(Scale::smallest_leaving((2 * wide, 2 * high), source))
}

fn thumbnail_size((width, height): (u32, u32), to: u32) -> (u32, u32) {
    (to, ((2 * height * to + width) / (2 * width)).max(1))
}

/// Makes the thumbnails without encoding them, each from the one before.
fn reduce(mut picture: RgbImage, source: (u32, u32), eighths: u32, widths: &[u32]) -> Vec<RgbImage> {
    let shown = |edge: u32, decoded: u32| (f64::from(edge) * f64::from(eighths) / 8.0).min(f64::from(decoded));
    let mut extent = (shown(source.0, picture.width()), shown(source.1, picture.height()));
    let mut made = Vec::new();
    for &width in widths {
        let size = thumbnail_size(source, width);
        let part = Part { left: 0.0, top: 0.0, width: extent.0, height: extent.1 };
        let pixels = resample(&picture, 3, picture.dimensions(), part, size, false).expect("sizes that fit");
        picture = RgbImage::from_raw(size.0, size.1, pixels).expect("as many pixels");
        made.push(picture.clone());
        extent = (size.0.into(), size.1.into());
    }
    made
}

/// Checks that the product makes the same pixels, if it chooses this scale for these widths.
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

/// Encodes a picture as the product does, and decodes it again.
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
