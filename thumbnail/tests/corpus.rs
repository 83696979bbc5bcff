//! Tests real files from cameras, phones, editors and fuzzers, if they are available in `../shared/corpus` beside the workspace or in the
//! folder `THUMBNAIL_CORPUS`.

#![allow(clippy::cast_precision_loss)] // a mean to look at

use std::{
    fs,
    path::{Path, PathBuf},
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

/// Makes the thumbnails, and checks what must hold for every file.
fn make(path: &Path) -> Result<Made, Rejection> {
    let bytes = fs::read(path).unwrap();
    let options = Options::default();
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let outcome = thumbnail::make(&bytes, &options);
    let peak = (HEAP.peak_usage() - before) as u64;
    let file = path.display();
    assert!(peak < options.limits.max_memory, "{file} took {peak} bytes");
    if let Ok(needed) = thumbnail::memory_needed(&bytes, &options) {
        assert!(peak < needed, "{file} took {peak} bytes, more than the estimate of {needed}");
    }
    match &outcome {
        Ok(made) => check_thumbnails(&file.to_string(), made, &options),
        Err(rejection) => {
            assert_ne!(rejection.reason, Reason::DecoderPanic, "{file}: {rejection}");
            assert_ne!(rejection.reason, Reason::EncodeFailed, "{file}: {rejection}");
        }
    }
    outcome
}

/// Checks that every size exists, is not larger than its source, and has the announced dimensions.
fn check_thumbnails(file: &str, made: &Made, options: &Options) {
    assert_eq!(made.thumbnails.len(), options.sizes.len(), "{file}");
    for thumbnail in &made.thumbnails {
        let edges = (thumbnail.width, thumbnail.height);
        assert!(edges.0 <= made.source.width && edges.1 <= made.source.height, "{file}: {edges:?}");
        let again =
            thumbnail::make(&thumbnail.bytes, options).unwrap_or_else(|rejection| panic!("{file}: {rejection}"));
        assert_eq!((again.source.width, again.source.height), edges, "{file}");
        assert_eq!(again.source.format, thumbnail.format, "{file}");
    }
}

/// The expected outcome of a file.
#[derive(Debug, PartialEq)]
enum Expected {
    Made,
    /// Rejected as corrupt or of an unknown format.
    Broken,
    /// Rejected because the build lacks a feature.
    Unsupported,
    /// Either thumbnails or a rejection.
    Either,
}

fn expected(folder: &str, name: &str) -> Expected {
    match folder {
        // The PNG test suite has corrupt files. In one of them, only the checksum after the pixels is wrong.
        "png" if name.starts_with('x') && name != "xcsn0g01.png" => Expected::Broken,
        "camera" | "jpeg" | "orientation" | "png" | "webp" | "gif" | "tiff" | "avif" => Expected::Made,
        "heic" if cfg!(feature = "heic") => Expected::Made,
        "heic" => Expected::Unsupported,
        _ => Expected::Either,
    }
}

/// A single test, because the allocator counts the whole process.
#[test]
fn every_file_ends_as_it_should() {
    let Some(corpus) = corpus() else { return };
    let mut wrong = Vec::new();
    for folder in files(&corpus).into_iter().filter(|path| path.is_dir()) {
        for path in files(&folder) {
            let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
            let outcome = make(&path).map(|_| ()).map_err(|rejection| (rejection.reason, rejection.to_string()));
            let fits = match expected(&name(&folder), &name(&path)) {
                Expected::Made => outcome.is_ok(),
                Expected::Broken => {
                    matches!(outcome, Err((Reason::Corrupt | Reason::UnsupportedFormat | Reason::Truncated, _)))
                }
                Expected::Unsupported => matches!(outcome, Err((Reason::UnsupportedFormat, _))),
                Expected::Either => true,
            };
            if !fits {
                wrong.push(format!("{}: {outcome:?}", path.display()));
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

/// Decodes a thumbnail to its size and pixels.
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
