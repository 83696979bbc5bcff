//! JPEG: baseline, 4:2:0, one scan, with Huffman tables for the picture (ITU-T T.81).
//!
//! This encoder is our own, because other encoders in Rust write such tables only into files with several scans. Those files are
//! legal, but some decoders show them as one flat colour.

mod huffman;
mod planes;
mod tables;
mod transform;
mod trellis;

use huffman::Symbols;
use planes::Plane;
use transform::Quantiser;
use trellis::Trellis;

use super::failed;
use crate::{
    Rejection,
    picture::{Model, Picture},
};

/// Encodes a grey or RGB picture. `quality`, from 1 to 100, looks like the same quality of libjpeg, in fewer bytes.
pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, Rejection> {
    let (Ok(width), Ok(height)) = (u16::try_from(picture.width), u16::try_from(picture.height)) else {
        return Err(failed(format!("{} by {} pixels are too many for JPEG", picture.width, picture.height)));
    };
    let is_gray = picture.model == Model::Gray;
    let planes = if is_gray { vec![Plane::gray(picture)] } else { planes::ycbcr(picture).into() };
    let quantisers =
        [&tables::LUMINANCE, &tables::CHROMINANCE].map(|table| Quantiser::new(tables::steps(table, quality)));
    let quantisers = &quantisers[..planes.len().min(2)];

    let symbols = scan(&planes, quantisers, quality < 100);
    let codes: Vec<_> = symbols.codes().into_iter().take(2 * quantisers.len()).collect();

    let mut file = vec![0xff, 0xd8];
    // JFIF 1.1 with square pixels and no preview.
    segment(&mut file, 0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let mut tables = Vec::new();
    for (id, quantiser) in (0..).zip(quantisers) {
        tables.push(id);
        tables.extend(quantiser.zigzag());
    }
    segment(&mut file, 0xdb, &tables);
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes().iter().chain(&width.to_be_bytes()));
    frame.push(number(planes.len()));
    for (id, plane) in (1..).zip(&planes) {
        frame.extend([id, number(plane.blocks * 0x11), id.min(2) - 1]);
    }
    segment(&mut file, 0xc0, &frame);
    tables.clear();
    for (index, code) in (0..).zip(&codes) {
        // The class, 0 for means and 1 for other coefficients, and the number of the table.
        tables.push(((index % 2) << 4) | (index / 2));
        tables.extend(code.counts);
        tables.extend(&code.symbols);
    }
    segment(&mut file, 0xc4, &tables);
    let mut header = vec![number(planes.len())];
    header.extend((1..).zip(&planes).flat_map(|(id, _)| [id, (id.min(2) - 1) * 0x11]));
    header.extend([0, 63, 0]);
    segment(&mut file, 0xda, &header);
    symbols.write(&codes, &mut file);
    file.extend([0xff, 0xd9]);
    Ok(file)
}

/// Codes a picture as symbols, unit by unit. A unit has the blocks of all components that cover the same pixels. If `thrifty`,
/// coefficients that are not worth their bits are dropped.
fn scan(planes: &[Plane], quantisers: &[Quantiser], thrifty: bool) -> Symbols {
    let mut symbols = Symbols::default();
    let mut previous = [0; 3];
    let mut trellis = Trellis::default();
    let (columns, rows) = planes[0].units();
    for row in 0..rows {
        for column in 0..columns {
            for (component, plane) in planes.iter().enumerate() {
                let table = component.min(1);
                for block in 0..plane.blocks * plane.blocks {
                    let samples = plane.block(column, row, block);
                    let coefficients = quantisers[table].coefficients(samples);
                    let block = if thrifty {
                        trellis.round(&coefficients, trellis::weight(&samples), table)
                    } else {
                        coefficients.map(trellis::nearest)
                    };
                    symbols.push(&block, previous[component], table);
                    previous[component] = block[0];
                }
            }
        }
    }
    symbols
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
    file.extend([0xff, marker]);
    file.extend(length.to_be_bytes());
    file.extend(content);
}

