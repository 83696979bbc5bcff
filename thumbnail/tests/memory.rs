//! What the work really takes, counted by the allocator, against what admission estimates by the header alone.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // figures to look at, and small ones

mod fixtures;

use fixtures::{
    Jpeg,
    avif_bytes::{self, Samples},
    png_bytes,
};
use jpeg_encoder::{ColorType, SamplingFactor};
use peak_alloc::PeakAlloc;
use png::{BitDepth, ColorType as Colours};
use thumbnail::{Limits, Options, Reason};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Bytes allocated at the peak of `work`, beyond what was there before.
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
        ("AVIF", avif_bytes::rgb(Samples::default(), 1500, &fixtures::rgb(1500, 1000))),
        ("AVIF alpha", avif_bytes::rgba(Samples::default(), 1500, &fixtures::rgba(1500, 1000), false)),
        ("AVIF 12 bits", avif_bytes::rgb(twelve_bits, 1500, &fixtures::rgb(1500, 1000))),
    ]
}

fn interlaced(colour: u8, depth: u8) -> Vec<u8> {
    let layout = png_bytes::Layout { width: 3000, height: 2000, colour, depth, interlaced: true };
    layout.encode(&[], |x, y| vec![(x ^ y) as u16; if colour == png_bytes::RGBA { 4 } else { 3 }])
}

/// Headers that promise far more than follows.
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
    // Packed by LZW, and all in one strip.
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
        ("TIFF", Reason::TooManyPixels, with(tiff, 18, &[0xff; 4])),
        ("TIFF in tiny tiles", Reason::TooComplex, with(tall.clone(), 10 + 7 * 12, &tiles)),
        ("JPEG of scans", Reason::TooComplex, scans()),
        ("TIFF in one strip", Reason::NeedsMoreMemory, strip),
        ("TIFF without pixels", Reason::Corrupt, with(tall, 10 + 7 * 12 + 8, &9000_u32.to_le_bytes())),
    ]
}

/// So many scans of so many pixels that decoding would take longer than anybody waits.
fn scans() -> Vec<u8> {
    let mut file = Jpeg { progressive: true, ..Jpeg::default() }.encode(64, 48);
    let is = |marker: u8| move |window: &[u8]| window == [0xff, marker];
    let frame = file.windows(2).position(is(0xc2)).unwrap();
    // Nearly 100 megapixels.
    file[frame + 5..frame + 9].copy_from_slice(&[0x27, 0, 0x27, 0]);
    let (head, scan) = file.split_at(file.windows(2).rposition(is(0xda)).unwrap());
    [head, &scan[..scan.len() - 2].repeat(26), b"\xff\xd9"].concat()
}

/// One test, for the allocator counts the whole process.
#[test]
fn admission_estimates_from_above_and_refusals_are_cheap() {
    let options = Options { limits: Limits { max_memory: u64::MAX, ..Limits::default() }, ..Options::default() };
    let mut wrong = Vec::new();
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
            wrong.push(format!("{name}: {estimate} bytes estimated, only {used} used: good files would be refused"));
        }

        // One byte less than the estimate, and the file is refused without allocating anything to speak of.
        let tight = Limits { max_memory: estimate + file.len() as u64 - 1, ..Limits::default() };
        let (refused, used) = peak(|| thumbnail::make(&file, &Options { limits: tight, ..Options::default() }));
        let refused = refused.map(|_| ()).unwrap_err();
        assert_eq!(refused.reason, Reason::NeedsMoreMemory, "{name}: {refused}");
        assert!(refused.source_info.is_some_and(|source| source == made.source), "{name}");
        assert!(used < 1 << 20, "{name}: a refusal took {used} bytes");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    for (name, reason, file) in boasts() {
        let (refused, used) = peak(|| thumbnail::make(&file, &Options::default()));
        let refused = refused.map(|_| ()).unwrap_err();
        assert_eq!(refused.reason, reason, "{name}: {refused}");
        assert!(used < 1 << 20, "{name}: a refusal took {used} bytes");
    }
}
