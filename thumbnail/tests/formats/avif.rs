//! Tests AVIF.

use oxideav_av1::encoder::yuv_frame::ChromaFormat;
use thumbnail::{Limits, Options, Reason};

use super::{
    HEIGHT, WIDTH, colour, decode, difference,
    fixtures::{
        self,
        avif_bytes::{self, Avif, Item, Samples, alpha, colours, part, size},
    },
    make, reason, transparent,
};

/// The coded picture of all tests.
fn coded() -> Vec<u8> {
    Samples::default().code(WIDTH, &fixtures::rgb(WIDTH, HEIGHT))
}

/// Makes an AVIF of one picture with further properties.
fn with(properties: &[Vec<u8>]) -> Vec<u8> {
    let properties = [&[size(WIDTH, HEIGHT)], properties].concat();
    let item = Item { kind: *b"av01", data: coded(), properties: (0..properties.len() as u8).collect() };
    Avif { items: vec![item], properties, references: vec![] }.encode()
}

/// Computes the mean difference in levels, where colours count by their alpha.
fn visible_difference(file: &[u8], expected: &[[u8; 4]]) -> f64 {
    let (_, _, found) = decode(&make(file, WIDTH).thumbnails[0].bytes);
    let visible = |[r, g, b, a]: [u8; 4]| [r, g, b, 255].map(|channel| f64::from(channel) * f64::from(a) / 255.0);
    let pairs = found.iter().zip(expected).flat_map(|(a, b)| visible(*a).into_iter().zip(visible(*b)));
    pairs.map(|(a, b)| (a - b).abs()).sum::<f64>() / (expected.len() * 4) as f64
}

#[test]
fn samples_come_back_however_they_are_stored() {
    let luma = |[r, g, b, a]: [u8; 4]| {
        let light = (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000;
        let light = light as u8;
        [light, light, light, a]
    };
    for depth in [8, 10, 12] {
        for full_range in [true, false] {
            for (chroma, most) in [
                (ChromaFormat::Yuv444, 0.4),
                (ChromaFormat::Yuv422, 0.8),
                (ChromaFormat::Yuv420, 1.1),
                (ChromaFormat::Monochrome, 0.3),
            ] {
                let samples = Samples { depth, chroma, full_range };
                let file = avif_bytes::rgb(samples, WIDTH, &fixtures::rgb(WIDTH, HEIGHT));
                let grey = chroma == ChromaFormat::Monochrome;
                let expected = if grey { colour().into_iter().map(luma).collect() } else { colour() };
                let found = difference(&file, &expected);
                println!("{samples:?}: {found}");
                assert!(found < most, "{samples:?}: {found}");
            }
        }
    }
}

#[test]
fn alpha_comes_back() {
    for depth in [8, 12] {
        for premultiplied in [false, true] {
            let samples = Samples { depth, ..Samples::default() };
            let file = avif_bytes::rgba(samples, WIDTH, &fixtures::rgba(WIDTH, HEIGHT), premultiplied);
            let found = visible_difference(&file, &transparent());
            assert!(found < 0.7, "{depth} bits, premultiplied {premultiplied}: {found}");
        }
    }
}

/// The encoder of thumbnails uses tools of the format that the encoder of all other files does not use.
#[cfg(feature = "avif-output")]
#[test]
fn what_is_written_can_be_read() {
    let options = Options {
        sizes: vec![thumbnail::Size::Width(WIDTH)],
        outputs: vec!["avif:95".parse().unwrap()],
        ..Options::default()
    };
    let write = |png: &[u8]| thumbnail::make(png, &options).unwrap().thumbnails.remove(0).bytes;
    assert!(difference(&write(&fixtures::png(png::ColorType::Rgb, WIDTH, HEIGHT)), &colour()) < 3.0);
    let written = write(&fixtures::png(png::ColorType::Rgba, WIDTH, HEIGHT));
    assert!(visible_difference(&written, &transparent()) < 3.0);
}

#[test]
fn what_the_container_says_of_colours_counts() {
    let shown = |properties: &[Vec<u8>]| difference(&with(properties), &colour());
    let as_it_is = shown(&[colours(1, 6, true)]);
    assert!(as_it_is < 3.0, "{as_it_is}");
    // Limited range, another matrix, and wider primaries, by which the same values are stronger colours.
    for (other, what) in
        [(colours(1, 6, false), "range"), (colours(1, 9, true), "matrix"), (colours(12, 6, true), "primaries")]
    {
        let shown = shown(&[other]);
        println!("{what}: {shown} instead of {as_it_is}");
        assert!(shown > as_it_is + 0.5, "{what}: {shown} instead of {as_it_is}");
    }
    assert_eq!(reason(&with(&[colours(1, 14, true)])), Reason::UnsupportedFormat);
    let mut high_range = colours(9, 9, true);
    // The code of the transfer, behind that of the primaries.
    high_range[15] = 16;
    assert_eq!(reason(&with(&[high_range])), Reason::UnsupportedFormat);
}

#[test]
fn it_is_turned_as_the_container_says() {
    let upright = colour();
    let at = |x: u32, y: u32| upright[(y * WIDTH + x) as usize];
    let (right, bottom) = (WIDTH - 1, HEIGHT - 1);
    for turns in 0..4 {
        for mirror in [None, Some(0), Some(1)] {
            let mut properties = vec![part(*b"irot", &[turns])];
            properties.extend(mirror.map(|axis| part(*b"imir", &[axis])));
            let made = make(&with(&properties), 1000);
            let (width, height, pixels) = decode(&made.thumbnails[0].bytes);
            let (mut expected, mut sum) = (Vec::new(), 0);
            for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                // In reverse order: the last mirroring is undone first.
                let (x, y) = match mirror {
                    None => (x, y),
                    Some(0) => (x, height - 1 - y),
                    Some(_) => (width - 1 - x, y),
                };
                expected.push(match turns {
                    0 => at(x, y),
                    1 => at(right - y, x),
                    2 => at(right - x, bottom - y),
                    _ => at(y, bottom - x),
                });
            }
            for (a, b) in pixels.iter().flatten().zip(expected.iter().flatten()) {
                sum += u32::from(a.abs_diff(*b));
            }
            let mean = f64::from(sum) / (pixels.len() * 4) as f64;
            assert!(mean < 3.0, "{turns} turns, mirror {mirror:?}: {mean}");
        }
    }
}

