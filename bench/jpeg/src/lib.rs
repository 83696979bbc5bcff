//! The two decoders, and files to try them on.

use std::path::Path;

use scaled_jpeg::{Decoder, Scale};

/// A file in both codings.
pub struct File {
    pub name: String,
    pub sequential: Vec<u8>,
    pub progressive: Vec<u8>,
}

impl File {
    fn new(name: String, bytes: &[u8]) -> Self {
        let coded = |progressive| {
            let mut transform = turbojpeg::Transform::default();
            (transform.progressive, transform.optimize) = (progressive, progressive);
            turbojpeg::transform(&transform, bytes).unwrap_or_else(|error| panic!("{name}: {error}")).to_vec()
        };
        // A camera's own file keeps its own tables.
        let sequential = if scaled_jpeg_is_progressive(bytes) { coded(false) } else { bytes.to_vec() };
        Self { sequential, progressive: coded(true), name }
    }
}

fn scaled_jpeg_is_progressive(bytes: &[u8]) -> bool {
    Decoder::from_slice(bytes).is_ok_and(|decoder| decoder.header().progressive)
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
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 92);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb).expect("a picture that can be encoded");
    file
}

/// Decodes with scaled-jpeg: bytes of pixels.
pub fn ours(bytes: &[u8], scale: Scale, approximate: bool) -> usize {
    let decoder = Decoder::from_slice(bytes).expect("a JPEG");
    decoder.approximate(approximate).decode(scale).expect("a JPEG").data.len()
}

/// Decodes with libjpeg-turbo: bytes of pixels.
pub fn turbo(bytes: &[u8], scale: Scale) -> usize {
    let eighths = if scale == Scale::ThreeEighths { 4 } else { scale.eighths() as usize };
    let mut decompressor = turbojpeg::Decompressor::new().expect("a decompressor");
    let header = decompressor.read_header(bytes).expect("a JPEG");
    let factor = turbojpeg::ScalingFactor::new(eighths, 8);
    decompressor.set_scaling_factor(factor).expect("a known factor");
    let scaled = header.scaled(factor);
    let mut pixels = vec![0; scaled.width * scaled.height * 3];
    let image = turbojpeg::Image {
        pixels: &mut pixels[..],
        width: scaled.width,
        pitch: scaled.width * 3,
        height: scaled.height,
        format: turbojpeg::PixelFormat::RGB,
    };
    decompressor.decompress(bytes, image).expect("a JPEG");
    pixels.len()
}
