//! Tests that thumbnails are upright, in the requested formats, and within limits.

use jpeg_encoder::SamplingFactor;
use png::ColorType as Colours;
use thumbnail::{Format, Limits, Options, Output, Reason, Size};

use super::{
    HEIGHT, WIDTH, decode,
    fixtures::{self, Jpeg, png_bytes},
    make,
};

#[test]
fn orientation_is_applied_once_whatever_holds_it() {
    let png = fixtures::png(Colours::Rgb, WIDTH, HEIGHT);
    let webp = fixtures::webp(WIDTH, HEIGHT, false, true);
    let pixels = fixtures::rgb(WIDTH, HEIGHT);
    for orientation in 1..=8_u16 {
        let exif = fixtures::exif(orientation);
        let files = [
            Jpeg { sampling: SamplingFactor::F_1_1, quality: 100, ..Jpeg::default() }.encode_with(
                WIDTH,
                HEIGHT,
                &[fixtures::exif_segment(orientation)],
            ),
            png_bytes::with_chunk(&png, *b"eXIf", &exif),
            fixtures::extended_webp(&webp, WIDTH, HEIGHT, 0x08, &[(*b"EXIF", exif)]),
            fixtures::tiff(WIDTH, HEIGHT, 3, 8, &pixels, &[(262, 2), (274, orientation)]),
        ];
        for (i, file) in files.iter().enumerate() {
            let made = make(file, WIDTH);
            let (width, height, turned) = decode(&made.thumbnails[0].bytes);
            let swapped = orientation >= 5;
            assert_eq!(
                (made.source.width, made.source.height),
                if swapped { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) }
            );
            // The corner of the upright picture at which the stored picture's top left corner is.
            let (right, bottom) = (orientation, orientation);
            let x = if matches!(right, 2 | 3 | 6 | 7) { width - 1 } else { 0 };
            let y = if matches!(bottom, 3 | 4 | 7 | 8) { height - 1 } else { 0 };
            let corner = turned[(y * width + x) as usize];
            for channel in 0..3 {
                let off = corner[channel].abs_diff(pixels[channel]);
                assert!(off < 12, "file {i}, orientation {orientation}, channel {channel}: {off}");
            }
        }
    }
}

#[test]
fn a_size_is_made_in_its_own_output_alone() {
    let output = |format, quality| Output { format: Some(format), quality };
    let options = Options {
        sizes: vec![Size::Width(8), Size::Width(16), Size::Width(24)],
        outputs: vec![output(Format::Webp, None), output(Format::Png, None)],
        own_outputs: vec![(Size::Width(16), output(Format::Jpeg, Some(30)))],
        ..Options::default()
    };
    let file = fixtures::png(Colours::Rgb, WIDTH, HEIGHT);
    let made = thumbnail::make(&file, &options).unwrap().thumbnails;
    let formats: Vec<_> = made.iter().map(|thumbnail| (thumbnail.width, thumbnail.format)).collect();
    let both = |width| [(width, Format::Webp), (width, Format::Png)];
    assert_eq!(formats, [&both(8)[..], &[(16, Format::Jpeg)], &both(24)].concat());
    let better = Options { own_outputs: vec![(Size::Width(16), output(Format::Jpeg, Some(95)))], ..options };
    assert!(thumbnail::make(&file, &better).unwrap().thumbnails[2].bytes.len() > made[2].bytes.len());
}

#[test]
fn no_metadata_is_copied() {
    let file =
        Jpeg::default().encode_with(WIDTH, HEIGHT, &[fixtures::exif_segment(6), (11, b"secret position".to_vec())]);
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        let output = Output { format: Some(format), quality: None };
        let made = thumbnail::make(&file, &Options { outputs: vec![output], ..Options::default() }).unwrap();
        for thumbnail in made.thumbnails {
            for trace in [&b"Exif"[..], b"eXIf", b"EXIF", b"secret", b"ICC"] {
                assert!(!thumbnail.bytes.windows(trace.len()).any(|window| window == trace), "{format} has {trace:?}");
            }
        }
    }
}