/// Makes one axis of a crop of `length` pixels from `start` on: the length, and the distance of its centre from the centre of `all`.
fn crop(all: u32, start: u32, length: u32) -> ([u8; 8], [u8; 8]) {
    let shift = (2 * start + length).cast_signed() - all.cast_signed();
    let fraction = |over: [u8; 4], under: u32| [over, under.to_be_bytes()].concat().try_into().unwrap();
    (fraction(length.to_be_bytes(), 1), fraction(shift.to_be_bytes(), 2))
}

#[test]
fn it_is_cropped_before_it_is_turned() {
    let cropped = |x: (u32, u32), y: (u32, u32)| {
        let ((width, right), (height, down)) = (crop(WIDTH, x.0, x.1), crop(HEIGHT, y.0, y.1));
        with(&[part(*b"clap", &[width, height, right, down].concat()), part(*b"irot", &[1])])
    };
    let made = make(&cropped((7, 31), (12, 20)), 1000);
    assert_eq!((made.source.width, made.source.height), (20, 31));
    let (_, _, pixels) = decode(&made.thumbnails[0].bytes);
    let upright = colour();
    for (i, pixel) in pixels.iter().enumerate() {
        let (x, y) = (i as u32 % 20, i as u32 / 20);
        let expected = upright[((12 + x) * WIDTH + 7 + 30 - y) as usize];
        let near = pixel.iter().zip(expected).all(|(found, shown)| found.abs_diff(shown) < 4);
        assert!(near, "{x}, {y}: {pixel:?} instead of {expected:?}");
    }
    assert_eq!(reason(&cropped((7, WIDTH), (0, HEIGHT))), Reason::Corrupt);
    assert_eq!(reason(&cropped((0, 0), (0, HEIGHT))), Reason::Corrupt);
    assert_eq!(reason(&with(&[part(*b"clap", &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1].repeat(4))])), Reason::Corrupt);
    assert_eq!(reason(&with(&[part(*b"clap", &[0; 32])])), Reason::Corrupt);
}

#[test]
fn an_essential_property_that_is_not_known_is_a_reason_to_refuse() {
    let essential = |kind: [u8; 4], content: &[u8]| {
        let properties = vec![size(WIDTH, HEIGHT), part(kind, content)];
        // The second property, whose highest bit marks it as essential.
        let item = Item { kind: *b"av01", data: coded(), properties: vec![0, 0x80 | 1] };
        Avif { items: vec![item], properties, references: vec![] }.encode()
    };
    assert_eq!(reason(&essential(*b"wxyz", &[])), Reason::UnsupportedFormat);
    // One of several layers, and an operating point that is not the first.
    assert_eq!(reason(&essential(*b"lsel", &[0, 1])), Reason::UnsupportedFormat);
    assert_eq!(reason(&essential(*b"a1op", &[1])), Reason::UnsupportedFormat);
    for (kind, content) in [(*b"lsel", &[0xff, 0xff][..]), (*b"a1op", &[0]), (*b"irot", &[0])] {
        assert!(difference(&essential(kind, content), &colour()) < 3.0);
    }
}

