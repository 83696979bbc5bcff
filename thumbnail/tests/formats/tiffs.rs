//! Tests that TIFFs of every layout result in the right pixels or a rejection.

#![allow(clippy::cast_sign_loss, clippy::many_single_char_names)] // levels from 0 to 1, and colours by their names

use thumbnail::{Options, Reason};

use super::{
    decode,
    fixtures::tiff_bytes::{Fax, Tiff, fax},
    make, reason,
};

const WIDTH: usize = 37;
const HEIGHT: usize = 29;

/// Returns a channel or the alpha of a pixel, from 0 to 1. The picture has no symmetry.
fn level(x: usize, y: usize, channel: usize) -> f64 {
    let (u, v) = (x as f64 / (WIDTH - 1) as f64, y as f64 / (HEIGHT - 1) as f64);
    [u, v, (u + 2.0 * v) / 3.0, 1.0 - u * v, 0.4 + 0.6 * v][channel]
}

/// Converts a level to the bits of a sample.
fn stored(level: f64, bits: u16, format: u16) -> u64 {
    let max = u64::MAX >> (64 - bits);
    match (format, bits) {
        (3, 16) => half(level),
        (3, 32) => u64::from((level as f32).to_bits()),
        (3, _) => level.to_bits(),
        (2, _) => (level * max as f64).round() as u64 ^ 1 << (bits - 1),
        _ if bits == 64 => (level * max as f64) as u64,
        _ => (level * max as f64).round() as u64,
    }
}

/// Converts a level of at most 1 to a floating-point number of sixteen bits.
fn half(level: f64) -> u64 {
    if level < 2_f64.powi(-14) {
        return (level * 2_f64.powi(24)) as u64;
    }
    let exponent = level.log2().floor();
    let fraction = ((level / 2_f64.powf(exponent) - 1.0) * 1024.0) as u64;
    ((exponent + 15.0) as u64) << 10 | fraction
}

/// Rounds a level to the bits in which it is stored.
fn kept(level: f64, bits: u16, format: u16) -> f64 {
    if format == 3 || bits > 32 {
        return level;
    }
    let max = (u64::MAX >> (64 - bits)) as f64;
    (level * max).round() / max
}

fn srgb(light: f64) -> f64 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

const COLOURS: [(u16, usize); 8] = [(0, 1), (1, 1), (2, 3), (3, 1), (5, 4), (6, 3), (8, 3), (9, 3)];

fn colours(photometric: u16) -> usize {
    COLOURS.iter().find(|(known, _)| *known == photometric).unwrap().1
}

/// Returns the index of the alpha sample, and whether colours are multiplied by it.
fn alpha(tiff: &Tiff) -> Option<(usize, bool)> {
    let at = tiff.extra.iter().position(|kind| matches!(kind, 1 | 2))?;
    Some((colours(tiff.photometric) + at, tiff.extra[at] == 1))
}

fn sample(tiff: &Tiff, x: usize, y: usize, index: usize) -> u64 {
    let colours = colours(tiff.photometric);
    let (bits, format) = (tiff.bits, tiff.format);
    if alpha(tiff).is_some_and(|(alpha, _)| alpha == index) {
        return stored(level(x, y, 4), bits, format);
    }
    if index >= colours {
        // Further samples must not show.
        return stored(f64::from((x * 7 + y * 3) as u8) / 255.0, bits, format);
    }
    let value = level(x, y, index);
    match tiff.photometric {
        3 => ((x + 2 * y) % (1 << bits.min(8))) as u64,
        // Several pixels share chroma.
        6 if index > 0 => {
            let (h, v) = tiff.subsampling;
            stored(level(x / h * h, y / v * v, index), bits, format)
        }
        8 if index > 0 => stored(value, bits, 2),
        9 if bits == 16 && index == 0 => (value * f64::from(0xff00)).round() as u64,
        _ if alpha(tiff).is_some_and(|alpha| alpha.1) => stored(value * level(x, y, 4), bits, format),
        _ => stored(value, bits, format),
    }
}