#[test]
fn outputs_follow_the_source_or_the_options() {
    let formats = |file: &[u8], outputs: &str| {
        let outputs = outputs.split(',').map(|output| output.parse().unwrap()).collect();
        let made =
            thumbnail::make(file, &Options { sizes: vec![Size::Width(50)], outputs, ..Options::default() }).unwrap();
        made.thumbnails.iter().map(|thumbnail| thumbnail.format).collect::<Vec<_>>()
    };
    let jpeg = Jpeg::default().encode(WIDTH, HEIGHT);
    assert_eq!(formats(&jpeg, "source"), [Format::Jpeg]);
    assert_eq!(formats(&jpeg, "source,webp:70,jpeg"), [Format::Jpeg, Format::Webp]);
    assert_eq!(formats(&fixtures::bmp(WIDTH, HEIGHT, 24), "source"), [Format::Jpeg]);
    assert_eq!(formats(&fixtures::ico(32, 8), "source"), [Format::Png]);
    assert_eq!(formats(&fixtures::gif(60, 40, 0, 0, false), "source,png"), [Format::Gif, Format::Png]);
}

#[test]
fn alpha_is_flattened_on_the_background() {
    let file = fixtures::gif(40, 30, 10, 20, false);
    let options =
        Options { outputs: vec!["jpeg:100".parse().unwrap()], background: [200, 10, 30], ..Options::default() };
    let made = thumbnail::make(&file, &options).unwrap();
    let mut decoder = jpeg_decoder::Decoder::new(&made.thumbnails[0].bytes[..]);
    let pixels = decoder.decode().unwrap();
    for (value, expected) in pixels[..3].iter().zip([200_u8, 10, 30]) {
        assert!(value.abs_diff(expected) < 8, "{:?}", &pixels[..3]);
    }
}

#[test]
fn the_same_file_gives_the_same_bytes() {
    for file in [
        Jpeg::default().encode(1000, 700),
        fixtures::png(Colours::Indexed, 700, 500),
        fixtures::gif(700, 500, 0, 0, false),
        fixtures::webp(700, 500, true, false),
    ] {
        let make = || thumbnail::make(&file, &Options::default()).unwrap().thumbnails;
        for (a, b) in make().into_iter().zip(make()) {
            assert_eq!(a.bytes, b.bytes, "{}", a.format);
        }
    }
}

#[test]
fn limits_refuse_by_the_header() {
    let file = Jpeg::default().encode(WIDTH, HEIGHT);
    let with = |limits| {
        let rejection = thumbnail::make(&file, &Options { limits, ..Options::default() }).map(|_| ()).unwrap_err();
        (rejection.reason, rejection.source_info.is_some())
    };
    let limits = Limits::default();
    assert_eq!(with(Limits { max_bytes: 100, ..limits.clone() }), (Reason::TooLarge, false));
    assert_eq!(with(Limits { max_pixels: 1000, ..limits.clone() }), (Reason::TooManyPixels, true));
    assert_eq!(with(Limits { max_memory: 1 << 20, ..limits.clone() }), (Reason::NeedsMoreMemory, true));
    assert_eq!(with(Limits { max_scans: 0, ..limits }), (Reason::TooComplex, true));
}

/// Found by fuzzing: the sum overflowed, and a file with an excessive header was accepted.
#[test]
fn estimates_do_not_overflow() {
    let strips = fixtures::tiff_strips(64, 48, 4);
    let mut tiff = strips.clone();
    // Width, height and rows of a strip.
    for at in [18, 30, 10 + 7 * 12 + 8] {
        tiff[at..at + 4].fill(0xff);
    }
    let mut png = fixtures::png(Colours::Rgba, 2, 2);
    png[16..24].fill(0xff);
    let mut webp = fixtures::animated_webp(&fixtures::webp(8, 8, true, true), (8, 8), (8, 8), (0, 0));
    webp[24..30].fill(0xff);
    for file in [tiff, png, webp] {
        let needed = thumbnail::memory_needed(&file, &Options::default()).unwrap();
        assert!(needed > 1 << 40, "{needed}");
    }
}

