//! The two decoders, and files to try them on.

pub mod likeness;
pub mod speed;

use std::path::Path;

use image::imageops::FilterType;
use scaled_jpeg::{Decoder, Scale};

/// A file in both codings.
pub struct File {
    pub name: String,
    /// As it is, if it is not progressive.
    pub sequential: Vec<u8>,
    pub progressive: Vec<u8>,
    /// Sequential, without orientation and profile.
    pub plain: Vec<u8>,
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
}

/// The files at these paths, or one that is made.
///
/// # Panics
/// Where a file cannot be read or is no JPEG.
pub fn files(paths: impl Iterator<Item = String>) -> Vec<File> {
    let mut files: Vec<File> = paths
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            File::new(Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into(), &bytes)
        })
        .collect();
    if files.is_empty() {
        files.push(File::new("made.jpg".into(), &made()));
    }
    files
}

/// Smaller files of the same picture, of which more than a half is decoded.
///
/// # Panics
/// Where the file is no JPEG.
pub fn smaller(file: &File) -> Vec<File> {
    let picture = judge::read_jpeg(&file.plain).expect("a JPEG");
    let (width, height) = picture.dimensions();
    let widths = [1800, 1640, 1400, 1200].into_iter().filter(|&to| to < width);
    let files = widths.map(|to| {
        let reduced = image::imageops::resize(&picture, to, height * to / width, FilterType::CatmullRom);
        let edge = |edge: u32| u16::try_from(edge).expect("an edge of a JPEG");
        File::new(
            format!("{} at {to}", file.name),
            &encoded(&reduced, edge(reduced.width()), edge(reduced.height()), 85),
        )
    });
    files.collect()
}

fn encoded(pixels: &[u8], width: u16, height: u16, quality: u8) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(jpeg_encoder::ChromaSubsamplingMethod::Average);
    encoder.encode(pixels, width, height, jpeg_encoder::ColorType::Rgb).expect("a picture that can be encoded");
    file
}

/// Twelve megapixels of waves and noise.
fn made() -> Vec<u8> {
    let (width, height) = (4032_u16, 3024_u16);
    let mut noise = 0x9e37_79b9_u32;
    let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (f32::from(x) / 40.0, f32::from(y) / 30.0);
            let wave = 128.0 + 60.0 * (u + v.sin() * 2.0).sin() + 40.0 * (v - u / 3.0).cos();
            for channel in [0.0, 12.0, 31.0] {
                noise ^= noise << 13;
                noise ^= noise >> 17;
                noise ^= noise << 5;
                pixels.push((wave + channel + (noise % 13) as f32) as u8);
            }
        }
    }
    encoded(&pixels, width, height, 92)
}

/// RGB.
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    pub data: Vec<u8>,
}

/// Decodes with scaled-jpeg.
///
/// # Panics
/// Where the file is no JPEG.
pub fn ours(bytes: &[u8], scale: Scale, approximate: bool) -> Pixels {
    pixels(Decoder::from_slice(bytes).expect("a JPEG").approximate(approximate), scale)
}

/// Decodes with scaled-jpeg, one place of a scan at a time.
///
/// # Panics
/// Where the file is no JPEG.
pub fn one_at_a_time(bytes: &[u8], scale: Scale) -> Pixels {
    pixels(Decoder::from_slice(bytes).expect("a JPEG").one_at_a_time(), scale)
}

fn pixels(decoder: Decoder, scale: Scale) -> Pixels {
    let picture = decoder.decode(scale).expect("a JPEG");
    Pixels { width: picture.width, height: picture.height, data: picture.data }
}

/// Decodes with libjpeg-turbo, to a half where ours makes three eighths, which its fast paths do not have.
///
/// # Panics
/// Where the file is no JPEG.
pub fn turbo(bytes: &[u8], scale: Scale) -> Pixels {
    let factor = turbojpeg::ScalingFactor::new(turbo_eighths(scale) as usize, 8);
    let mut decompressor = turbojpeg::Decompressor::new().expect("a decompressor");
    let header = decompressor.read_header(bytes).expect("a JPEG");
    decompressor.set_scaling_factor(factor).expect("a known factor");
    let scaled = header.scaled(factor);
    let mut data = vec![0; scaled.width * scaled.height * 3];
    let image = turbojpeg::Image {
        pixels: &mut data[..],
        width: scaled.width,
        pitch: scaled.width * 3,
        height: scaled.height,
        format: turbojpeg::PixelFormat::RGB,
    };
    decompressor.decompress(bytes, image).expect("a JPEG");
    let edge = |edge: usize| u32::try_from(edge).expect("an edge of a JPEG");
    Pixels { width: edge(scaled.width), height: edge(scaled.height), data }
}

/// The scale, in eighths, at which libjpeg-turbo is compared.
pub fn turbo_eighths(scale: Scale) -> u32 {
    if scale == Scale::ThreeEighths { 4 } else { scale.eighths() }
}

/// What is decoded of a file, and how.
pub struct Coding<'a> {
    pub name: &'static str,
    pub bytes: &'a [u8],
    pub approximate: bool,
}

impl File {
    pub fn codings(&self) -> [Coding<'_>; 3] {
        let coding = |name, bytes, approximate| Coding { name, bytes, approximate };
        [
            coding("baseline", &self.sequential, false),
            coding("progressive", &self.progressive, false),
            coding("progressive, bounded", &self.progressive, true),
        ]
    }
}