/// Returns the expected channels of a pixel, from 0 to 1.
fn expected(tiff: &Tiff, x: usize, y: usize) -> [f64; 4] {
    let (bits, format) = (tiff.bits, tiff.format);
    let value = |channel: usize| kept(level(x, y, channel), bits, format);
    let alpha = alpha(tiff).map_or(1.0, |_| value(4));
    let [r, g, b] = match tiff.photometric {
        0 => [1.0 - value(0); 3],
        1 => [value(0); 3],
        2 if format == 3 => [0, 1, 2].map(|channel| srgb(value(channel))),
        2 => [0, 1, 2].map(value),
        3 => {
            let index = sample(tiff, x, y, 0) as usize;
            let entry = |channel: usize| f64::from(tiff.palette[(channel << bits) + index] >> 8) / 255.0;
            [0, 1, 2].map(entry)
        }
        5 => [0, 1, 2].map(|channel| (1.0 - value(channel)) * (1.0 - value(3))),
        6 => {
            let (h, v) = tiff.subsampling;
            let chroma = |channel: usize| (level(x / h * h, y / v * v, channel) * 255.0).round() - 128.0;
            let (y, cb, cr) = (value(0) * 255.0, chroma(1), chroma(2));
            [y + 1.402 * cr, y - 0.344_14 * cb - 0.714_14 * cr, y + 1.772 * cb].map(|v| v.clamp(0.0, 255.0) / 255.0)
        }
        _ => {
            // With sixteen bits, the lower eight are fractions.
            let range = if bits == 16 { 65_535.0 / 256.0 } else { 255.0 };
            lab(value(0) * 100.0, value(1) * range - 128.0, value(2) * range - 128.0)
        }
    };
    [r, g, b, alpha]
}

/// Converts a Lab colour by the definition of CIE.
fn lab(l: f64, a: f64, b: f64) -> [f64; 3] {
    let height = (l + 16.0) / 116.0;
    let [x, y, z] = [height + a / 500.0, height, height - b / 200.0].map(|t| {
        let edge = 6.0 / 29.0;
        if t > edge { t * t * t } else { 3.0 * edge * edge * (t - 4.0 / 29.0) }
    });
    let (x, z) = (x * 0.9642, z * 0.8249);
    let linear = [
        3.1339 * x - 1.6169 * y - 0.4906 * z,
        -0.9788 * x + 1.9161 * y + 0.0335 * z,
        0.0719 * x - 0.2290 * y + 1.4052 * z,
    ];
    linear.map(|light| srgb(light.clamp(0.0, 1.0)))
}

/// Draws a layout at random. Some layouts are impossible.
fn variant(random: &mut fastrand::Rng) -> Tiff {
    let mut one_of = |list: &[u16]| list[random.usize(..list.len())];
    let photometric = one_of(&COLOURS.map(|colours| colours.0));
    let extra: &[&[u16]] = &[&[], &[], &[0], &[1], &[2], &[0, 2]];
    let extra = extra[usize::from(one_of(&[0, 1, 2, 3, 4, 5]))];
    let mut tiff = Tiff::new(WIDTH, HEIGHT, photometric, colours(photometric) + extra.len());
    tiff.extra = extra.to_vec();
    tiff.format = one_of(&[1, 1, 1, 1, 2, 3, 4]);
    tiff.bits = match (photometric, tiff.format) {
        (3, _) => one_of(&[1, 2, 4, 8]),
        (6, _) => 8,
        (8 | 9, _) => one_of(&[8, 16]),
        (_, 3) => one_of(&[16, 32, 64]),
        _ => one_of(&[1, 2, 3, 4, 6, 8, 8, 8, 10, 12, 14, 16, 16, 32, 64]),
    };
    if matches!(photometric, 3 | 6 | 8 | 9) {
        tiff.format = 1;
    }
    tiff.planar = one_of(&[0, 0, 1]) == 1;
    tiff.predictor = one_of(&[1, 2, 2, 3]);
    tiff.fill_order = one_of(&[1, 1, 2]);
    tiff.compression = one_of(&[1, 5, 8, 32946, 32773]);
    tiff.big_endian = one_of(&[0, 1]) == 1;
    tiff.big = one_of(&[0, 0, 1]) == 1;
    tiff.chunk = [(0, 7), (0, HEIGHT), (16, 16), (32, 16)][usize::from(one_of(&[0, 1, 2, 3]))];
    if photometric == 6 && extra.is_empty() && !tiff.planar && tiff.chunk != (0, 7) {
        tiff.subsampling = [(1, 1), (2, 1), (2, 2), (4, 2)][usize::from(one_of(&[0, 1, 2, 3]))];
        tiff.predictor = 1;
    }
    if photometric == 3 {
        tiff.palette = (0..3_u32 << tiff.bits).map(|i| (i * 40_503 % 65_521) as u16).collect();
    }
    tiff
}

