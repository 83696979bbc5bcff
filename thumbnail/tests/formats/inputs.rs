//! Tests that every format and coding results in the right pixels.

use jpeg_encoder::{ColorType, SamplingFactor};
use png::{BitDepth, ColorType as Colours};
use thumbnail::{Format, Reason};

use super::{
    HEIGHT, WIDTH, colour, decode, difference,
    fixtures::{self, Jpeg, Png, png_bytes},
    grey, make, paletted, reason, transparent,
};

#[test]
fn jpeg_of_every_kind() {
    let jpeg = Jpeg::default();
    for sampling in [
        SamplingFactor::F_1_1,
        SamplingFactor::F_2_1,
        SamplingFactor::F_1_2,
        SamplingFactor::F_2_2,
        SamplingFactor::F_4_1,
        SamplingFactor::F_4_2,
        SamplingFactor::F_1_4,
        SamplingFactor::F_2_4,
    ] {
        for progressive in [false, true] {
            for restart in [0, 7] {
                let off = difference(&Jpeg { sampling, progressive, restart, ..jpeg }.encode(WIDTH, HEIGHT), &colour());
                assert!(off < 6.0, "{sampling:?} progressive {progressive} restart {restart}: {off}");
            }
        }
    }
    for colours in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let off =
            difference(&Jpeg { colours, sampling: SamplingFactor::F_1_1, ..jpeg }.encode(WIDTH, HEIGHT), &colour());
        assert!(off < 6.0, "{colours:?}: {off}");
    }
    assert!(difference(&Jpeg { colours: ColorType::Luma, ..jpeg }.encode(WIDTH, HEIGHT), &grey()) < 4.0);
}

/// Some encoders write baseline files in this way, too.
#[test]
fn jpeg_with_a_scan_for_each_component() {
    for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_2] {
        let mut file = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut file, 90);
        encoder.set_sampling_factor(sampling);
        encoder.set_optimized_huffman_tables(true);
        let size = [WIDTH, HEIGHT].map(|edge| u16::try_from(edge).unwrap());
        encoder.encode(&fixtures::rgb(WIDTH, HEIGHT), size[0], size[1], ColorType::Rgb).unwrap();
        assert_eq!(file.windows(2).filter(|pair| *pair == [0xff, 0xda]).count(), 3);
        let off = difference(&file, &colour());
        assert!(off < 6.0, "{sampling:?}: {off}");
    }
}

#[test]
fn png_of_every_kind() {
    let expected = [
        (Colours::Grayscale, grey()),
        (Colours::Rgb, colour()),
        (Colours::Rgba, transparent()),
        (Colours::Indexed, paletted()),
    ];
    for (colours, expected) in expected {
        let off = difference(&fixtures::png(colours, WIDTH, HEIGHT), &expected);
        assert!(off == 0.0, "{colours:?}: {off}");
        if colours != Colours::Indexed {
            let off = difference(&Png { colours, depth: BitDepth::Sixteen }.encode(WIDTH, HEIGHT), &expected);
            assert!(off == 0.0, "{colours:?} of 16 bits: {off}");
        }
    }
}

#[test]
fn other_formats() {
    let pixels = fixtures::rgb(WIDTH, HEIGHT);
    let wide: Vec<u8> = pixels.iter().flat_map(|&v| [v, v]).collect();
    let alpha = fixtures::rgba(WIDTH, HEIGHT);
    let ink: Vec<u8> = pixels.chunks_exact(3).flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0]).collect();
    let tiff = |samples, bits, pixels: &[u8], tags: &[_]| fixtures::tiff(WIDTH, HEIGHT, samples, bits, pixels, tags);
    let files = [
        ("WebP lossless", fixtures::webp(WIDTH, HEIGHT, false, true), colour(), 0.0),
        ("WebP lossy", fixtures::webp(WIDTH, HEIGHT, false, false), colour(), 6.0),
        ("WebP lossy with alpha", fixtures::webp(WIDTH, HEIGHT, true, false), transparent(), 8.0),
        ("BMP 24", fixtures::bmp(WIDTH, HEIGHT, 24), colour(), 0.0),
        ("BMP 32", fixtures::bmp(WIDTH, HEIGHT, 32), colour(), 0.0),
        ("BMP 16", fixtures::bmp(WIDTH, HEIGHT, 16), colour(), 4.0),
        ("BMP 8", fixtures::bmp(WIDTH, HEIGHT, 8), grey(), 0.0),
        ("BMP 4", fixtures::bmp(WIDTH, HEIGHT, 4), grey(), 5.0),
        ("TIFF RGB", tiff(3, 8, &pixels, &[(262, 2)]), colour(), 0.0),
        ("TIFF RGB 16", tiff(3, 16, &wide, &[(262, 2)]), colour(), 0.0),
        ("TIFF RGBA", tiff(4, 8, &alpha, &[(262, 2), (338, 2)]), transparent(), 0.0),
        ("TIFF CMYK", tiff(4, 8, &ink, &[(262, 5)]), colour(), 1.0),
        ("TIFF grey", tiff(1, 8, &fixtures::gray(WIDTH, HEIGHT), &[(262, 1)]), grey(), 0.0),
        ("TIFF palette", tiff(1, 8, &fixtures::gray(WIDTH, HEIGHT), &[(262, 3)]), grey(), 0.0),
    ];
    for (name, file, expected, tolerance) in files {
        let off = difference(&file, &expected);
        assert!(off <= tolerance, "{name}: {off}");
    }
    for interlaced in [false, true] {
        let off = difference(&fixtures::gif(240, 160, 0, 0, interlaced), &paletted());
        assert!(off == 0.0, "GIF interlaced {interlaced}: {off}");
    }
}

