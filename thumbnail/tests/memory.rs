//! Compares the memory that the work takes, as counted by the allocator, with the estimate from the header.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // figures to look at, and small ones

mod fixtures;

use jpeg_encoder::{ColorType, SamplingFactor};
use oxideav_av1::encoder::yuv_frame::ChromaFormat;
use peak_alloc::PeakAlloc;
use png::{BitDepth, ColorType as Colours};
use thumbnail::{Limits, Options, Reason};

use fixtures::{
    Jpeg,
    avif_bytes::{self, Samples},
    png_bytes,
};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Runs `work`, and returns its peak allocation in bytes.
fn peak<T>(work: impl FnOnce() -> T) -> (T, u64) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let result = work();
    (result, (HEAP.peak_usage() - before) as u64)
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let (w, h) = (3000, 2000);
    let jpeg = Jpeg::default();
    let png = |colours, depth| fixtures::Png { colours, depth }.encode(w, h);
    let many = fixtures::rgb(w, h);
    let wide: Vec<u8> = many.iter().flat_map(|&v| [v, v]).collect();
    let shared = Samples { chroma: ChromaFormat::Yuv420, ..Samples::default() };
    let twelve_bits = Samples { depth: 12, ..Samples::default() };
    vec![
        ("JPEG 4:2:0", jpeg.encode(w, h)),
        ("JPEG 4:4:4", Jpeg { sampling: SamplingFactor::F_1_1, ..jpeg }.encode(w, h)),
        ("JPEG grey", Jpeg { colours: ColorType::Luma, ..jpeg }.encode(w, h)),
        ("JPEG CMYK", Jpeg { colours: ColorType::Cmyk, sampling: SamplingFactor::F_1_1, ..jpeg }.encode(w, h)),
        ("JPEG progressive 4:2:0", Jpeg { progressive: true, ..jpeg }.encode(w, h)),
        ("JPEG progressive 4:4:4", Jpeg { progressive: true, sampling: SamplingFactor::F_1_1, ..jpeg }.encode(w, h)),
        (
            "JPEG progressive CMYK",
            Jpeg { progressive: true, colours: ColorType::Cmyk, sampling: SamplingFactor::F_1_1, ..jpeg }.encode(w, h),
        ),
        ("JPEG small", jpeg.encode(600, 400)),
        ("PNG grey", png(Colours::Grayscale, BitDepth::Eight)),
        ("PNG palette", png(Colours::Indexed, BitDepth::Eight)),
        ("PNG RGB", png(Colours::Rgb, BitDepth::Eight)),
        ("PNG RGBA", png(Colours::Rgba, BitDepth::Eight)),
        ("PNG RGB 16", png(Colours::Rgb, BitDepth::Sixteen)),
        ("PNG RGBA 16", png(Colours::Rgba, BitDepth::Sixteen)),
        ("PNG small", fixtures::png(Colours::Rgba, 900, 600)),
        ("PNG interlaced RGB", interlaced(png_bytes::RGB, 8)),
        ("PNG interlaced RGBA 16", interlaced(png_bytes::RGBA, 16)),
        ("GIF", fixtures::gif(3000, 2000, 0, 0, false)),
        ("GIF interlaced", fixtures::gif(3000, 2000, 0, 0, true)),
        ("GIF part", fixtures::gif(3000, 2000, 10, 10, true)),
        ("WebP lossy", fixtures::webp(w, h, false, false)),
        ("WebP lossy alpha", fixtures::webp(w, h, true, false)),
        ("WebP lossless", fixtures::webp(w, h, false, true)),
        ("WebP lossless alpha", fixtures::webp(w, h, true, true)),
        ("WebP animated", fixtures::animated_webp(&fixtures::webp(w, h, true, false), (w, h), (w, h), (0, 0))),
        ("TIFF RGB", fixtures::tiff(w, h, 3, 8, &many, &[(262, 2)])),
        ("TIFF RGB 16", fixtures::tiff(w, h, 3, 16, &wide, &[(262, 2)])),
        ("TIFF in strips", fixtures::tiff_strips(w, h, 100)),
        ("BMP 24", fixtures::bmp(w, h, 24)),
        ("BMP 8", fixtures::bmp(w, h, 8)),
        ("PNM", [b"P6 3000 2000 255\n", &many[..]].concat()),
        ("PNM of 16 bits", [b"P6 3000 2000 65535\n", &wide[..]].concat()),
        // Runs of one pixel.
        (
            "QOI",
            [b"qoif\0\0\x0b\xb8\0\0\x07\xd0\x03\0", &vec![0xc0; 6_000_000][..], &[0, 0, 0, 0, 0, 0, 0, 1]].concat(),
        ),
        ("AVIF", avif_bytes::rgb(Samples::default(), 1500, &fixtures::rgb(1500, 1000))),
        ("AVIF alpha", avif_bytes::rgba(Samples::default(), 1500, &fixtures::rgba(1500, 1000), false)),
        ("AVIF 12 bits", avif_bytes::rgb(twelve_bits, 1500, &fixtures::rgb(1500, 1000))),
        ("AVIF 12 bits alpha", avif_bytes::rgba(twelve_bits, 1500, &fixtures::rgba(1500, 1000), false)),
        ("AVIF 4:2:0", avif_bytes::rgb(shared, 1500, &fixtures::rgb(1500, 1000))),
        ("AVIF 4:2:0 10 bits", avif_bytes::rgb(Samples { depth: 10, ..shared }, 1500, &fixtures::rgb(1500, 1000))),
    ]
}

