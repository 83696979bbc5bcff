//! Compares the decoder with the crate `image-webp`, on files from libwebp.

use std::io::Cursor;

use image_webp::{UpsamplingMethod, WebPDecoder};
use webp::{Encoder, PixelLayout, WebPConfig};

use super::*;

/// Makes a picture with flat, smooth, rough and sharp parts, so that all predictions and all sizes of coefficients occur.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 24
    };
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let [r, g, b] = match (x / 40 + y / 24) % 6 {
                0 => [200, 180, 40],
                1 => [x * 3, y * 3, x + y],
                2 => [noise(), noise(), noise()],
                3 => [if x % 11 < 5 { 250 } else { 3 }, if y % 7 < 3 { 240 } else { 9 }, 128],
                4 => [if (x + y) % 13 < 6 { 220 } else { 30 }, if (x + 64 - y % 64) % 17 < 8 { 0 } else { 255 }, x],
                _ => [(x * y / 8) % 256, 255 - (x * x / 32) % 256, noise() / 8 + 100],
            };
            pixels.extend([r, g, b].map(|v| (v % 256) as u8));
        }
    }
    pixels
}

fn encode(width: u32, height: u32, change: impl Fn(&mut WebPConfig)) -> Vec<u8> {
    let mut config = WebPConfig::new().unwrap();
    change(&mut config);
    let pixels = picture(width, height);
    Encoder::new(&pixels, PixelLayout::Rgb, width, height).encode_advanced(&config).unwrap().to_vec()
}

/// Returns the data of the frame in a file without other chunks.
fn frame(file: &[u8]) -> &[u8] {
    assert_eq!(&file[12..16], b"VP8 ");
    &file[20..]
}

/// Decodes a frame as far as possible, and returns red, green and blue.
fn decode(data: &[u8]) -> Vec<u8> {
    let mut frame = Frame::new(data).unwrap_or_else(|broken| panic!("{broken:?}"));
    let (width, height) = frame.size();
    let mut planes = [Vec::new(), Vec::new(), Vec::new()];
    while let Some(strip) = frame.next_strip() {
        for (plane, rows) in planes.iter_mut().zip(strip.ready()) {
            plane.extend(rows.map(<[u8]>::to_vec));
        }
    }
    let [luma, blue, red] = planes;
    assert!(luma.len() == 2 * blue.len() && luma.len() == 2 * red.len());
    let mut pixels = Vec::new();
    for (i, luma) in luma.iter().enumerate().take(height) {
        for (x, &y) in luma[..width].iter().enumerate() {
            pixels.extend(colour(y, blue[i / 2][x / 2], red[i / 2][x / 2]));
        }
    }
    pixels
}

/// Converts a pixel with the rounding of libwebp.
fn colour(y: u8, u: u8, v: u8) -> [u8; 3] {
    let times = |value: u8, factor: i32| (i32::from(value) * factor) >> 8;
    let y = times(y, 19_077);
    [y + times(v, 26_149) - 14_234, y - times(u, 6419) - times(v, 13_320) + 8708, y + times(u, 33_050) - 17_685]
        .map(|value| (value >> 6).clamp(0, 255) as u8)
}

fn expected(file: &[u8]) -> Vec<u8> {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).unwrap();
    decoder.set_lossy_upsampling(UpsamplingMethod::Simple);
    let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut pixels).unwrap();
    pixels
}

#[track_caller]
fn check(file: &[u8], what: &str) {
    let (pixels, expected) = (decode(frame(file)), expected(file));
    let differing = pixels.iter().zip(&expected).position(|(a, b)| a != b);
    assert!(pixels.len() == expected.len() && differing.is_none(), "{what}: byte {differing:?} of {}", expected.len());
}

#[test]
fn every_size_is_decoded_exactly() {
    for width in (1..20).chain([31, 32, 33, 100, 255]) {
        for height in [1, 2, 15, 16, 17, 33, 50] {
            check(&encode(width, height, |_| {}), &format!("{width}x{height}"));
        }
    }
}

#[test]
fn every_quality_and_effort_is_decoded_exactly() {
    for quality in [0.0, 1.0, 10.0, 30.0, 50.0, 75.0, 90.0, 98.0, 100.0] {
        for method in [0, 2, 4, 6] {
            let file = encode(251, 190, |config| {
                config.quality = quality;
                config.method = method;
            });
            check(&file, &format!("quality {quality}, method {method}"));
        }
    }
}

#[test]
fn segments_and_partitions_are_decoded_exactly() {
    for segments in 1..=4 {
        for partitions in 0..=3 {
            let file = encode(251, 190, |config| {
                config.segments = segments;
                config.partitions = partitions;
                config.sns_strength = 100;
                // With a higher method, libwebp writes one partition regardless of the setting.
                config.method = 2;
                config.quality = 60.0;
            });
            let header = Header::read(frame(&file)).unwrap_or_else(|broken| panic!("{broken:?}"));
            assert_eq!(header.partitions.len(), 1 << partitions);
            assert_eq!(header.segments.is_some(), segments > 1);
            check(&file, &format!("{segments} segments, {partitions} partitions"));
        }
    }
}

#[test]
fn every_filter_is_decoded_exactly() {
    for kind in [0, 1] {
        for (strength, quality) in [(1, 95.0), (5, 90.0), (20, 80.0), (40, 60.0), (60, 30.0), (100, 1.0)] {
            for sharpness in [0, 1, 3, 5, 7] {
                let file = encode(251, 190, |config| {
                    config.quality = quality;
                    (config.filter_type, config.filter_strength, config.filter_sharpness) = (kind, strength, sharpness);
                });
                check(&file, &format!("filter {kind} of strength {strength}, sharpness {sharpness}"));
            }
        }
    }
}

/// Wherever the data are cut, the rows before the cut are returned, and they are right.
#[test]
fn a_cut_frame_gives_the_rows_that_it_has() {
    let file = encode(120, 130, |config| config.quality = 40.0);
    let data = frame(&file);
    let whole = decode(data);
    let mut last = 0;
    for end in 0..data.len() {
        if Frame::new(&data[..end]).is_err() {
            assert_eq!(last, 0);
            continue;
        }
        let pixels = decode(&data[..end]);
        assert!(pixels.len() >= last, "{} bytes at {end}, {last} before", pixels.len());
        last = pixels.len();
        // The last row of macroblocks may have been decoded from the zeros after the end.
        let sure = last.saturating_sub(120 * 3 * (16 + 3));
        assert_eq!(pixels[..sure], whole[..sure], "cut at {end}");
    }
    assert!(last > whole.len() * 4 / 5, "without its last byte it had {last} of {}", whole.len());
}

#[test]
fn what_is_no_key_frame_is_refused() {
    let file = encode(40, 30, |_| {});
    let with = |at: usize, bits: u8| {
        let mut data = frame(&file).to_vec();
        data[at] ^= bits;
        Frame::new(&data).err()
    };
    assert!(matches!(with(0, 1), Some(Broken::Rules(_))), "a frame between key frames");
    assert!(matches!(with(3, 1), Some(Broken::Rules(_))), "a wrong start code");
    assert!(matches!(with(10, 0x80), Some(Broken::Rules(_))), "another colour space");
    // A first partition longer than the file.
    assert_eq!(with(2, 0xff), Some(Broken::Ends));
    assert_eq!(Frame::new(&[]).err(), Some(Broken::Ends));
}