#[test]
fn icons_are_masked() {
    for bits in [1, 4, 8, 24, 32] {
        let made = make(&fixtures::ico(32, bits), 32);
        assert_eq!((made.source.width, made.source.height, made.source.format), (32, 32, Format::Ico));
        let (_, _, pixels) = decode(&made.thumbnails[0].bytes);
        for (i, pixel) in pixels.iter().enumerate() {
            assert_eq!(pixel[3] == 255, i % 32 >= 16 || i / 32 >= 16, "{bits} bits, pixel {i}");
        }
    }
    assert_eq!(make(&fixtures::ico_png(64), 64).source.width, 64);
}

#[test]
fn colours_of_a_profile_become_srgb() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let pixels = [200, 100, 100].repeat(64 * 64);
    let encoder = webp::Encoder::new(&pixels, webp::PixelLayout::Rgb, 64, 64);
    let plain = encoder.encode_simple(true, 80.0).unwrap().to_vec();
    let tagged = |profile: &[u8]| {
        let chunk = [&b"ICCP"[..], &u32::try_from(profile.len()).unwrap().to_le_bytes(), profile].concat();
        let mut file = fixtures::extended_webp(&plain, 64, 64, 0x20, &[]);
        // The profile comes before the picture.
        file.splice(30..30, chunk.into_iter().chain(vec![0; profile.len() % 2]));
        let length = u32::try_from(file.len() - 8).unwrap();
        file[4..8].copy_from_slice(&length.to_le_bytes());
        decode(&make(&file, 64).thumbnails[0].bytes).2[0]
    };
    // In the wider colour space, the same values are a stronger red.
    let [r, g, b, _] = tagged(&profile);
    assert!((208..=218).contains(&r) && (88..=98).contains(&g) && (90..=101).contains(&b), "{:?}", (r, g, b));
    // An invalid profile changes nothing.
    assert_eq!(tagged(b"no profile at all"), [200, 100, 100, 255]);
    assert_eq!(decode(&make(&plain, 64).thumbnails[0].bytes).2[0], [200, 100, 100, 255]);
}

#[test]
fn a_height_given_after_the_first_scan_is_found() {
    let file = Jpeg::default().encode(WIDTH, HEIGHT);
    let frame = file.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    let mut open = file.clone();
    open[frame + 5..frame + 7].fill(0);
    let end = open.len() - 2;
    open.splice(end..end, [0xff, 0xdc, 0, 4, 0, u8::try_from(HEIGHT).unwrap()]);
    assert_eq!(make(&open, 50).source.height, HEIGHT);
}

#[test]
fn exotic_jpegs_are_unsupported_by_their_header() {
    let file = Jpeg::default().encode(WIDTH, HEIGHT);
    let frame = file.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    for marker in [0xc3, 0xc5, 0xc9, 0xca, 0xcb, 0xcd] {
        let mut exotic = file.clone();
        exotic[frame + 1] = marker;
        assert_eq!(reason(&exotic), Reason::UnsupportedFormat, "{marker:x}");
    }
    let mut deep = file.clone();
    deep[frame + 4] = 12;
    assert_eq!(reason(&deep), Reason::UnsupportedFormat);
}

