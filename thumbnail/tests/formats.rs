//! Every format in, the right pixels out; what is cut or damaged shown when nearly whole and refused otherwise.

#![allow(clippy::cast_precision_loss)] // figures to look at

mod fixtures;

use fixtures::{Jpeg, Png};
use jpeg_encoder::{ColorType, SamplingFactor};
use png::{BitDepth, ColorType as Colours};
use thumbnail::{Format, Limits, Made, Options, Output, Reason, Size};

const WIDTH: u32 = 240;
const HEIGHT: u32 = 160;

/// Makes one PNG of `width` from a file.
fn make(file: &[u8], width: u32) -> Made {
    let output = Output { format: Some(Format::Png), quality: None };
    let options = Options { sizes: vec![Size::Width(width)], outputs: vec![output], ..Options::default() };
    thumbnail::make(file, &options).unwrap_or_else(|rejection| panic!("{rejection}"))
}

fn reason(file: &[u8]) -> Reason {
    thumbnail::make(file, &Options::default()).map(|made| made.source).unwrap_err().reason
}

/// Width, height and pixels of a PNG as red, green, blue, alpha.
fn decode(file: &[u8]) -> (u32, u32, Vec<[u8; 4]>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    let pixel = |p: &[u8]| match *p {
        [v] => [v, v, v, 255],
        [v, a] => [v, v, v, a],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, a] => [r, g, b, a],
        _ => unreachable!(),
    };
    (info.width, info.height, data.chunks_exact(info.color_type.samples()).map(pixel).collect())
}