/// Whether a file may be rejected.
fn may_be_rejected(tiff: &Tiff) -> bool {
    let odd_predictor = match tiff.predictor {
        2 => !matches!(tiff.bits, 8 | 16 | 32 | 64),
        3 => tiff.format != 3,
        _ => false,
    };
    let multiplied = matches!(tiff.photometric, 6 | 8 | 9) && alpha(tiff).is_some_and(|alpha| alpha.1);
    odd_predictor || multiplied || tiff.format == 2
}

#[test]
fn every_layout_has_the_right_pixels_or_is_rejected() {
    let mut random = fastrand::Rng::with_seed(15);
    let (mut shown, mut rejected) = (0, 0);
    for _ in 0..2500 {
        let tiff = variant(&mut random);
        if tiff.photometric == 3 && alpha(&tiff).is_some_and(|alpha| alpha.1)
            || tiff.bits < 3 && tiff.extra.contains(&1)
        {
            // Colours that were multiplied by a small alpha have lost precision.
            continue;
        }
        let file = tiff.encode(|x, y, index| sample(&tiff, x, y, index));
        match thumbnail::make(&file, &Options::default()) {
            Err(rejection) => {
                assert_eq!(rejection.reason, Reason::UnsupportedFormat, "{rejection}\n{tiff:?}");
                assert!(rejection.detail.contains("tag "), "{rejection}");
                assert!(may_be_rejected(&tiff), "{rejection}\n{tiff:?}");
                rejected += 1;
                continue;
            }
            Ok(_) => shown += 1,
        }
        let worst = worst(&tiff, &file);
        // Colours that were multiplied by alpha in eight bits or fewer are not more precise.
        let lost = alpha(&tiff).is_some_and(|alpha| alpha.1);
        let tolerance = match tiff.photometric {
            _ if lost => 4.0 + 2.5 * 255.0 / f64::from((1_u32 << tiff.bits.min(16)) - 1),
            _ => 1.5,
        };
        assert!(worst.0 <= tolerance, "off by {} at {:?}\n{tiff:?}", worst.0, worst.1);
    }
    assert!(shown >= 1200 && rejected >= 100, "{shown} shown, {rejected} rejected");
}

/// Returns the maximum difference of a channel in levels, and its place.
fn worst(tiff: &Tiff, file: &[u8]) -> (f64, (usize, usize)) {
    let (width, height, pixels) = decode(&make(file, WIDTH as u32).thumbnails[0].bytes);
    assert_eq!((width as usize, height as usize), (WIDTH, HEIGHT));
    let mut worst = (0.0, (0, 0));
    for (i, pixel) in pixels.iter().enumerate() {
        let (x, y) = (i % WIDTH, i / WIDTH);
        for (&level, must) in pixel.iter().zip(expected(tiff, x, y)) {
            let off = (f64::from(level) - must * 255.0).abs();
            if off > worst.0 {
                worst = (off, (x, y));
            }
        }
    }
    worst
}

/// Returns the grey levels of the pixels of each row.
fn greys(file: &[u8], width: u32) -> Vec<u8> {
    decode(&make(file, width).thumbnails[0].bytes).2.iter().map(|pixel| pixel[0]).collect()
}

