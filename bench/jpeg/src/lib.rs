//! scaled-jpeg and libjpeg-turbo, and the files that they decode.

pub mod likeness;
pub mod speed;

use std::path::Path;

use image::{RgbImage, imageops::FilterType};
use scaled_jpeg::{Decoder, Picture, Scale};

/// A JPEG, sequential and progressive.
pub struct File {
    pub name: String,
    /// The file itself if it is sequential, otherwise `plain`.
    pub sequential: Vec<u8>,
    /// The same coefficients in a progressive file.
    pub progressive: Vec<u8>,
    /// The same coefficients in a sequential file without metadata: no orientation, no colour profile.
    pub plain: Vec<u8>,
}

/// One way to decode a file.
pub struct Coding<'a> {
    pub name: &'static str,
    pub bytes: &'a [u8],
    /// Whether scaled-jpeg may leave out the last refinement (`Decoder::approximate`).
    pub approximate: bool,
}

impl File {
    fn new(name: String, bytes: &[u8]) -> Self {
        let coded = |progressive| {
            let mut transform = turbojpeg::Transform::default();
            (transform.progressive, transform.optimize) = (progressive, progressive);
            transform.copy_none = true;
            turbojpeg::transform(&transform, bytes).unwrap_or_else(|error| panic!("{name}: {error}")).to_vec()
        };
        let plain = coded(false);
        let is_progressive = Decoder::from_slice(bytes).is_ok_and(|decoder| decoder.header().progressive);
        let sequential = if is_progressive { plain.clone() } else { bytes.to_vec() };
        Self { sequential, progressive: coded(true), plain, name }
    }

    /// The ways to decode the file that are compared.
    pub fn codings(&self) -> [Coding<'_>; 3] {
        let coding = |name, bytes, approximate| Coding { name, bytes, approximate };
        [
            coding("baseline", &self.sequential, false),
            coding("progressive", &self.progressive, false),
            coding("progressive, bounded", &self.progressive, true),
        ]
    }
}

/// Reads files.
///
/// # Panics
/// Panics if a file cannot be read or is not a JPEG.
pub fn files(paths: &[String]) -> Vec<File> {
    let read = |path: &String| {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        File::new(Path::new(path).file_name().unwrap_or_default().to_string_lossy().into(), &bytes)
    };
    paths.iter().map(read).collect()
}

/// Makes smaller files of the same picture. For their thumbnails the product decodes more than a half of their width.
///
/// # Panics
/// Panics if the file is not a JPEG.
pub fn smaller(file: &File) -> Vec<File> {
    let picture = judge::read_jpeg(&file.plain).expect("a JPEG");
    let (width, height) = picture.dimensions();
    let widths = [1800, 1640, 1400, 1200].into_iter().filter(|&to| to < width);
    let files = widths.map(|to| {
        let reduced = image::imageops::resize(&picture, to, height * to / width, FilterType::CatmullRom);
        File::new(format!("{} at {to}", file.name), &encoded(&reduced))
    });
    files.collect()
}

fn encoded(picture: &RgbImage) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 85);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(jpeg_encoder::ChromaSubsamplingMethod::Average);
    let edge = |edge: u32| u16::try_from(edge).expect("an edge of a JPEG");
    let (width, height) = (edge(picture.width()), edge(picture.height()));
    encoder.encode(picture, width, height, jpeg_encoder::ColorType::Rgb).expect("a picture that can be encoded");
    file
}

/// Decodes with scaled-jpeg.
///
/// # Panics
/// Panics if the file is not a JPEG.
pub fn ours(bytes: &[u8], scale: Scale, approximate: bool) -> Picture {
    decoder(bytes).approximate(approximate).decode(scale).expect("a JPEG")
}

/// Decodes with scaled-jpeg, one place of a scan at a time.
///
/// # Panics
/// Panics if the file is not a JPEG.
pub fn one_at_a_time(bytes: &[u8], scale: Scale) -> Picture {
    decoder(bytes).one_at_a_time().decode(scale).expect("a JPEG")
}

fn decoder(bytes: &[u8]) -> Decoder<'_> {
    Decoder::from_slice(bytes).expect("a JPEG")
}

/// Decodes with libjpeg-turbo at the scale [`turbo_eighths`].
///
/// # Panics
/// Panics if the file is not a JPEG.
pub fn turbo(bytes: &[u8], scale: Scale) -> RgbImage {
    let factor = turbojpeg::ScalingFactor::new(turbo_eighths(scale) as usize, 8);
    let mut decompressor = turbojpeg::Decompressor::new().expect("a decompressor");
    let header = decompressor.read_header(bytes).expect("a JPEG");
    decompressor.set_scaling_factor(factor).expect("a known factor");
    let scaled = header.scaled(factor);
    let edge = |edge: usize| u32::try_from(edge).expect("an edge of a JPEG");
    let mut picture = RgbImage::new(edge(scaled.width), edge(scaled.height));
    let image = turbojpeg::Image {
        pixels: &mut *picture,
        width: scaled.width,
        pitch: scaled.width * 3,
        height: scaled.height,
        format: turbojpeg::PixelFormat::RGB,
    };
    decompressor.decompress(bytes, image).expect("a JPEG");
    picture
}

/// The scale, in eighths, at which libjpeg-turbo is compared: 4/8 instead of 3/8, for which it has no assembly.
pub fn turbo_eighths(scale: Scale) -> u32 {
    if scale == Scale::ThreeEighths { 4 } else { scale.eighths() }
}
