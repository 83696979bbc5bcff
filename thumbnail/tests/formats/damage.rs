//! Tests that damaged files are shown if nearly whole, and rejected otherwise.

use png::ColorType as Colours;
use thumbnail::{Format, Options, Output, Reason, Size};

use super::{
    HEIGHT, WIDTH, decode,
    fixtures::{self, Jpeg, png_bytes},
    make, reason,
};

/// Returns the offset of the entropy-coded data.
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
            // An end marker does not make the file whole.
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
        // Up to a restart marker, so that the following markers can be found.
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
    // The means of all three components come first, in three scans or in one.
    for &scan in &scans[3..] {
        make(&file[..scan + 40], 100);
    }
    let first = scans[0] + 14;
    assert_eq!(reason(&file[..first + (scans[1] - first) / 2]), Reason::Truncated);
}

#[test]
fn other_formats_are_cut_by_the_same_rule() {
    let files = [
        ("PNG", fixtures::png(Colours::Rgb, 300, 200)),
        ("GIF", fixtures::gif(300, 200, 0, 0, false)),
        ("BMP", fixtures::bmp(300, 200, 24)),
        ("BMP with a palette", fixtures::bmp(300, 200, 8)),
        ("WebP lossy", fixtures::webp(300, 200, false, false)),
    ];
    for (name, file) in files {
        make(&file[..file.len() * 98 / 100], 100);
        assert_eq!(reason(&file[..file.len() / 2]), Reason::Truncated, "{name}");
    }
    // The decoders of these formats return nothing between half of a picture and all of it.
    let interlaced = png_bytes::Layout { width: 40, height: 30, colour: png_bytes::RGB, depth: 8, interlaced: true };
    for (name, file) in [
        ("interlaced PNG", interlaced.encode(&[], |x, y| vec![x as u16, y as u16, 9])),
        ("WebP lossy with alpha", fixtures::webp(300, 200, true, false)),
        ("WebP lossless", fixtures::webp(300, 200, true, true)),
    ] {
        make(&file, 100);
        assert_eq!(reason(&file[..file.len() / 2]), Reason::Truncated, "{name}");
    }
}

#[test]
fn of_a_tiff_nine_strips_in_ten_must_be_there() {
    let file = fixtures::tiff_strips(60, 100, 5);
    make(&file, 60);
    let row = 60 * 3;
    make(&file[..file.len() - 10 * row], 60);
    assert_eq!(reason(&file[..file.len() - 11 * row]), Reason::Truncated);
    assert_eq!(reason(&file[..file.len() / 2]), Reason::Truncated);
    assert_eq!(reason(&file[..60]), Reason::Truncated);
}

/// Wherever a file is cut, it results in thumbnails or a rejection, and half of a picture is never shown.
#[test]
fn no_cut_gives_half_a_picture() {
    let jpeg = Jpeg::default();
    let files = [
        jpeg.encode(64, 48),
        Jpeg { progressive: true, ..jpeg }.encode(64, 48),
        fixtures::png(Colours::Rgba, 64, 48),
        fixtures::gif(64, 48, 0, 0, true),
        fixtures::webp(64, 48, true, false),
        fixtures::webp(64, 48, false, false),
        fixtures::tiff_strips(64, 48, 4),
        fixtures::bmp(64, 48, 24),
        fixtures::ico(64, 8),
        [b"P6 64 48 255\n", &fixtures::rgb(64, 48)[..]].concat(),
    ];
    for (i, file) in files.iter().enumerate() {
        for end in 0..file.len() {
            let outcome = thumbnail::make(&file[..end], &thumbnail::Options::default()).map(|_| ());
            // The last files begin with directories and dimensions, which are corrupt if they are cut.
            let reasons = [Reason::Truncated, Reason::UnsupportedFormat, Reason::Corrupt];
            let reasons = if i < 6 { &reasons[..2] } else { &reasons };
            assert!(
                outcome.as_ref().is_ok_and(|()| end > file.len() / 2 || i == 1)
                    || outcome.as_ref().is_err_and(|rejection| reasons.contains(&rejection.reason)),
                "file {i} cut at {end} of {}: {outcome:?}",
                file.len()
            );
        }
    }
}

/// Cuts an interlaced GIF, whose last pass contains every second row.
#[test]
fn rows_that_are_missing_between_others_are_like_the_one_above() {
    let file = fixtures::gif(300, 200, 0, 0, true);
    let (_, _, pixels) = decode(&make(&file[..file.len() * 98 / 100], 300).thumbnails[0].bytes);
    let row = |y: usize| &pixels[y * 300..(y + 1) * 300];
    assert_eq!(row(199), row(198));
    assert_ne!(row(101), row(100));
}