fn interlaced(colour: u8, depth: u8) -> Vec<u8> {
    let layout = png_bytes::Layout { width: 3000, height: 2000, colour, depth, interlaced: true };
    layout.encode(&[], |x, y| vec![(x ^ y) as u16; if colour == png_bytes::RGBA { 4 } else { 3 }])
}

/// Files whose headers announce far more than they contain.
fn boasts() -> Vec<(&'static str, Reason, Vec<u8>)> {
    let png = |width, height, depth| {
        let mut file = png_bytes::Layout { width: 2, height: 2, colour: png_bytes::RGBA, depth, interlaced: true }
            .encode(&[], |_, _| vec![0; 4]);
        file[16..20].copy_from_slice(&u32::to_be_bytes(width));
        file[20..24].copy_from_slice(&u32::to_be_bytes(height));
        file
    };
    let with = |mut file: Vec<u8>, at: usize, bytes: &[u8]| {
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let jpeg = Jpeg::default().encode(64, 48);
    let frame = jpeg.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    let tiff = fixtures::tiff_strips(64, 48, 4);
    // Its entries begin at 10 and have 12 bytes each: width, height, …, places of strips.
    let tall = with(with(tiff.clone(), 18, &9000_u32.to_le_bytes()), 30, &9000_u32.to_le_bytes());
    // Compressed by LZW, in one strip.
    let strip = with(with(tall.clone(), 10 + 3 * 12 + 8, &[5]), 10 + 7 * 12 + 8, &9000_u32.to_le_bytes());
    // Width and height of a tile instead of rows and lengths of strips.
    let tile = |tag: u16| [&tag.to_le_bytes()[..], &[4, 0, 1, 0, 0, 0, 1, 0, 0, 0]].concat();
    let tiles = [tile(322), tile(323)].concat();
    vec![
        ("PNG", Reason::TooManyPixels, png(u32::MAX >> 1, u32::MAX >> 1, 16)),
        ("PNG within the limit", Reason::NeedsMoreMemory, png(9999, 9999, 16)),
        ("GIF", Reason::TooManyPixels, with(fixtures::gif(64, 48, 0, 0, false), 6, &[0xff; 4])),
        ("JPEG", Reason::TooManyPixels, with(jpeg.clone(), frame + 5, &[0xff; 4])),
        ("WebP", Reason::TooManyPixels, with(fixtures::webp(64, 48, false, true), 21, &[0xff, 0xff, 0xff, 0x0f])),
        ("BMP", Reason::TooManyPixels, with(fixtures::bmp(64, 48, 24), 18, &[0xff, 0xff, 0xff, 0x7f])),
        ("PNM", Reason::TooManyPixels, b"P6 99999 99999 255\n".to_vec()),
        ("PNM of one column", Reason::Truncated, b"P5 1 9999999 255\n".to_vec()),
        ("QOI within the limit", Reason::NeedsMoreMemory, b"qoif\0\0\x27\0\0\0\x27\0\x04\0".to_vec()),
        ("TIFF", Reason::TooManyPixels, with(tiff, 18, &[0xff; 4])),
        ("TIFF in tiny tiles", Reason::TooComplex, with(tall.clone(), 10 + 7 * 12, &tiles)),
        ("JPEG of scans", Reason::TooComplex, scans()),
        ("TIFF in one strip", Reason::NeedsMoreMemory, strip),
        ("TIFF without pixels", Reason::Corrupt, with(tall, 10 + 7 * 12 + 8, &9000_u32.to_le_bytes())),
    ]
}

/// A JPEG whose scans would take far too long to decode.
fn scans() -> Vec<u8> {
    let mut file = Jpeg { progressive: true, ..Jpeg::default() }.encode(64, 48);
    let is = |marker: u8| move |window: &[u8]| window == [0xff, marker];
    let frame = file.windows(2).position(is(0xc2)).unwrap();
    // Nearly 100 megapixels.
    file[frame + 5..frame + 9].copy_from_slice(&[0x27, 0, 0x27, 0]);
    let (head, scan) = file.split_at(file.windows(2).rposition(is(0xda)).unwrap());
    [head, &scan[..scan.len() - 2].repeat(26), b"\xff\xd9"].concat()
}

/// The sizes of photos from phones and cameras, from the largest common cameras, and of the default limit.
const MEGAPIXELS: [u64; 4] = [12, 24, 50, 100];

/// Computes the memory in MB, in steps of 50, with which a function accepts such a file at each of [`MEGAPIXELS`].
fn megabytes(name: &str, file: &[u8], estimate: u64, (width, height): (u32, u32)) -> [u64; 4] {
    /// The function's own memory, and the constant part of every estimate.
    const OWN: u64 = (96 + 16) << 20;
    let pixels = u64::from(width) * u64::from(height);
    let length = file.len() as u64;
    // The thumbnails keep their size, and the picture between decoding and resampling grows with its height.
    let (thumbnails, between) = (16 * 500 * 500 * u64::from(height) / u64::from(width), 4 * 500 * u64::from(height));
    let of_file = if name.starts_with("AVIF") { length } else { 0 };
    let of_picture = (estimate - of_file).saturating_sub((16 << 20) + thumbnails + between);
    MEGAPIXELS.map(|megapixels| {
        let wanted = megapixels * 1_000_000;
        let times = |bytes: u64| (u128::from(bytes) * u128::from(wanted) / u128::from(pixels)) as u64;
        // The files of this test are nearly lossless, but lossy files rarely have more than half a byte per pixel. The limit applies, too.
        let is_lossy = ["JPEG", "AVIF", "WebP lossy", "WebP animated"].iter().any(|lossy| name.starts_with(lossy));
        let file = times(length).min(if is_lossy { wanted / 2 } else { Limits::default().max_bytes });
        let higher = (between as f64 * (wanted as f64 / pixels as f64).sqrt()) as u64;
        let files = if of_file > 0 { 2 * file } else { file };
        (OWN + thumbnails + higher + times(of_picture) + files).div_ceil(50 << 20) * 50
    })
}

/// Returns the row of docs/operations.md for a file.
fn kind(name: &str) -> Option<&str> {
    Some(match name {
        "JPEG small" | "PNG small" => return None,
        "AVIF 4:2:0" => "AVIF, 4:2:0, 8 bits",
        "AVIF 4:2:0 10 bits" => "AVIF, 4:2:0, 10 or 12 bits",
        "AVIF" => "AVIF, 4:4:4, 8 bits",
        "AVIF alpha" => "AVIF, 4:4:4, 8 bits, alpha",
        "AVIF 12 bits" => "AVIF, 4:4:4, 10 or 12 bits",
        "AVIF 12 bits alpha" => "AVIF, 4:4:4, 10 or 12 bits, alpha",
        "WebP lossy" => "WebP, lossy",
        "WebP animated" => "WebP, animated, alpha",
        _ if name.starts_with("WebP") => "WebP, lossless or with alpha",
        _ if name.starts_with("PNG interlaced") => "PNG, interlaced",
        _ => name.split(' ').next()?,
    })
}

/// Checks that the table in docs/operations.md has these rows.
fn is_documented(needs: &[(&str, [u64; 4])]) -> Result<(), String> {
    let mut rows: Vec<(&str, [u64; 4])> = Vec::new();
    for (name, needs) in needs {
        let Some(kind) = kind(name) else { continue };
        match rows.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, most)) => *most = std::array::from_fn(|i| most[i].max(needs[i])),
            None => rows.push((kind, *needs)),
        }
    }
    let documented = include_str!("../../docs/operations.md");
    let number = |n: u64| if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) };
    let line = |(kind, needs): &(&str, [u64; 4])| format!("| {kind} | {} |", needs.map(number).join(" | "));
    let lines: Vec<_> = rows.iter().map(line).collect();
    if lines.iter().all(|line| documented.contains(line)) { Ok(()) } else { Err(lines.join("\n")) }
}

