//! What the work really takes, counted by the allocator, against what admission estimates by the header alone.

#![allow(clippy::cast_precision_loss)] // figures to look at

mod fixtures;

use fixtures::Jpeg;
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
    let png = |colours, depth| fixtures::Png { colours, depth, interlaced: false }.encode(w, h);
    let many = fixtures::rgb(w, h);
    let wide: Vec<u8> = many.iter().flat_map(|&v| [v, v]).collect();
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
        ("GIF", fixtures::gif(3000, 2000, 0, 0, false)),
        ("GIF part", fixtures::gif(3000, 2000, 10, 10, true)),
        ("WebP lossy", fixtures::webp(w, h, false, false)),
        ("WebP lossy alpha", fixtures::webp(w, h, true, false)),
        ("WebP lossless", fixtures::webp(w, h, false, true)),
        ("WebP lossless alpha", fixtures::webp(w, h, true, true)),
        ("TIFF RGB", fixtures::tiff(w, h, 3, 8, &many, &[(262, 2)])),
        ("TIFF RGB 16", fixtures::tiff(w, h, 3, 16, &wide, &[(262, 2)])),
        ("BMP 24", fixtures::bmp(w, h, 24)),
        ("BMP 8", fixtures::bmp(w, h, 8)),
    ]
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
}
