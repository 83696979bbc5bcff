//! Tests headers, errors, damage, and files that arrive in pieces.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use std::io::{BufReader, Read};

use scaled_jpeg::{Decoder, Error, Pixels, Plane, Scale};

use crate::common::{
    Random,
    writer::{Form, Picture, Scan},
};

fn photo() -> Picture {
    Picture::random(200, 160, &[(2, 2), (1, 1), (1, 1)], 11)
}

/// Inserts segments after the first marker of a file.
fn with(segments: &[(u8, &[u8])], file: &[u8]) -> Vec<u8> {
    let mut out = file[..2].to_vec();
    for (marker, content) in segments {
        out.extend([0xff, *marker]);
        out.extend((content.len() as u16 + 2).to_be_bytes());
        out.extend(*content);
    }
    out.extend(&file[2..]);
    out
}

#[test]
fn the_header_comes_first() {
    let file = photo().write(&Form::progressive(3));
    let profile = |number: u8, data: &[u8]| [&b"ICC_PROFILE\0"[..], &[number, 2], data].concat();
    let (second, first) = (profile(2, b"file"), profile(1, b"pro"));
    let file = with(
        &[
            (0xe0, b"JFIF\0 and so on"),
            (0xe1, b"Exif\0\0MM\0*"),
            (0xe1, b"Exif\0\0another"),
            (0xe2, &second),
            (0xe2, &first),
            (0xee, b"Adobe\0d\0\0\0\0\x01"),
        ],
        &file,
    );
    let scan = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    // Nothing after the header of the first scan is needed.
    let decoder = Decoder::new(&file[..scan + 16]).unwrap();
    let header = decoder.header();
    assert_eq!((header.width, header.height), (200, 160));
    assert!(header.progressive && header.jfif && header.interleaved);
    assert_eq!(
        header.components.iter().map(|c| (c.id, c.h, c.v)).collect::<Vec<_>>(),
        [(1, 2, 2), (2, 1, 1), (3, 1, 1)]
    );
    assert_eq!(header.adobe, Some(1));
    assert_eq!(header.exif.as_deref(), Some(&b"MM\0*"[..]));
    assert_eq!(header.icc.as_deref(), Some(&b"profile"[..]));
}

#[test]
fn other_kinds_are_refused_by_the_header() {
    let file = photo().write(&Form::sequential(3));
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc1]).unwrap();
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = file.clone();
        change(&mut file);
        match Decoder::from_slice(&file) {
            Err(Error::Unsupported(what)) => what,
            other => panic!("{:?}", other.map(|decoder| decoder.header().clone())),
        }
    };
    assert_eq!(refused(&|file| file[frame + 4] = 12), "more than 8 bits a sample");
    assert_eq!(refused(&|file| file[frame + 1] = 0xc3), "lossless");
    for marker in [0xc5, 0xc6, 0xc7, 0xde] {
        assert_eq!(refused(&|file| file[frame + 1] = marker), "hierarchical");
    }
    for marker in [0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf] {
        assert_eq!(refused(&|file| file[frame + 1] = marker), "arithmetic coding");
    }
    assert_eq!(refused(&|file| file[frame + 9] = 2), "neither one nor three nor four components");
    assert!(matches!(Decoder::from_slice(b"GIF89a"), Err(Error::NotJpeg)));
    assert!(matches!(Decoder::from_slice(&file[..frame]), Err(Error::NoPicture)));
}

const JFIF: &[u8] = b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0";