/// The mean difference in levels between a thumbnail at full size and what it should show.
fn difference(file: &[u8], expected: &[[u8; 4]]) -> f64 {
    let made = make(file, WIDTH);
    let (width, height, pixels) = decode(&made.thumbnails[0].bytes);
    assert_eq!((width, height), (WIDTH, HEIGHT));
    let sum: u32 = pixels.iter().flatten().zip(expected.iter().flatten()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    f64::from(sum) / (pixels.len() * 4) as f64
}

fn colour() -> Vec<[u8; 4]> {
    fixtures::rgb(WIDTH, HEIGHT).chunks_exact(3).map(|p| [p[0], p[1], p[2], 255]).collect()
}

fn grey() -> Vec<[u8; 4]> {
    fixtures::gray(WIDTH, HEIGHT).iter().map(|&v| [v, v, v, 255]).collect()
}

fn transparent() -> Vec<[u8; 4]> {
    fixtures::rgba(WIDTH, HEIGHT).chunks_exact(4).map(|p| [p[0], p[1], p[2], p[3]]).collect()
}

/// The colours of the palette that PNG and GIF fixtures have.
fn paletted() -> Vec<[u8; 4]> {
    fixtures::gray(WIDTH, HEIGHT).iter().map(|&v| [v, 255 - v, v / 2, 255]).collect()
}

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
            let off = difference(
                &Png { colours, depth: BitDepth::Sixteen, interlaced: false }.encode(WIDTH, HEIGHT),
                &expected,
            );
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
fn a_frame_smaller_than_its_screen_is_surrounded_by_nothing() {
    let made = make(&fixtures::gif(40, 30, 10, 20, false), 40);
    let (width, height, pixels) = decode(&made.thumbnails[0].bytes);
    assert_eq!((width, height), (40, 30));
    for (i, pixel) in pixels.iter().enumerate() {
        assert_eq!(pixel[3] == 255, i % 40 >= 10 && i / 40 >= 20, "pixel {i}");
    }
}

#[test]
fn icons_are_masked() {
    for bits in [1, 4, 8, 24, 32] {
        let made = make(&fixtures::ico(32, bits), 32);
        assert_eq!((made.source.width, made.source.height, made.source.format), (32, 32, Format::Ico));
        let (_, _, pixels) = decode(&made.thumbnails[0].bytes);
        for (i, pixel) in pixels.iter().enumerate() {
            assert_eq!(pixel[3] == 255, i % 32 >= 16, "{bits} bits, pixel {i}");
        }
    }
    assert_eq!(make(&fixtures::ico_png(64), 64).source.width, 64);
}

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
            fixtures::with_chunk(&png, *b"eXIf", &exif),
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
            // Where the stored picture's top left corner is in the upright one.
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
fn colours_of_a_profile_become_srgb() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let pixels = [200, 100, 100].repeat(64 * 64);
    let encoder = webp::Encoder::new(&pixels, webp::PixelLayout::Rgb, 64, 64);
    let plain = encoder.encode_simple(true, 80.0).unwrap().to_vec();
    let tagged = |profile: &[u8]| {
        let chunk = [&b"ICCP"[..], &u32::try_from(profile.len()).unwrap().to_le_bytes(), profile].concat();
        let mut file = fixtures::extended_webp(&plain, 64, 64, 0x20, &[]);
        // The profile stands before the picture.
        file.splice(30..30, chunk.into_iter().chain(vec![0; profile.len() % 2]));
        let length = u32::try_from(file.len() - 8).unwrap();
        file[4..8].copy_from_slice(&length.to_le_bytes());
        decode(&make(&file, 64).thumbnails[0].bytes).2[0]
    };
    // The same numbers mean a stronger red in the wider space.
    let [r, g, b, _] = tagged(&profile);
    assert!((208..=218).contains(&r) && (88..=98).contains(&g) && (90..=101).contains(&b), "{:?}", (r, g, b));
    // A profile that is none changes nothing.
    assert_eq!(tagged(b"no profile at all"), [200, 100, 100, 255]);
    assert_eq!(decode(&make(&plain, 64).thumbnails[0].bytes).2[0], [200, 100, 100, 255]);
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

/// Where entropy-coded data begin.
fn after_scan_header(file: &[u8]) -> usize {
    file.windows(2).position(|window| window == [0xff, 0xda]).unwrap() + 14
}

#[test]
fn jpegs_without_their_end_are_shown_if_nearly_whole() {
    let jpeg = Jpeg::default();
    for restart in [0, 5] {
        let file = Jpeg { restart, ..jpeg }.encode(640, 480);
        let data = after_scan_header(&file);
        let cut = |part: usize| data + (file.len() - data) * part / 100;
        make(&file[..file.len() - 2], 100);
        make(&file[..cut(98)], 100);
        for part in [10, 50, 80] {
            assert_eq!(reason(&file[..cut(part)]), Reason::Truncated, "{part}% with restart interval {restart}");
            // An end marker does not make it whole.
            let patched = [&file[..cut(part)], &[0xff, 0xd9]].concat();
            assert_eq!(reason(&patched), Reason::Corrupt, "{part}% and an end, with restart interval {restart}");
        }
    }
}

#[test]
fn a_damaged_restart_interval_is_forgiven_and_many_are_not() {
    let file = Jpeg { restart: 10, ..Jpeg::default() }.encode(640, 480);
    let data = after_scan_header(&file);
    let damage = |share: usize| {
        let mut damaged = file.clone();
        let start = data + (file.len() - data) / 3;
        let mut end = start + (file.len() - data) * share / 100;
        // Up to a restart marker, so that the ones that follow can be found.
        while !(damaged[end] == 0xff && (0xd0..=0xd7).contains(&damaged[end + 1])) {
            end += 1;
        }
        let keep: Vec<usize> = (start..end).filter(|&i| damaged[i] == 0xff || damaged[i - 1] == 0xff).collect();
        for i in (start..end).filter(|i| !keep.contains(i)) {
            damaged[i] = 0xfe;
        }
        damaged
    };
    make(&damage(1), 100);
    assert_eq!(reason(&damage(40)), Reason::Corrupt);
}

#[test]
fn a_progressive_jpeg_needs_its_means_only() {
    let file = Jpeg { progressive: true, ..Jpeg::default() }.encode(640, 480);
    let scans: Vec<usize> = file.windows(2).enumerate().filter(|(_, w)| w == &[0xff, 0xda]).map(|(i, _)| i).collect();
    assert!(scans.len() > 4);
    // The means of all three colours come first, each in a scan of its own or in one.
    for &scan in &scans[3..] {
        make(&file[..scan + 40], 100);
    }
    let first = scans[0] + 14;
    assert_eq!(reason(&file[..first + (scans[1] - first) / 2]), Reason::Truncated);
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
fn other_formats_are_cut_by_the_same_rule() {
    let files = [
        ("PNG", fixtures::png(Colours::Rgb, 300, 200)),
        ("GIF", fixtures::gif(300, 200, 0, 0, false)),
        ("BMP", fixtures::bmp(300, 200, 24)),
        ("BMP with a palette", fixtures::bmp(300, 200, 8)),
    ];
    for (name, file) in files {
        make(&file[..file.len() * 98 / 100], 100);
        assert_eq!(reason(&file[..file.len() / 2]), Reason::Truncated, "{name}");
    }
    let webp = fixtures::webp(300, 200, false, false);
    assert!(matches!(reason(&webp[..webp.len() / 2]), Reason::Truncated | Reason::Corrupt));
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
    for bytes in
        [&b""[..], b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\0\0\0\x18ftypmp42mp42isom"]
    {
        assert_eq!(reason(bytes), Reason::UnsupportedFormat, "{}", bytes.escape_ascii());
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

/// Found by fuzzing: its JPEG would have been higher than a JPEG can be.
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