/// Missing rows at the end of a PNG repeat the row above them.
#[test]
fn rows_that_are_missing_at_the_end_repeat_the_last_one() {
    let layout = png_bytes::Layout { width: 50, height: 100, colour: png_bytes::GRAY, depth: 8, interlaced: false };
    let file = layout.encode(&[], |_, y| vec![100 + y as u16]);
    let cut = file.len() - 12 - 8 - 5 * 51;
    for width in [50, 10] {
        let (_, height, pixels) = decode(&make(&file[..cut], width).thumbnails[0].bytes);
        let last = pixels[(width * (height - 1)) as usize];
        assert!((188..=196).contains(&last[0]), "{last:?}");
    }
}

/// Missing rows at the end of a lossy WebP repeat the row above them. Sixteen rows are missing at once.
#[test]
fn rows_that_are_missing_in_a_webp_repeat_the_last_one() {
    let (width, height) = (80, 800);
    let pixels: Vec<u8> = (0..height).flat_map(|y: u32| [(20 + y * 230 / height) as u8; 3 * 80]).collect();
    let file = webp::Encoder::new(&pixels, webp::PixelLayout::Rgb, width, height).encode(90.0).to_vec();
    let mut shown = 0;
    for end in file.len() / 2..file.len() {
        let output = Output { format: Some(Format::Png), quality: None };
        // At full size, and reduced.
        let options =
            Options { sizes: vec![Size::Width(80), Size::Width(10)], outputs: vec![output], ..Options::default() };
        let Ok(made) = thumbnail::make(&file[..end], &options) else { continue };
        shown += 1;
        for thumbnail in made.thumbnails {
            let last = decode(&thumbnail.bytes).2.last().unwrap()[0];
            assert!((222..=254).contains(&last), "{last} at the end of {}, cut at {end}", thumbnail.size);
        }
    }
    assert!(shown > 10, "{shown} cuts left enough");
}

/// Makes thumbnails of files of every format, cut or changed anywhere, with low limits.
#[test]
fn every_refusal_says_what_was_found_and_what_to_do() {
    let files = [
        Jpeg::default().encode(WIDTH, HEIGHT),
        fixtures::png(png::ColorType::Rgb, WIDTH, HEIGHT),
        fixtures::gif(WIDTH as u16, HEIGHT as u16, 0, 0, false),
        fixtures::webp(WIDTH, HEIGHT, true, false),
        fixtures::webp(WIDTH, HEIGHT, false, true),
        fixtures::tiff_strips(WIDTH, HEIGHT, 16),
        fixtures::bmp(WIDTH, HEIGHT, 8),
        fixtures::ico(32, 32),
        [b"P5 240 160 255\n", &fixtures::gray(WIDTH, HEIGHT)[..]].concat(),
        [b"qoif\0\0\0\xf0\0\0\0\xa0\x04\0", &vec![0xc0; 240 * 160][..], &[0, 0, 0, 0, 0, 0, 0, 1]].concat(),
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf\0\0\0\x08mdat".to_vec(),
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(),
        b"<svg/>".to_vec(),
    ];
    let mut random = fastrand::Rng::with_seed(4);
    let mut seen = std::collections::BTreeSet::new();
    for file in &files {
        for round in 0..200 {
            let mut odd = file.clone();
            let mut limits = thumbnail::Limits::default();
            match round {
                0 => limits.max_pixels = 10,
                1 => limits.max_bytes = 5,
                2 => limits.max_memory = 1000,
                3..50 => odd.truncate(random.usize(..=file.len())),
                _ => (0..4).for_each(|_| {
                    let at = random.usize(..file.len().min(200));
                    odd[at] = random.u8(..);
                }),
            }
            let options = Options { limits, ..Options::default() };
            let Err(rejection) = thumbnail::make(&odd, &options) else { continue };
            let (found, remedy) = rejection.detail.rsplit_once("; ").unwrap();
            assert_eq!(remedy, rejection.reason.remedy(), "{rejection}");
            assert!(found.split(' ').count() >= 3 && !found.contains(remedy), "{rejection}");
            seen.insert(rejection.reason.code());
        }
    }
    for reason in ["corrupt", "needs-more-memory", "too-large", "too-many-pixels", "truncated", "unsupported-format"] {
        assert!(seen.contains(reason), "{reason} is not among {seen:?}");
    }
}