#[test]
fn colours_follow_adobe_and_the_names_of_components() {
    let pixels = |factors: &[(usize, usize)], segments: &[(u8, &[u8])]| {
        let file = Picture::random(8, 8, factors, 2).write(&Form::sequential(factors.len()));
        let decoded = Decoder::from_slice(&with(segments, &file)).unwrap().decode(Scale::Eighth).unwrap();
        (decoded.pixels, decoded.data)
    };
    let adobe = |transform: u8| [&b"Adobe\0d\0\0\0\0"[..], &[transform]].concat();
    let (gray, lightness) = pixels(&[(1, 1)], &[]);
    assert_eq!((gray, lightness.len()), (Pixels::Gray, 1));
    let three = [(1, 1); 3];
    let (model, stored) = pixels(&three, &[(0xee, &adobe(0))]);
    assert_eq!(model, Pixels::Rgb);
    let [y, cb, cr] = [stored[0], stored[1], stored[2]].map(f64::from);
    let expected =
        [y + 1.402 * (cr - 128.0), y - 0.344_136 * (cb - 128.0) - 0.714_136 * (cr - 128.0), y + 1.772 * (cb - 128.0)];
    for segments in [&[][..], &[(0xee, &adobe(1)[..])], &[(0xe0, JFIF), (0xee, &adobe(0))]] {
        let (_, rgb) = pixels(&three, segments);
        for (value, expected) in rgb.iter().zip(expected) {
            assert!((f64::from(*value) - expected.clamp(0.0, 255.0)).abs() <= 1.0, "{rgb:?} for {expected:?}");
        }
    }
    // Identifiers that spell the colours count only if nothing else names the colour model.
    let named = |segments: &[(u8, &[u8])]| {
        let mut file = with(segments, &Picture::random(8, 8, &three, 2).write(&Form::sequential(3)));
        for start in [[0xff, 0xc1], [0xff, 0xda]] {
            let at = file.windows(2).position(|pair| pair == start).unwrap();
            let (first, step) = if start[1] == 0xc1 { (at + 10, 3) } else { (at + 5, 2) };
            (0..3).for_each(|index| file[first + index * step] = b"RGB"[index]);
        }
        Decoder::from_slice(&file).unwrap().decode(Scale::Eighth).unwrap().data
    };
    assert_eq!(named(&[]), stored);
    assert_eq!(named(&[(0xe0, JFIF)]), pixels(&three, &[]).1);
    assert_eq!(named(&[(0xee, &adobe(1))]), pixels(&three, &[]).1);
    let four = [(1, 1); 4];
    let planes = {
        let file = Picture::random(8, 8, &four, 2).write(&Form::sequential(4));
        Decoder::from_slice(&file).unwrap().decode_planes(Scale::Eighth).unwrap()
    };
    let missing: Vec<u8> = planes.iter().map(|plane| 255 - plane.data[0]).collect();
    for segments in [&[][..], &[(0xee, &adobe(0)[..])], &[(0xe0, JFIF)]] {
        assert_eq!(pixels(&four, segments), (Pixels::Cmyk, missing.clone()));
    }
    // An undefined transform counts as the defined one.
    for transform in [1, 2, 3] {
        let (_, ycck) = pixels(&four, &[(0xee, &adobe(transform))]);
        assert_eq!(ycck[3], missing[3]);
        assert_ne!(ycck[..3], missing[..3]);
    }
}

#[test]
fn pieces_of_any_size_make_the_same_picture() {
    for form in [Form::sequential(3), Form::separate(3), Form::progressive(3)] {
        let file = photo().write(&Form { fill: true, interval: 5, ..form });
        let whole = Decoder::from_slice(&file).unwrap().decode(Scale::Quarter).unwrap();
        for size in [1, 2, 3, 7, 64, 1000] {
            let decoded =
                Decoder::new(BufReader::with_capacity(size, &file[..])).unwrap().decode(Scale::Quarter).unwrap();
            assert_eq!(decoded.data, whole.data, "pieces of {size}");
            assert!(decoded.coverage.is_complete());
        }
    }
}

/// A connection that breaks.
struct Lost;

impl Read for Lost {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("connection lost"))
    }
}

#[test]
fn a_failing_reader_fails_the_picture() {
    let file = photo().write(&Form::sequential(3));
    let reader = file[..file.len() / 2].chain(BufReader::new(Lost));
    let decoded = Decoder::new(reader).unwrap().decode(Scale::Eighth);
    assert!(matches!(decoded, Err(Error::Io(_))));
}