#[test]
fn fax_in_every_code_and_order_of_bits() {
    const RUNS: usize = 4;
    let from_white = [true, true, false, false, false, true, false, true, true, true];
    let row = |white: bool| (0..RUNS * 8).map(move |x| if (x / 8 % 2 == 0) == white { 255 } else { 0 });
    let expected: Vec<u8> = from_white.iter().flat_map(|&white| row(white)).collect();
    for (code, compression, options) in [
        (Fax::Rows, 2, None),
        (Fax::Group3, 3, Some(0)),
        (Fax::Group3, 3, None),
        (Fax::Group3Rows, 3, Some(1)),
        (Fax::Group4, 4, None),
    ] {
        for fill_order in [1, 2] {
            // In strips, and by the default of TIFF in one strip.
            for rows in [3, 10, u64::from(u32::MAX)] {
                let mut tiff = Tiff::new(RUNS * 8, from_white.len(), 0, 1);
                tiff.bits = 1;
                (tiff.compression, tiff.fill_order) = (compression, fill_order);
                tiff.chunk = (0, usize::try_from(rows).unwrap().min(10));
                tiff.tags = vec![(278, 4, vec![rows])];
                tiff.tags.extend(options.map(|options| (292, 4, vec![options])));
                let file = tiff.encode_chunks(|_, _, top, (_, height)| {
                    let bytes = fax(code, &from_white[top..top + height], RUNS);
                    if fill_order == 2 { bytes.iter().map(|byte| byte.reverse_bits()).collect() } else { bytes }
                });
                assert_eq!(greys(&file, 32), expected, "{code:?}, fill order {fill_order}, {rows} rows");
            }
        }
    }
}

#[test]
fn a_palette_of_values_below_256_has_eight_bits() {
    let mut tiff = Tiff::new(4, 1, 3, 1);
    tiff.palette = [10, 20, 30, 255].into_iter().chain([0; 252]).collect::<Vec<u16>>().repeat(3);
    assert_eq!(greys(&tiff.encode(|x, _, _| x as u64), 4), [10, 20, 30, 255]);
    tiff.palette[3] = 256;
    assert_eq!(greys(&tiff.encode(|x, _, _| x as u64), 4), [0, 0, 0, 1]);
}

#[test]
fn tiles_may_be_listed_as_strips() {
    let mut tiff = Tiff::new(WIDTH, HEIGHT, 2, 3);
    tiff.chunk = (16, 16);
    tiff.lists = Some((273, 279));
    let file = tiff.encode(|x, y, index| sample(&tiff, x, y, index));
    assert!(worst(&tiff, &file).0 <= 1.0);
}

#[test]
fn of_directories_that_follow_each_other_in_a_circle_the_first_is_shown() {
    let tiff = Tiff::new(WIDTH, HEIGHT, 2, 3);
    let mut file = tiff.encode(|x, y, index| sample(&tiff, x, y, index));
    let end = file.len() - 4;
    file.copy_within(4..8, end);
    assert!(worst(&tiff, &file).0 <= 1.0);
}

#[test]
fn floating_point_greys_may_have_white_at_255() {
    let grey = |numbers: [f32; 4]| {
        let mut tiff = Tiff::new(4, 1, 1, 1);
        (tiff.bits, tiff.format) = (32, 3);
        tiff.encode(|x, _, _| u64::from(numbers[x].to_bits()))
    };
    assert_eq!(greys(&grey([0.0, 0.2, 0.6, 1.0]), 4), [0, 51, 153, 255]);
    assert_eq!(greys(&grey([0.0, 51.0, 153.0, 300.0]), 4), [0, 51, 153, 255]);
    // A light that is too bright is white.
    assert_eq!(greys(&grey([0.0, 0.2, 0.6, 7.0]), 4), [0, 51, 153, 255]);
    // Heights above the sea are not a picture.
    assert_eq!(reason(&grey([800.0, 900.0, 1000.0, 1100.0])), Reason::UnsupportedFormat);
}