/// Found by fuzzing: the thumbnail would have exceeded the maximum height of a JPEG.
#[test]
fn a_bitmap_higher_than_any_jpeg() {
    let file = fixtures::bmp(6, 65_536, 1);
    let made = thumbnail::make(&file, &Options { sizes: vec![Size::Width(50)], ..Options::default() }).unwrap();
    assert_eq!((made.thumbnails[0].width, made.thumbnails[0].height), (1, 16_383));
}

#[test]
fn extreme_shapes_have_at_least_one_pixel() {
    for (width, height) in [(1, 1), (3000, 1), (1, 3000), (2, 5000)] {
        let file = fixtures::png(Colours::Rgb, width, height);
        let sizes = ["100", "100x50", "100x50^"].map(|size| size.parse().unwrap()).to_vec();
        let made = thumbnail::make(&file, &Options { sizes, ..Options::default() }).unwrap();
        for thumbnail in made.thumbnails {
            assert!(
                thumbnail.width >= 1 && thumbnail.height >= 1 && thumbnail.width <= width && thumbnail.height <= height
            );
        }
    }
}

/// A ramp keeps its slope, even if its width is not a multiple of the squares that decoding averages.
#[test]
fn nothing_is_stretched() {
    let layout =
        |width, height| png_bytes::Layout { width, height, colour: png_bytes::GRAY, depth: 16, interlaced: false };
    for width in [400, 401, 404, 79, 161] {
        let ramp = |at: u32| vec![u16::try_from(at * 65_535 / (width - 1)).unwrap()];
        let (across, down) =
            (layout(width, 9).encode(&[], |x, _| ramp(x)), layout(9, width).encode(&[], |_, y| ramp(y)));
        for file in [across, down] {
            let (sizes, outputs) = (vec!["40x40".parse().unwrap()], vec!["png".parse().unwrap()]);
            let made = thumbnail::make(&file, &Options { sizes, outputs, ..Options::default() }).unwrap();
            let (columns, _, pixels) = decode(&made.thumbnails[0].bytes);
            let step = if columns == 40 { 1 } else { columns as usize };
            for (i, pixel) in pixels.iter().step_by(step).enumerate().take(38).skip(2) {
                let edge = f64::from(width);
                let expected = ((i as f64 + 0.5) * edge / 40.0 - 0.5) / (edge - 1.0) * 255.0;
                assert!(
                    (f64::from(pixel[0]) - expected).abs() < 1.5,
                    "width {width}, {i}: {} for {expected}",
                    pixel[0]
                );
            }
        }
    }
}