#[test]
fn a_cut_file_tells_how_much_was_there() {
    let file = photo().write(&Form::sequential(3));
    let start = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
    let whole = Decoder::from_slice(&file).unwrap().decode(Scale::Half).unwrap();
    let mut last = 0;
    for tenths in 0..10 {
        let cut = &file[..start + (file.len() - start) * tenths / 10];
        let decoded = Decoder::from_slice(cut).unwrap().decode(Scale::Half).unwrap();
        assert_eq!(decoded.data.len(), whole.data.len());
        let found = decoded.coverage.found as usize;
        assert!(found >= last && found * 10 <= (tenths + 2) * decoded.coverage.expected as usize, "{tenths}: {found}");
        last = found;
        // What was found is right: rows of 13 MCUs with 6 blocks, which become 8 pixels high.
        let bytes = found / (13 * 6) * 8 * decoded.width as usize * 3;
        assert!(decoded.data[..bytes] == whole.data[..bytes], "{tenths} tenths");
    }
    // Nothing is lost if only the end marker is missing.
    let decoded = Decoder::from_slice(&file[..file.len() - 3]).unwrap().decode(Scale::Half).unwrap();
    assert!(decoded.coverage.is_complete());
    assert_eq!(decoded.data, whole.data);
}

#[test]
fn a_progressive_file_is_there_when_its_means_are() {
    let file = photo().write(&Form::progressive(3));
    let scans: Vec<_> = (0..file.len()).filter(|&at| file[at..].starts_with(&[0xff, 0xda])).collect();
    let coverage = |end: usize| Decoder::from_slice(&file[..end]).unwrap().decode(Scale::Half).unwrap().coverage;
    assert!(coverage(scans[1]).is_complete());
    assert!(coverage(scans[4] + 20).is_complete());
    assert!(!coverage(scans[1] - 100).is_complete());
}

#[test]
fn decoding_goes_on_at_the_next_restart_marker() {
    for form in [Form::sequential(3), Form::separate(3), Form::progressive(3)] {
        // Each interval is a row of MCUs, or of blocks.
        let interval = if form.scans[0].0.len() == 1 { 25 } else { 13 };
        let file = photo().write(&Form { interval, ..form });
        let whole = Decoder::from_slice(&file).unwrap().decode(Scale::Eighth).unwrap();
        let restarts: Vec<_> =
            (0..file.len() - 1).filter(|&at| file[at] == 0xff && (0xd0..=0xd7).contains(&file[at + 1])).collect();
        // The file lacks an interval, or an interval ends too early.
        for range in [restarts[2]..restarts[3], restarts[2] + 12..restarts[3]] {
            let mut damaged = file.clone();
            damaged.drain(range);
            let decoded = Decoder::from_slice(&damaged).unwrap().decode(Scale::Eighth).unwrap();
            let coverage = decoded.coverage;
            assert!(!coverage.is_complete() && coverage.found * 10 >= coverage.expected * 8, "{coverage:?}");
            // Rows above and below the interval do not change.
            let row = decoded.width as usize * 3;
            assert!(decoded.data[..3 * row] == whole.data[..3 * row]);
            assert!(decoded.data[8 * row..] == whole.data[8 * row..]);
        }
    }
}

/// Cuts the data of an interval at many places, for many samplings. A block then equals the sound one or is flat.
#[test]
fn damage_leaves_the_blocks_around_it_alone() {
    for (h, v) in (1..=4).flat_map(|h| [(h, 1), (h, 2)]) {
        let picture = Picture::random(230, 50, &[(h, v), (1, 1), (h, 1)], 7);
        let across = picture.components[0].padded / h;
        for interval in [0, 3, across] {
            let file = picture.write(&Form { interval, ..Form::sequential(3) });
            let is_restart = |&at: &usize| file[at] == 0xff && (0xd0..=0xd7).contains(&file[at + 1]);
            let restarts: Vec<_> = (0..file.len() - 1).filter(is_restart).collect();
            // The second interval, or the whole scan.
            let (start, end, mcus) = match restarts[..] {
                [first, second, ..] => (first + 2, second, interval..2 * interval),
                _ => (file.len() / 4, file.len() - 2, 0..usize::MAX),
            };
            for scale in Scale::ALL {
                let planes = |file: &[u8]| Decoder::from_slice(file).unwrap().decode_planes(scale).unwrap();
                let whole = planes(&file);
                for cut in (start..end).step_by((end - start) / 24) {
                    let mut damaged = file.clone();
                    damaged.drain(cut..end);
                    for ((whole, plane), component) in whole.iter().zip(&planes(&damaged)).zip(&picture.components) {
                        for block in 0..component.blocks.0 * component.blocks.1 {
                            let (x, y) = (block % component.blocks.0, block / component.blocks.0);
                            let mcu = y / component.v * across + x / component.h;
                            let samples = samples(plane, x, y);
                            let right = samples == self::samples(whole, x, y);
                            let flat = mcus.contains(&mcu) && samples.iter().all(|&sample| sample == samples[0]);
                            assert!(right || flat, "{h}x{v}, {interval}, {scale:?}: {cut}, block {x}, {y}");
                        }
                    }
                }
            }
        }
    }
}

