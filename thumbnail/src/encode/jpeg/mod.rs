//! JPEG: baseline, 4:2:0, all components in one scan, with Huffman tables made for the picture (ITU-T T.81).
//!
//! Our own, since the encoders of this field that are written in Rust write such tables only into files of several scans, which
//! are legal and which some decoders show as one flat colour.

mod huffman;
mod planes;
mod transform;

use huffman::{Class, Symbols};
use planes::Plane;
use transform::Quantiser;

use super::failed;
use crate::{
    Rejection,
    picture::{Model, Picture},
};

/// `picture` is grey or RGB; `quality` from 1 to 100 scales the standard's example tables, as nearly every encoder does.
pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, Rejection> {
    let (Ok(width), Ok(height)) = (u16::try_from(picture.width), u16::try_from(picture.height)) else {
        return Err(failed(format!("{} by {} pixels are too many for JPEG", picture.width, picture.height)));
    };
    let is_gray = picture.model == Model::Gray;
    let planes = if is_gray { vec![Plane::gray(picture)] } else { planes::ycbcr(picture).into() };
    let quantisers = [&transform::LUMINANCE, &transform::CHROMINANCE].map(|table| Quantiser::new(table, quality));
    let quantisers = &quantisers[..planes.len().min(2)];

    let symbols = scan(&planes, quantisers);
    let codes: Vec<_> = symbols.codes().into_iter().take(2 * quantisers.len()).collect();

    let mut file = vec![0xff, 0xd8];
    // JFIF 1.1, a pixel aspect of 1:1, no preview.
    segment(&mut file, 0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    for (id, quantiser) in (0..).zip(quantisers) {
        segment(&mut file, 0xdb, &[&[id][..], &quantiser.zigzag()].concat());
    }
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes().iter().chain(&width.to_be_bytes()));
    frame.push(number(planes.len()));
    for (id, plane) in (1..).zip(&planes) {
        let sampling = if plane.blocks_in_unit == 4 { 0x22 } else { 0x11 };
        frame.extend([id, sampling, id.min(2) - 1]);
    }
    segment(&mut file, 0xc0, &frame);
    for ((class, id), code) in Class::ALL.into_iter().zip(&codes) {
        let class_and_id = [(class as u8) << 4 | id];
        segment(&mut file, 0xc4, &[&class_and_id[..], &code.counts()[..], code.symbols()].concat());
    }
    let mut header = vec![number(planes.len())];
    header.extend((1..).zip(&planes).flat_map(|(id, _)| [id, (id.min(2) - 1) * 0x11]));
    header.extend([0, 63, 0]);
    segment(&mut file, 0xda, &header);
    symbols.write(&codes, &mut file);
    file.extend([0xff, 0xd9]);
    Ok(file)
}

/// The symbols of the picture, unit by unit: as many blocks of each component as cover the same pixels.
fn scan(planes: &[Plane], quantisers: &[Quantiser]) -> Symbols {
    let mut symbols = Symbols::default();
    let mut previous = [0; 3];
    let (columns, rows) = planes[0].units();
    for row in 0..rows {
        for column in 0..columns {
            for (component, plane) in planes.iter().enumerate() {
                let table = component.min(1);
                for block in 0..plane.blocks_in_unit {
                    let block = quantisers[table].quantise(plane.block(column, row, block));
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

    /// Files of several scans are shown as one flat colour by some decoders.
    #[test]
    fn everything_is_in_one_scan() {
        for model in [Model::Gray, Model::Rgb] {
            let file = encode(&picture(50, 40, model), 80).unwrap();
            let markers = |kind: u8| file.windows(2).filter(|pair| *pair == [0xff, kind]).count();
            let tables = model.channels().min(2);
            assert_eq!((markers(0xc0), markers(0xda), markers(0xdb), markers(0xc4)), (1, 1, tables, 2 * tables));
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
                    // One of them answers grey files in three channels.
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
}