#[test]
fn files_are_coded_as_they_should_be() {
    let colour_type = |file: &[u8]| make(file, 50).thumbnails[0].bytes[25];
    assert_eq!(colour_type(&fixtures::png(Colours::Grayscale, WIDTH, HEIGHT)), 0);
    assert_eq!(colour_type(&fixtures::png(Colours::Rgb, WIDTH, HEIGHT)), 2);
    assert_eq!(colour_type(&fixtures::png(Colours::Indexed, WIDTH, HEIGHT)), 3);
    assert_eq!(colour_type(&fixtures::png(Colours::GrayscaleAlpha, WIDTH, HEIGHT)), 4);
    assert_eq!(colour_type(&fixtures::png(Colours::Rgba, WIDTH, HEIGHT)), 6);
    // An alpha channel that is opaque everywhere is dropped.
    let opaque = png_bytes::Layout { width: 60, height: 4, colour: png_bytes::RGBA, depth: 8, interlaced: false };
    assert_eq!(colour_type(&opaque.encode(&[], |x, y| vec![x as u16, y as u16, 7, 255])), 2);
    // Four blocks of luminance to one of each colour.
    let options = |outputs: &str| Options {
        sizes: vec![Size::Width(100)],
        outputs: outputs.split(',').map(|output| output.parse().unwrap()).collect(),
        ..Options::default()
    };
    let made = thumbnail::make(&Jpeg::default().encode(WIDTH, HEIGHT), &options("jpeg,webp")).unwrap();
    let jpeg = &made.thumbnails[0].bytes;
    let frame = jpeg.windows(2).position(|window| matches!(window, [0xff, 0xc0 | 0xc2])).unwrap();
    assert_eq!([jpeg[frame + 11], jpeg[frame + 14], jpeg[frame + 17]], [0x22, 0x11, 0x11]);
    assert!(made.thumbnails[1].bytes[12..].starts_with(b"VP8 "), "lossy");
    // The quality of an output takes precedence.
    let bytes = |outputs: &str| {
        thumbnail::make(&Jpeg::default().encode(WIDTH, HEIGHT), &options(outputs)).unwrap().thumbnails[0].bytes.len()
    };
    let defaults = Options::default();
    for (format, default) in [("jpeg", defaults.jpeg_quality), ("webp", defaults.webp_quality)] {
        let [low, middle, high] = [30, default, 95].map(|quality| bytes(&format!("{format}:{quality}")));
        assert!(low < middle && middle < high && bytes(format) == middle, "{format}");
    }
}

/// Exif may come after the pixels, and some writers store a LONG instead of a SHORT.
#[test]
fn orientation_is_found_in_odd_places() {
    let png = fixtures::png(Colours::Rgb, WIDTH, HEIGHT);
    let mut long = fixtures::exif(6);
    long[12..22].copy_from_slice(&[0, 4, 0, 0, 0, 1, 0, 0, 0, 6]);
    let chunk = png_bytes::with_chunk(&png, *b"eXIf", &long);
    let late = [&png[..png.len() - 12], &chunk[33..33 + 12 + long.len()], &png[png.len() - 12..]].concat();
    // The first of two Exif segments is the camera's.
    let twice = Jpeg::default().encode_with(WIDTH, HEIGHT, &[fixtures::exif_segment(6), fixtures::exif_segment(3)]);
    for file in [chunk, late, twice] {
        assert_eq!(make(&file, 100).source.width, HEIGHT);
    }
    // An invalid orientation changes nothing.
    let zero = png_bytes::with_chunk(&png, *b"eXIf", &fixtures::exif(0));
    assert_eq!(make(&zero, 100).thumbnails[0].bytes, make(&png, 100).thumbnails[0].bytes);
}

#[cfg(feature = "avif-output")]
#[test]
fn avif_is_written() {
    let options = |output: &str| Options {
        sizes: vec![Size::Width(120)],
        outputs: vec![output.parse().unwrap()],
        ..Options::default()
    };
    let encode = |file: &[u8], output| {
        let made = thumbnail::make(file, &options(output)).unwrap();
        assert_eq!(made.thumbnails[0].format, Format::Avif);
        made.thumbnails[0].bytes.clone()
    };
    let has = |file: &[u8], text: &[u8]| file.windows(text.len()).any(|window| window == text);
    let opaque = encode(&Jpeg::default().encode(WIDTH, HEIGHT), "avif");
    assert_eq!(&opaque[4..12], b"ftypavif");
    // Width and height, after version and flags.
    let size = opaque.windows(4).position(|window| window == b"ispe").unwrap() + 8;
    assert_eq!(opaque[size..size + 8], [120_u32.to_be_bytes(), 80_u32.to_be_bytes()].concat());
    let alpha = &b"auxiliary:alpha"[..];
    assert!(!has(&opaque, alpha));
    assert!(has(&encode(&fixtures::png(Colours::Rgba, WIDTH, HEIGHT), "avif"), alpha));
    let small = encode(&Jpeg::default().encode(WIDTH, HEIGHT), "avif:20");
    assert!(small.len() < opaque.len() * 2 / 3, "{} bytes, {} at the default quality", small.len(), opaque.len());
}
