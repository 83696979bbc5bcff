//! Tests that every format results in the right pixels, and that damaged files are shown if nearly whole, and rejected otherwise.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // figures to look at, and small ones

mod avif;
mod bitmaps;
mod damage;
mod fields;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod frames;
mod incoming;
mod inputs;
mod jpegs;
mod keep;
mod outputs;
mod simple;
#[cfg(feature = "svg")]
mod svg;
mod tiff_tags;
mod tiffs;

use thumbnail::{Format, Made, Options, Output, Reason, Size};

const WIDTH: u32 = 240;
const HEIGHT: u32 = 160;

/// Makes one PNG of `width` from a file.
fn make(file: &[u8], width: u32) -> Made {
    let output = Output { format: Some(Format::Png), quality: None };
    let options = Options { sizes: vec![Size::Width(width)], outputs: vec![output], ..Options::default() };
    thumbnail::make(file, &options).unwrap_or_else(|rejection| panic!("{rejection}"))
}

fn reason(file: &[u8]) -> Reason {
    thumbnail::make(file, &Options::default()).map(|made| made.source).unwrap_err().reason
}

/// Decodes a PNG to its width, its height, and pixels of red, green, blue and alpha.
fn decode(file: &[u8]) -> (u32, u32, Vec<[u8; 4]>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    let pixel = |p: &[u8]| match *p {
        [v] => [v, v, v, 255],
        [v, a] => [v, v, v, a],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, a] => [r, g, b, a],
        _ => unreachable!(),
    };
    (info.width, info.height, data.chunks_exact(info.color_type.samples()).map(pixel).collect())
}

/// Computes the mean difference in levels between a thumbnail at full size and the expected picture.
fn difference(file: &[u8], expected: &[[u8; 4]]) -> f64 {
    let made = make(file, WIDTH);
    let (width, height, pixels) = decode(&made.thumbnails[0].bytes);
    assert_eq!((width, height), (WIDTH, HEIGHT));
    let sum: u32 = pixels.iter().flatten().zip(expected.iter().flatten()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    f64::from(sum) / (pixels.len() * 4) as f64
}

fn colour() -> Vec<[u8; 4]> {
    fixtures::rgb(WIDTH, HEIGHT).chunks_exact(3).map(|p| [p[0], p[1], p[2], 255]).collect()
}

fn grey() -> Vec<[u8; 4]> {
    fixtures::gray(WIDTH, HEIGHT).iter().map(|&v| [v, v, v, 255]).collect()
}

fn transparent() -> Vec<[u8; 4]> {
    fixtures::rgba(WIDTH, HEIGHT).chunks_exact(4).map(|p| [p[0], p[1], p[2], p[3]]).collect()
}

/// The palette of the PNG and GIF fixtures.
fn paletted() -> Vec<[u8; 4]> {
    fixtures::gray(WIDTH, HEIGHT).iter().map(|&v| [v, 255 - v, v / 2, 255]).collect()
}