#[test]
fn what_is_no_image_is_unsupported() {
    for bytes in [&b""[..], b"hello", b"%PDF-1.7", b"\0\0\0\x18ftypmp42mp42isom"] {
        assert_eq!(reason(bytes), Reason::UnsupportedFormat, "{}", bytes.escape_ascii());
    }
    #[cfg(not(feature = "svg"))]
    assert_eq!(reason(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Reason::UnsupportedFormat);
}

/// Compares every depth of every colour type, interlaced or not, with the samples that were written.
#[test]
fn png_of_every_depth() {
    let kinds: [(u8, usize, &[u8]); 5] = [
        (png_bytes::GRAY, 1, &[1, 2, 4, 8, 16]),
        (png_bytes::RGB, 3, &[8, 16]),
        (png_bytes::PALETTE, 1, &[1, 2, 4, 8]),
        (png_bytes::GRAY_ALPHA, 2, &[8, 16]),
        (png_bytes::RGBA, 4, &[8, 16]),
    ];
    let (width, height) = (29, 13);
    for (colour, samples, depths) in kinds {
        for (&depth, interlaced) in depths.iter().flat_map(|depth| [(depth, false), (depth, true)]) {
            let max = u16::MAX >> (16 - depth);
            let sample = |x: u32, y: u32| -> Vec<u16> {
                let value = |i: usize| (x * 7 + y * 13 + i as u32 * 29 + 3) * 1009 % (u32::from(max) + 1);
                (0..samples).map(|i| u16::try_from(value(i)).unwrap()).collect()
            };
            let palette: Vec<[u8; 3]> = (0..=max.min(255)).map(|i| [i as u8, (i * 3) as u8, 255 - i as u8]).collect();
            let chunks = if colour == png_bytes::PALETTE { vec![(*b"PLTE", palette.concat())] } else { Vec::new() };
            let file = png_bytes::Layout { width, height, colour, depth, interlaced }.encode(&chunks, sample);
            let (_, _, pixels) = decode(&make(&file, width).thumbnails[0].bytes);
            for (i, pixel) in (0..).zip(&pixels) {
                let eight = |v: u16| ((u32::from(v) * 255 + u32::from(max) / 2) / u32::from(max)) as u8;
                let stored = sample(i % width, i / width);
                let expected = match (colour, &stored[..]) {
                    (png_bytes::PALETTE, &[index]) => {
                        let [r, g, b] = palette[usize::from(index)];
                        [r, g, b, 255]
                    }
                    (_, &[v]) => [eight(v), eight(v), eight(v), 255],
                    (_, &[v, a]) => [eight(v), eight(v), eight(v), eight(a)],
                    (_, &[r, g, b]) => [eight(r), eight(g), eight(b), 255],
                    (_, &[r, g, b, a]) => [eight(r), eight(g), eight(b), eight(a)],
                    _ => unreachable!(),
                };
                // Fully transparent pixels lose their colour in a palette.
                let same = *pixel == expected || pixel[3] == 0 && expected[3] == 0;
                assert!(
                    same,
                    "colour {colour}, depth {depth}, interlaced {interlaced}, pixel {i}: {pixel:?} for {expected:?}"
                );
            }
        }
    }
}

#[test]
fn a_transparent_colour_of_a_png_is_seen_through() {
    let layout = |colour, depth| png_bytes::Layout { width: 16, height: 8, colour, depth, interlaced: false };
    let left = |x: u32| x < 8;
    let files = [
        layout(png_bytes::GRAY, 8).encode(&[(*b"tRNS", vec![0, 7])], |x, _| vec![if left(x) { 7 } else { 9 }]),
        layout(png_bytes::GRAY, 16)
            .encode(&[(*b"tRNS", vec![7, 1])], |x, _| vec![if left(x) { 0x0701 } else { 0x0702 }]),
        layout(png_bytes::RGB, 8)
            .encode(&[(*b"tRNS", vec![0, 1, 0, 2, 0, 3])], |x, _| vec![1, 2, if left(x) { 3 } else { 4 }]),
        layout(png_bytes::PALETTE, 2)
            .encode(&[(*b"PLTE", vec![5; 12]), (*b"tRNS", vec![255, 0])], |x, _| vec![u16::from(left(x))]),
    ];
    for (i, file) in files.iter().enumerate() {
        let (_, _, pixels) = decode(&make(file, 16).thumbnails[0].bytes);
        for (x, pixel) in (0..16).cycle().zip(&pixels) {
            assert_eq!(pixel[3], if left(x) { 0 } else { 255 }, "file {i}, column {x}");
        }
    }
}

/// Browsers treat these chunks differently, and sharp ignores them.
#[test]
fn gamma_and_primaries_without_a_profile_change_nothing() {
    let plain = fixtures::png(Colours::Rgb, WIDTH, HEIGHT);
    let gamma = png_bytes::with_chunk(&plain, *b"gAMA", &100_000_u32.to_be_bytes());
    let primaries: Vec<u8> = [31_270, 32_900, 70_800, 29_200, 17_000, 79_700, 13_100, 4600_u32]
        .iter()
        .flat_map(|value: &u32| value.to_be_bytes())
        .collect();
    let both = png_bytes::with_chunk(&gamma, *b"cHRM", &primaries);
    for file in [gamma, both] {
        assert_eq!(make(&file, 100).thumbnails[0].bytes, make(&plain, 100).thumbnails[0].bytes);
    }
}

/// Profiles are found in every format. In a JPEG, they are in numbered segments in any order.
#[test]
fn profiles_are_found_wherever_they_are() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let segment = |number: u8, part: &[u8]| (2, [&b"ICC_PROFILE\0"[..], &[number, 2], part].concat());
    let (start, end) = profile.split_at(200);
    let jpeg = Jpeg { sampling: SamplingFactor::F_1_1, quality: 100, ..Jpeg::default() };
    let jpegs = [
        jpeg.encode(64, 64),
        jpeg.encode_with(64, 64, &[segment(1, start), segment(2, end)]),
        jpeg.encode_with(64, 64, &[segment(2, end), segment(1, start)]),
    ];
    let mut info = png::Info::with_size(64, 64);
    info.color_type = Colours::Rgb;
    let mut pngs = [Vec::new(), Vec::new()];
    for (file, profile) in pngs.iter_mut().zip([None, Some(profile.into())]) {
        info.icc_profile = profile;
        let mut writer = png::Encoder::with_info(file, info.clone()).unwrap().write_header().unwrap();
        writer.write_image_data(&fixtures::rgb(64, 64)).unwrap();
    }
    let show = |file: &Vec<u8>| decode(&make(file, 64).thumbnails[0].bytes).2;
    for files in [&jpegs[..], &pngs] {
        let shown: Vec<_> = files.iter().map(show).collect();
        for tagged in &shown[1..] {
            let changed = shown[0].iter().zip(tagged).filter(|(plain, tagged)| plain != tagged).count();
            assert!(changed > 2000, "{changed} of 4096 pixels differ");
            assert_eq!(tagged, &shown[1]);
        }
    }
}