/// Returns the samples of a block.
fn samples(plane: &Plane, x: usize, y: usize) -> Vec<u8> {
    let (width, height) = plane.block;
    let line = |line| &plane.data[(y * height + line) * plane.width + x * width..][..width];
    (0..height).flat_map(line).copied().collect()
}

#[test]
fn what_is_no_jpeg_any_more_neither_panics_nor_hangs() {
    let mut random = Random(99);
    for form in [Form::sequential(3), Form::separate(3), Form::progressive(3), Form::gradual(3)] {
        for interval in [0, 4] {
            let file = photo().write(&Form { interval, ..form.clone() });
            for _ in 0..200 {
                let mut damaged = file.clone();
                for _ in 0..=random.below(4) {
                    let at = random.below(file.len() as u64) as usize;
                    damaged[at] = random.next() as u8;
                }
                for scale in Scale::ALL {
                    if let Ok(decoder) = Decoder::from_slice(&damaged) {
                        let (width, height) = (decoder.header().width, decoder.header().height);
                        if u32::from(width) * u32::from(height) > 1 << 20 {
                            continue;
                        }
                        if let Ok(decoded) = decoder.decode(scale) {
                            let pixels = (decoded.width * decoded.height) as usize;
                            assert_eq!(decoded.data.len(), pixels * decoded.pixels.channels());
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn more_scans_than_allowed_are_an_error() {
    let file = photo().write(&Form::progressive(3));
    let scans = file.windows(2).filter(|pair| *pair == [0xff, 0xda]).count();
    let decode = |most| Decoder::from_slice(&file).unwrap().max_scans(most).decode(Scale::Half);
    assert!(decode(scans).unwrap().coverage.is_complete());
    assert!(matches!(decode(scans - 1), Err(Error::TooManyScans)));
}

#[test]
fn components_without_a_scan_are_missing() {
    let scans = vec![Scan(vec![0], 0, 63, 0, 0)];
    let file = photo().write(&Form { scans, ..Form::sequential(3) });
    let decoded = Decoder::from_slice(&file).unwrap().decode(Scale::Eighth).unwrap();
    assert_eq!((decoded.coverage.found, decoded.coverage.expected), (500, 760));
    // Components without data are grey.
    assert!(decoded.data.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b));
}

#[test]
fn files_without_huffman_tables_mean_the_standard_ones() {
    // By default, the encoder writes the tables of the standard.
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 90);
    encoder.set_optimized_huffman_tables(false);
    let pixels: Vec<u8> = (0..64 * 64 * 3).map(|i| (i * i / 97 % 251) as u8).collect();
    encoder.encode(&pixels, 64, 64, jpeg_encoder::ColorType::Rgb).unwrap();
    let whole = Decoder::from_slice(&file).unwrap().decode(Scale::Half).unwrap();
    assert!(whole.coverage.is_complete());
    let mut without = file.clone();
    while let Some(at) = without.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = usize::from(u16::from_be_bytes([without[at + 2], without[at + 3]]));
        without.drain(at..at + 2 + length);
    }
    assert!(without.len() < file.len());
    assert_eq!(Decoder::from_slice(&without).unwrap().decode(Scale::Half).unwrap().data, whole.data);
}
