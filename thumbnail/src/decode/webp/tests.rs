//! Compares our decoder of lossy pictures with the crate `image-webp`.

use std::io::Cursor;

use image_webp::{UpsamplingMethod, WebPDecoder};
use webp::{Encoder, PixelLayout};

use super::*;
use crate::{box_filter::BoxFilter, header, picture::Model};

/// Encodes a picture with slopes and edges in all three colours.
fn encode(width: u32, height: u32, quality: f32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let texture = (x / 3 * 7 + y / 5 * 13) % 43;
        [x * 255 / width, y * 255 / height, if (x / 20 + y / 30).is_multiple_of(2) { 200 } else { 40 }]
            .map(|v| v / 2 + texture)
    };
    let pixels: Vec<u8> =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y).map(|v| u8::try_from(v).unwrap()))).collect();
    Encoder::new(&pixels, PixelLayout::Rgb, width, height).encode(quality).to_vec()
}

/// Decodes a file with our decoder, reduced by `by`.
fn ours(file: &[u8], by: u32) -> Picture {
    let header = header::read(file).unwrap();
    let header::Coding::Webp(coding) = &header.coding else { unreachable!() };
    let min_size = (header.width / by, header.height / by);
    assert_eq!(crate::decode::ratio(&header.coding, header.size(), min_size).from, by);
    decode(file, &header, coding, by).unwrap()
}

#[test]
fn a_picture_that_keeps_its_size_is_the_same_to_the_bit() {
    for (width, height) in [(1, 1), (2, 1), (1, 2), (3, 3), (16, 16), (17, 18), (50, 33), (131, 98)] {
        for quality in [5.0, 80.0] {
            let file = encode(width, height, quality);
            let (ours, other) =
                (ours(&file, 1), full::decode(&file, &header::read(&file).unwrap(), &WebpCoding::default()).unwrap());
            assert_eq!(ours.size(), other.size());
            assert!(ours.data == other.data, "{width}x{height} at quality {quality}");
        }
    }
}

/// Samples are averaged before or after they become colours, so only rounding differs.
#[test]
fn a_picture_that_is_reduced_is_nearly_the_same() {
    for by in 2..=9 {
        for (width, height) in [(270, 180), (271, 187)] {
            let file = encode(width, height, 80.0);
            let mut decoder = WebPDecoder::new(Cursor::new(&file)).unwrap();
            decoder.set_lossy_upsampling(UpsamplingMethod::Simple);
            let mut whole = vec![0; decoder.output_buffer_size().unwrap()];
            decoder.read_image(&mut whole).unwrap();
            let mut filter = BoxFilter::new((width, height), Model::Rgb, by);
            for row in whole.chunks_exact(3 * width as usize) {
                filter.row(row);
            }
            let (ours, other) = (ours(&file, by), filter.finish().unwrap());
            assert_eq!(ours.size(), other.size());
            let worst = ours.data.iter().zip(&other.data).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(3), "{width}x{height} by {by}: {worst:?}");
        }
    }
}