fn number(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, model: Model) -> Picture {
        let sample =
            |x: u32, y: u32, channel: u32| (x * 255 / width * (channel % 2) + y * 200 / height * (2 - channel)) / 3;
        let channels = u32::try_from(model.channels()).unwrap();
        let at = |i| (i / channels % width, i / channels / width, i % channels);
        let samples = (0..width * height * channels).map(at).map(|(x, y, channel)| sample(x, y, channel));
        Picture { width, height, model, data: samples.map(|sample| u8::try_from(sample).unwrap()).collect() }
    }

    /// Some decoders show files of several scans as one flat colour.
    #[test]
    fn everything_is_in_one_scan() {
        for model in [Model::Gray, Model::Rgb] {
            let file = encode(&picture(50, 40, model), 80).unwrap();
            let markers = |kind: u8| file.windows(2).filter(|pair| *pair == [0xff, kind]).count();
            assert_eq!([0xc0, 0xda, 0xdb, 0xc4].map(markers), [1; 4]);
        }
    }

    #[test]
    fn two_decoders_read_every_size() {
        for model in [Model::Gray, Model::Rgb] {
            for (width, height) in [(1, 1), (8, 8), (16, 16), (17, 1), (1, 17), (15, 33), (200, 120)] {
                let source = picture(width, height, model);
                let file = encode(&source, 95).unwrap();
                let one = jpeg_decoder::Decoder::new(&file[..]).decode().unwrap();
                let other = zune_jpeg::JpegDecoder::new(std::io::Cursor::new(&file)).decode().unwrap();
                for decoded in [one, other] {
                    let grey = |value: &u8| [*value; 3];
                    // One of the decoders returns grey files in three channels.
                    let expected: Vec<_> = if decoded.len() == source.data.len() {
                        source.data.clone()
                    } else {
                        source.data.iter().flat_map(grey).collect()
                    };
                    let worst = decoded.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                    assert!(
                        decoded.len() == expected.len() && worst < 24,
                        "{width}x{height} {model:?}: off by {worst}"
                    );
                }
            }
        }
    }

    #[test]
    fn noise_at_the_best_quality_comes_back() {
        let mut state = 1_u32;
        let data = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        let source = Picture { width: 40, height: 30, model: Model::Gray, data: data.take(1200).collect() };
        let file = encode(&source, 100).unwrap();
        let decoded = jpeg_decoder::Decoder::new(&file[..]).decode().unwrap();
        let worst = decoded.iter().zip(&source.data).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst <= 3, "off by {worst}");
    }

    /// A backfill compares nothing but settings. Whoever changes these bytes raises the generation in the fingerprint.
    #[test]
    fn the_same_pixels_are_the_same_bytes_on_every_machine() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut source = picture(120, 90, Model::Rgb);
        for sample in &mut source.data {
            *sample = sample.saturating_add(random.u8(..40));
        }
        let sums = [40, 80, 99, 100].map(|quality| {
            let file = encode(&source, quality).unwrap();
            (file.len(), file.iter().fold(0_u32, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into())))
        });
        assert_eq!(
            sums,
            [(642, 1_534_690_933), (2_454, 4_164_497_244), (11_001, 2_270_689_114), (11_318, 3_796_702_547)]
        );
    }

    #[test]
    fn better_qualities_come_nearer() {
        let mut random = fastrand::Rng::with_seed(6);
        let mut source = picture(120, 90, Model::Gray);
        for sample in &mut source.data {
            *sample = sample.saturating_add(random.u8(..40));
        }
        let mut before = (0, u32::MAX);
        for quality in [1, 10, 30, 60, 80, 90, 95, 100] {
            let file = encode(&source, quality).unwrap();
            let decoded = jpeg_decoder::Decoder::new(&file[..]).decode().unwrap();
            let error = |(a, b): (&u8, &u8)| u32::from(a.abs_diff(*b)).pow(2);
            let now = (file.len(), decoded.iter().zip(&source.data).map(error).sum());
            assert!(now.0 > before.0 && now.1 < before.1, "{quality}: {now:?} after {before:?}");
            before = now;
        }
    }
}
