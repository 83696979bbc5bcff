//! Compares thumbnails that move with their source, frame by frame: each frame of the source, composed and resized by Lanczos3,
//! with what the thumbnail shows at that time.
//!
//! `judge-animation SOURCE FOLDER…`, where each folder holds what a contestant's `dump` and `curve` wrote. Answers with JSON: the
//! source's number of frames, and for each folder and file in it the bytes, the number of frames, how long they take in all, SSIM and
//! SSIMULACRA2 as means over the frames, and `flicker`.

use std::{collections::BTreeMap, fs, io::Cursor, path::Path};

use image::{
    AnimationDecoder, DynamicImage, ImageFormat, RgbImage, codecs::gif::GifDecoder, codecs::webp::WebPDecoder,
};
use judge::{Reference, Result, on_grey, ssim, ssimulacra2};
use serde_json::{Value, json};

/// A frame, and when it begins and ends, in milliseconds.
struct Shown {
    picture: RgbImage,
    begins: u32,
    ends: u32,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, folders @ ..] = &arguments[..] else { return Err("usage: judge-animation SOURCE FOLDER…".into()) };
    let source = frames(Path::new(source))?;
    let times: Vec<u32> = source.iter().map(|frame| frame.begins.midpoint(frame.ends)).collect();
    let mut references: Vec<Reference> = source.into_iter().map(|frame| Reference::of(frame.picture)).collect();
    let mut judged = BTreeMap::new();
    for folder in folders {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".file")) {
                files.insert(name.to_owned(), compare(&mut references, &times, &path)?);
            }
        }
        judged.insert(folder, files);
    }
    println!("{}", json!({ "frames": references.len(), "folders": judged }));
    Ok(())
}

fn compare(references: &mut [Reference], times: &[u32], path: &Path) -> Result<Value> {
    let shown = frames(path)?;
    let (mut likeness, mut score, mut flicker) = (0.0, 0.0, 0.0);
    let mut before: Option<(&RgbImage, RgbImage)> = None;
    for (reference, time) in references.iter_mut().zip(times) {
        let found = shown.iter().find(|frame| frame.ends > *time).ok_or("a thumbnail ends before its source")?;
        let picture = &found.picture;
        let expected =
            reference.at(picture.dimensions(), true).ok_or("a thumbnail has another shape than its source")?;
        likeness += ssim(expected, picture);
        score += ssimulacra2(expected, picture)?;
        if let Some((shown_before, expected_before)) = &before {
            flicker += changes_apart((expected_before, expected), (shown_before, picture));
        }
        before = Some((picture, expected.clone()));
    }
    let count = f64::from(u32::try_from(times.len())?);
    Ok(json!({
        "bytes": fs::metadata(path)?.len(),
        "frames": shown.len(),
        "milliseconds": shown.last().map(|frame| frame.ends),
        "file": likeness / count,
        "ssimulacra2": score / count,
        "flicker": flicker / (count - 1.0).max(1.0),
    }))
}

/// How far the change from one picture to the next is from the change that there should be: the mean over pixels and channels, in levels.
fn changes_apart(expected: (&RgbImage, &RgbImage), shown: (&RgbImage, &RgbImage)) -> f64 {
    let change = |(one, other): (&RgbImage, &RgbImage)| -> Vec<i32> {
        one.as_raw().iter().zip(other.as_raw()).map(|(a, b)| i32::from(*b) - i32::from(*a)).collect()
    };
    let (expected, shown) = (change(expected), change(shown));
    let sum: f64 = expected.iter().zip(&shown).map(|(a, b)| f64::from((a - b).abs())).sum();
    sum / f64::from(u32::try_from(expected.len()).unwrap_or(u32::MAX))
}

/// The frames of an animation, composed, for as long as browsers show them.
fn frames(path: &Path) -> Result<Vec<Shown>> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = fs::read(path).map_err(|error| wrong(&error))?;
    let frames = match image::guess_format(&bytes).map_err(|error| wrong(&error))? {
        ImageFormat::Gif => GifDecoder::new(Cursor::new(&bytes))?.into_frames(),
        ImageFormat::WebP => WebPDecoder::new(Cursor::new(&bytes))?.into_frames(),
        other => return Err(wrong(&format!("{other:?} does not move")).into()),
    };
    let mut time = 0;
    let mut found = Vec::new();
    for frame in frames {
        let frame = frame.map_err(|error| wrong(&error))?;
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let milliseconds = numerator / denominator.max(1);
        let begins = time;
        time += if milliseconds <= 10 { 100 } else { milliseconds };
        let picture = on_grey(&DynamicImage::ImageRgba8(frame.into_buffer()));
        found.push(Shown { picture, begins, ends: time });
    }
    Ok(found)
}
