//! AVIF in, by a build that reads it.

use thumbnail::{Limits, Options, Reason, Size};

use super::{HEIGHT, WIDTH, colour, decode, difference, fixtures, make, reason, transparent};
use fixtures::avif_bytes::{Avif, Item, alpha, coded, colours, part, size};

/// An AVIF of a PNG, nearly as it was.
fn avif(png: &[u8], width: u32) -> Vec<u8> {
    let options =
        Options { sizes: vec![Size::Width(width)], outputs: vec!["avif:95".parse().unwrap()], ..Options::default() };
    thumbnail::make(png, &options).unwrap().thumbnails.remove(0).bytes
}

fn opaque() -> Vec<u8> {
    avif(&fixtures::png(png::ColorType::Rgb, WIDTH, HEIGHT), WIDTH)
}

/// One picture with further properties.
fn with(properties: &[Vec<u8>]) -> Vec<u8> {
    let properties = [&[size(WIDTH, HEIGHT)], properties].concat();
    let item = Item { kind: *b"av01", data: coded(&opaque()), properties: (0..properties.len() as u8).collect() };
    Avif { items: vec![item], properties, references: vec![] }.encode()
}

#[test]
fn colours_and_alpha_come_back() {
    assert!(difference(&opaque(), &colour()) < 3.0);
    assert!(difference(&with(&[]), &colour()) < 3.0);
    let file = avif(&fixtures::png(png::ColorType::Rgba, WIDTH, HEIGHT), WIDTH);
    let (_, _, pixels) = decode(&make(&file, WIDTH).thumbnails[0].bytes);
    let visible = |pixels: Vec<[u8; 4]>| {
        pixels
            .into_iter()
            .flat_map(|[r, g, b, a]| {
                [r, g, b].map(|c| u32::from(c) * u32::from(a) / 255).into_iter().chain([u32::from(a)])
            })
            .collect::<Vec<_>>()
    };
    let (found, expected) = (visible(pixels), visible(transparent()));
    let sum: u32 = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).sum();
    assert!(sum < 3 * found.len() as u32, "{}", f64::from(sum) / found.len() as f64);
}

#[test]
fn what_the_container_says_of_colours_counts() {
    let shown = |properties: &[Vec<u8>]| difference(&with(properties), &colour());
    let as_it_is = shown(&[colours(1, 6, true)]);
    assert!(as_it_is < 3.0, "{as_it_is}");
    // As if its values began at 16, by another matrix, and with wider primaries, by which the same values are stronger colours.
    for (other, what) in
        [(colours(1, 6, false), "range"), (colours(1, 9, true), "matrix"), (colours(12, 6, true), "primaries")]
    {
        let shown = shown(&[other]);
        println!("{what}: {shown} instead of {as_it_is}");
        assert!(shown > as_it_is + 0.5, "{what}: {shown} instead of {as_it_is}");
    }
    assert_eq!(reason(&with(&[colours(1, 14, true)])), Reason::UnsupportedFormat);
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
                // Backwards: what is mirrored last is undone first.
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

/// A picture of four, of which the ones at the right and below are cut; with an alpha channel that is whole.
fn grid(columns: u8, of: u16) -> Vec<u8> {
    let (width, height) = ((2 * WIDTH - 40) as u16, (2 * HEIGHT - 30) as u16);
    let layout = [&[0, 0, 1, columns - 1][..], &width.to_be_bytes(), &height.to_be_bytes()].concat();
    let tile = || Item { kind: *b"av01", data: coded(&opaque()), properties: vec![1] };
    let grey = fixtures::png(png::ColorType::Grayscale, width.into(), height.into());
    let hidden = Item { kind: *b"av01", data: coded(&avif(&grey, width.into())), properties: vec![0, 2] };
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
        let near = pixel.iter().zip(shown).all(|(found, shown)| found.abs_diff(shown) < 40);
        assert!(near, "{x}, {y}: {pixel:?} instead of {shown:?}");
    }
    // Too few tiles, and tiles that do not cover the picture.
    assert_eq!(reason(&grid(2, 3)), Reason::Corrupt);
    assert_eq!(reason(&grid(1, 4)), Reason::Corrupt);
}

#[test]
fn damage_is_told() {
    let file = opaque();
    assert_eq!(reason(&file[..file.len() - 9]), Reason::Truncated);
    assert_eq!(reason(&file[..60]), Reason::Truncated);
    for cut in 0..300 {
        let _ = thumbnail::make(&file[..cut], &Options::default()).unwrap_err();
    }
    let claim = |width, height, data| {
        let item = Item { kind: *b"av01", data, properties: vec![0] };
        Avif { items: vec![item], properties: vec![size(width, height)], references: vec![] }.encode()
    };
    assert_eq!(reason(&claim(60_000, 60_000, coded(&file))), Reason::TooManyPixels);
    // Larger than it says, and smaller.
    assert_eq!(reason(&claim(WIDTH - 1, HEIGHT, coded(&file))), Reason::Corrupt);
    assert_eq!(reason(&claim(WIDTH + 1, HEIGHT, coded(&file))), Reason::Corrupt);
    assert_eq!(reason(&claim(WIDTH, HEIGHT, coded(&file).repeat(20))), Reason::TooComplex);
    assert_eq!(reason(&claim(WIDTH, HEIGHT, vec![0x12, 0])), Reason::Corrupt);
    let moving = [part(*b"ftyp", b"avis\0\0\0\0avis"), part(*b"moov", &[])].concat();
    assert_eq!(reason(&moving), Reason::UnsupportedFormat);
    let limits = Limits { max_memory: 16 << 20, ..Limits::default() };
    let refused =
        thumbnail::make(&claim(3000, 3000, coded(&file)), &Options { limits, ..Options::default() }).unwrap_err();
    assert_eq!(refused.reason, Reason::NeedsMoreMemory);
}