#[test]
fn strips_that_were_never_written_are_missing() {
    let mut tiff = Tiff::new(WIDTH, HEIGHT, 1, 1);
    tiff.lists = Some((60_000, 60_001));
    tiff.tags = vec![(273, 4, vec![0; 5]), (279, 4, vec![0; 5])];
    assert_eq!(reason(&tiff.encode(|x, y, index| sample(&tiff, x, y, index))), Reason::Corrupt);
}

#[test]
fn luminance_has_coefficients_and_levels_of_its_own() {
    let mut tiff = Tiff::new(2, 1, 6, 3);
    // The levels and weights of television: black is 16, and green has more weight.
    let fractions = |values: &[u64]| values.iter().flat_map(|&value| [value, 10_000]).collect();
    tiff.tags = vec![
        (529, 5, fractions(&[2126, 7152, 722])),
        (532, 5, fractions(&[160_000, 2_350_000, 1_280_000, 2_400_000, 1_280_000, 2_400_000])),
    ];
    let file = tiff.encode(|x, _, index| [[235, 16], [128, 128], [128, 240]][index][x]);
    let pixels = decode(&make(&file, 2).thumbnails[0].bytes).2;
    assert_eq!(pixels[0], [255; 4]);
    assert_eq!(pixels[1], [200, 0, 0, 255]);
}

#[test]
fn jpegs_in_a_tiff_share_tables_or_a_plane_each() {
    let picture: Vec<u8> = (0..64 * 64_u32).map(|i| (i % 64 * 4) as u8).collect();
    let jpeg = |edge: usize, level: Option<u8>| {
        let pixels = level.map_or_else(|| picture[..edge * edge].to_vec(), |level| vec![level; edge * edge]);
        let mut file = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut file, 100);
        encoder.encode(&pixels, edge as u16, edge as u16, jpeg_encoder::ColorType::Luma).unwrap();
        file
    };
    // The chroma of red.
    let mut tiff = Tiff::new(64, 64, 6, 3);
    (tiff.compression, tiff.planar, tiff.chunk, tiff.subsampling) = (7, true, (0, 64), (2, 2));
    let file = tiff.encode_chunks(|plane, _, _, _| jpeg(64, [None, Some(128), Some(168)][plane]));
    let pixels = decode(&make(&file, 64).thumbnails[0].bytes).2;
    for (pixel, &luma) in pixels.iter().zip(&picture).filter(|(_, luma)| (40..190).contains(*luma)) {
        assert!(pixel[0].abs_diff(luma + 56) <= 2 && pixel[1].abs_diff(luma - 29) <= 2, "{pixel:?} {luma}");
    }
    // Smaller planes: writers of such files have lost parts of them.
    let mut tiff = Tiff::new(64, 64, 6, 3);
    (tiff.compression, tiff.planar, tiff.chunk) = (7, true, (0, 64));
    let file = tiff.encode_chunks(|plane, _, _, _| jpeg(if plane == 0 { 64 } else { 32 }, None));
    assert_eq!(
        thumbnail::make(&file, &Options::default()).map(|made| made.source).unwrap_err().reason,
        Reason::Corrupt
    );
    // Separate tables, as most writers store them.
    let whole = jpeg(64, None);
    let frame = whole.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    let scan = whole.windows(2).position(|window| window == [0xff, 0xda]).unwrap();
    let (tables, frame) =
        ([&whole[..frame], &whole[frame + 13..scan], &[0xff, 0xd9]].concat(), &whole[frame..frame + 13]);
    let mut tiff = Tiff::new(64, 64, 1, 1);
    (tiff.compression, tiff.chunk) = (7, (0, 64));
    tiff.tags = vec![(347, 7, tables.iter().map(|&byte| u64::from(byte)).collect())];
    let file = tiff.encode_chunks(|_, _, _, _| [b"\xff\xd8", frame, &whole[scan..]].concat());
    assert!(greys(&file, 64).iter().zip(&picture).all(|(&level, &must)| level.abs_diff(must) <= 2));
}