/// Makes a picture of four tiles, cropped on the right and at the bottom, whose alpha channel has no tiles.
fn grid(columns: u8, of: u16) -> Vec<u8> {
    let (width, height) = ((2 * WIDTH - 40) as u16, (2 * HEIGHT - 30) as u16);
    let layout = [&[0, 0, 1, columns - 1][..], &width.to_be_bytes(), &height.to_be_bytes()].concat();
    let tile = || Item { kind: *b"av01", data: coded(), properties: vec![1] };
    let grey = fixtures::gray(width.into(), height.into()).into_iter().flat_map(|v| [v; 3]).collect::<Vec<_>>();
    let hidden = Samples { chroma: ChromaFormat::Monochrome, ..Samples::default() }.code(width.into(), &grey);
    let hidden = Item { kind: *b"av01", data: hidden, properties: vec![0, 2] };
    Avif {
        items: vec![Item { kind: *b"grid", data: layout, properties: vec![0] }, tile(), tile(), tile(), tile(), hidden],
        properties: vec![size(width.into(), height.into()), size(WIDTH, HEIGHT), alpha()],
        references: vec![(*b"dimg", 1, (2..2 + of).collect()), (*b"auxl", 6, vec![1])],
    }
    .encode()
}

#[test]
fn tiles_are_put_together() {
    let made = make(&grid(2, 4), 1000);
    let (width, height, pixels) = decode(&made.thumbnails[0].bytes);
    assert_eq!((width, height), (2 * WIDTH - 40, 2 * HEIGHT - 30));
    let (tile, alpha) = (colour(), fixtures::gray(width, height));
    for (i, pixel) in pixels.iter().enumerate() {
        let (x, y) = (i as u32 % width, i as u32 / width);
        let expected = tile[(y % HEIGHT * WIDTH + x % WIDTH) as usize];
        let shown = [expected[0], expected[1], expected[2], alpha[i]];
        let near = pixel.iter().zip(shown).all(|(found, shown)| found.abs_diff(shown) < 4);
        assert!(near, "{x}, {y}: {pixel:?} instead of {shown:?}");
    }
    // Too few tiles, and tiles that do not cover the picture.
    assert_eq!(reason(&grid(2, 3)), Reason::Corrupt);
    assert_eq!(reason(&grid(1, 4)), Reason::Corrupt);
}

#[test]
fn damage_is_told() {
    let file = with(&[]);
    assert_eq!(reason(&file[..file.len() - 9]), Reason::Truncated);
    assert_eq!(reason(&file[..60]), Reason::Truncated);
    for cut in 0..300 {
        let _ = thumbnail::make(&file[..cut], &Options::default()).unwrap_err();
    }
    let claim = |width, height, data| {
        let item = Item { kind: *b"av01", data, properties: vec![0] };
        Avif { items: vec![item], properties: vec![size(width, height)], references: vec![] }.encode()
    };
    assert_eq!(reason(&claim(60_000, 60_000, coded())), Reason::TooManyPixels);
    // Larger and smaller than declared.
    assert_eq!(reason(&claim(WIDTH - 1, HEIGHT, coded())), Reason::Corrupt);
    assert_eq!(reason(&claim(WIDTH + 1, HEIGHT, coded())), Reason::Corrupt);
    assert_eq!(reason(&claim(WIDTH, HEIGHT, coded().repeat(20))), Reason::TooComplex);
    assert_eq!(reason(&claim(WIDTH, HEIGHT, vec![0x12, 0])), Reason::Corrupt);
    let moving = [part(*b"ftyp", b"avis\0\0\0\0avis"), part(*b"moov", &[])].concat();
    assert_eq!(reason(&moving), Reason::UnsupportedFormat);
    let limits = Limits { max_av1_pixels: u64::from(WIDTH * HEIGHT), ..Limits::default() };
    let rejected = thumbnail::make(&file, &Options { limits, ..Options::default() }).unwrap_err();
    assert_eq!(rejected.reason, Reason::TooComplex);
    let limits = Limits { max_memory: 16 << 20, ..Limits::default() };
    let rejected = thumbnail::make(&claim(3000, 3000, coded()), &Options { limits, ..Options::default() }).unwrap_err();
    assert_eq!(rejected.reason, Reason::NeedsMoreMemory);
}