/// A grey picture has a grey profile, and stays grey.
#[test]
fn a_grey_profile_is_used_and_one_for_other_colours_is_not() {
    let grey = |profile: moxcms::ColorProfile| {
        let mut info = png::Info::with_size(16, 16);
        info.color_type = Colours::Grayscale;
        info.icc_profile = Some(profile.encode().unwrap().into());
        let mut file = Vec::new();
        let mut writer = png::Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
        writer.write_image_data(&[100; 256]).unwrap();
        writer.finish().unwrap();
        let made = make(&file, 16);
        assert_eq!(made.thumbnails[0].bytes[25], 0, "the colour type of a grey PNG");
        decode(&made.thumbnails[0].bytes).2[0][0]
    };
    assert!((57..=66).contains(&grey(moxcms::ColorProfile::new_gray_with_gamma(3.4))), "darker by a steeper curve");
    assert_eq!(grey(moxcms::ColorProfile::new_display_p3()), 100);
}

/// Without a profile, each ink removes its share of the light. Files store inverted inks, with or without an Adobe segment.
#[test]
fn inks_become_colours() {
    let file = Jpeg { colours: ColorType::Cmyk, sampling: SamplingFactor::F_1_1, quality: 100, ..Jpeg::default() }
        .encode(WIDTH, HEIGHT);
    let adobe = file.windows(5).position(|window| window == b"Adobe").unwrap();
    let mut plain = file.clone();
    plain.drain(adobe - 4..adobe + 12);
    let [inverted, plain] = [file, plain].map(|file| decode(&make(&file, WIDTH).thumbnails[0].bytes).2);
    let expected = colour();
    for (i, expected) in expected.iter().enumerate().step_by(977) {
        for channel in 0..3 {
            assert!(
                inverted[i][channel].abs_diff(expected[channel]) < 8,
                "pixel {i}: {:?} for {expected:?}",
                inverted[i]
            );
        }
        assert_eq!(plain[i], inverted[i], "pixel {i}");
    }
}

#[cfg(not(feature = "svg"))]
#[test]
fn a_build_that_draws_no_svg_names_the_feature() {
    let file = b"<svg xmlns='http://www.w3.org/2000/svg'/>";
    let rejection = thumbnail::make(file, &thumbnail::Options::default()).unwrap_err();
    assert_eq!(rejection.reason, Reason::UnsupportedFormat);
    assert!(rejection.detail.contains("\"svg\""), "{rejection}");
}