/// The default of template.yaml.
fn default_megabytes() -> u64 {
    let template = include_str!("../../template.yaml");
    let (_, parameter) = template.split_once("\n  ImageProcessorMemory:\n").unwrap();
    let (_, default) = parameter.split_once("    Default: ").unwrap();
    default.lines().next().unwrap().parse().unwrap()
}

/// A single test, because the allocator counts the whole process.
#[test]
fn admission_estimates_from_above_and_refusals_are_cheap() {
    let options = Options { limits: Limits { max_memory: u64::MAX, ..Limits::default() }, ..Options::default() };
    let (mut wrong, mut needs) = (Vec::new(), Vec::new());
    for (name, file) in files() {
        let (made, used) = peak(|| thumbnail::make(&file, &options));
        let made = made.unwrap_or_else(|rejection| panic!("{name}: {rejection}"));
        let pixels = u64::from(made.source.width) * u64::from(made.source.height);
        let estimate = thumbnail::memory_needed(&file, &options).unwrap() - file.len() as u64;
        println!(
            "{name:24} {:5.2} bytes a pixel, estimated {:5.2}",
            used as f64 / pixels as f64,
            estimate as f64 / pixels as f64
        );
        if used > estimate {
            wrong.push(format!("{name}: {used} bytes used, {estimate} estimated"));
        }
        if estimate > 3 * used + (32 << 20) {
            wrong.push(format!("{name}: {estimate} bytes estimated, only {used} used: good files would be rejected"));
        }

        needs.push((name, megabytes(name, &file, estimate, (made.source.width, made.source.height))));

        // With one byte less than the estimate, the file is rejected with hardly any allocation.
        let tight = Limits { max_memory: estimate + file.len() as u64 - 1, ..Limits::default() };
        let (rejected, used) = peak(|| thumbnail::make(&file, &Options { limits: tight, ..Options::default() }));
        let rejected = rejected.map(|_| ()).unwrap_err();
        assert_eq!(rejected.reason, Reason::NeedsMoreMemory, "{name}: {rejected}");
        assert!(rejected.source_info.is_some_and(|source| source == made.source), "{name}");
        assert!(used < 1 << 20, "{name}: a rejection took {used} bytes");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (name, [_, needs, ..]) in needs.iter().filter(|(name, _)| kind(name).is_some()) {
        assert!(
            *needs <= default_megabytes(),
            "{name}: the templates' default does not let 24 megapixels in: {needs} MB"
        );
    }
    if let Err(rows) = is_documented(&needs) {
        panic!("docs/operations.md does not have these rows:\n{rows}");
    }

    for (name, reason, file) in boasts() {
        let (rejected, used) = peak(|| thumbnail::make(&file, &Options::default()));
        let rejected = rejected.map(|_| ()).unwrap_err();
        assert_eq!(rejected.reason, reason, "{name}: {rejected}");
        assert!(used < 1 << 20, "{name}: a rejection took {used} bytes");
    }
}
