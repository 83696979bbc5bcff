//! Real files from cameras, phones, editors and fuzzers, where they are at hand: `../shared/corpus` beside the workspace, or
//! the folder that `THUMBNAIL_CORPUS` names.

#![allow(clippy::cast_precision_loss)] // a mean to look at

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use peak_alloc::PeakAlloc;
use thumbnail::{Format, Made, Options, Output, Reason, Rejection, Size};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("THUMBNAIL_CORPUS").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: there is no folder {}; THUMBNAIL_CORPUS can name one", folder.display());
        return None;
    }
    Some(folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Makes the thumbnails; what every file must keep to is checked here.
fn make(path: &Path) -> Result<Made, Rejection> {
    let bytes = fs::read(path).unwrap();
    let options = Options::default();
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let start = Instant::now();
    let outcome = thumbnail::make(&bytes, &options);
    let peak = (HEAP.peak_usage() - before) as u64;
    // Not a measurement: a bound no file may come near, however busy the machine is.
    assert!(start.elapsed() < Duration::from_secs(5), "{} took {:?}", path.display(), start.elapsed());
    assert!(peak < options.limits.max_memory, "{} took {peak} bytes", path.display());
    if let Ok(needed) = thumbnail::memory_needed(&bytes, &options) {
        assert!(peak < needed, "{} took {peak} bytes, more than the estimate of {needed}", path.display());
    }
    if let Err(rejection) = &outcome {
        assert_ne!(rejection.reason, Reason::DecoderPanic, "{}: {rejection}", path.display());
        assert_ne!(rejection.reason, Reason::EncodeFailed, "{}: {rejection}", path.display());
    }
    outcome
}

/// One test, for the allocator counts the whole process.
#[test]
fn every_file_ends_as_it_should() {
    let Some(corpus) = corpus() else { return };
    let mut wrong = Vec::new();
    for folder in ["camera", "gif", "hostile", "jpeg", "orientation", "png", "tiff", "webp", "avif", "heic"] {
        for path in files(&corpus.join(folder)) {
            let outcome = make(&path);
            let corrupt_on_purpose = folder == "png" && path.file_name().unwrap().to_string_lossy().starts_with('x');
            let optional = folder == "avif" || folder == "heic" && !cfg!(feature = "heic");
            match outcome {
                Err(rejection) if optional => assert_eq!(rejection.reason, Reason::UnsupportedFormat),
                Err(rejection) if folder != "hostile" && !corrupt_on_purpose => {
                    wrong.push(format!("{}: {rejection}", path.display()));
                }
                _ => {}
            }
        }
    }
    for shape in ["Landscape", "Portrait"] {
        let pictures =
            (0..=8).map(|i| pixels(&corpus.join(format!("orientation/{shape}_{i}.jpg")))).collect::<Vec<_>>();
        for (i, picture) in pictures.iter().enumerate() {
            let difference = difference(&pictures[0], picture);
            if difference > 3.0 {
                wrong
                    .push(format!("{shape}_{i}.jpg differs from the upright one by {difference:.1} levels on average"));
            }
        }
    }
    assert!(wrong.is_empty(), "look at these with the example `thumbnail --out DIR`:\n{}", wrong.join("\n"));
}

/// A thumbnail's size and pixels.
fn pixels(path: &Path) -> (u32, u32, Vec<u8>) {
    let output = Output { format: Some(Format::Png), quality: None };
    let options = Options { sizes: vec![Size::Width(100)], outputs: vec![output], ..Options::default() };
    let made = thumbnail::make(&fs::read(path).unwrap(), &options).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(&made.thumbnails[0].bytes)).read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    (info.width, info.height, data)
}

/// The mean difference of two pictures in levels of 255.
fn difference(a: &(u32, u32, Vec<u8>), b: &(u32, u32, Vec<u8>)) -> f64 {
    if (a.0, a.1) != (b.0, b.1) {
        return 255.0;
    }
    let sum: u64 = a.2.iter().zip(&b.2).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.2.len() as f64
}
