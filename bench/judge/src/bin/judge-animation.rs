//! Compares animated thumbnails with their source: each composed frame of the source, resized by Lanczos3, with the frame that the
//! thumbnail shows at the same time.
//!
//! `judge-animation SOURCE FOLDER…` reads the folders that contestants' `dump` and `curve` wrote. It prints JSON: the number of frames of
//! the source, and for each folder and file the bytes, the number of frames, their duration, the means of SSIM and SSIMULACRA2 over the
//! frames, and `flicker`.

use std::{collections::BTreeMap, fs, io::Cursor, path::Path};

use image::{
    AnimationDecoder, DynamicImage, ImageFormat, RgbImage, codecs::gif::GifDecoder, codecs::webp::WebPDecoder,
};
use judge::{Reference, Result, on_grey, read, ssim, ssimulacra2};
use serde_json::{Value, json};

/// A frame, and the milliseconds at which it begins and ends.
struct Shown {
    picture: RgbImage,
    begins: u32,
    ends: u32,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, folders @ ..] = &arguments[..] else { return Err("usage: judge-animation SOURCE FOLDER…".into()) };
    let source = read(Path::new(source), frames)?;
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
    let shown = read(path, frames)?;
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

/// The difference between the change from one frame to the next and the same change in the source: the mean over pixels and channels, in
/// levels.
fn changes_apart(expected: (&RgbImage, &RgbImage), shown: (&RgbImage, &RgbImage)) -> f64 {
    let change = |(one, other): (&RgbImage, &RgbImage)| -> Vec<i32> {
        one.as_raw().iter().zip(other.as_raw()).map(|(a, b)| i32::from(*b) - i32::from(*a)).collect()
    };
    let (expected, shown) = (change(expected), change(shown));
    let sum: f64 = expected.iter().zip(&shown).map(|(a, b)| f64::from((a - b).abs())).sum();
    sum / f64::from(u32::try_from(expected.len()).unwrap_or(u32::MAX))
}

/// The composed frames of an animation, with the durations that browsers give them.
fn frames(bytes: &[u8]) -> Result<Vec<Shown>> {
    let frames = match image::guess_format(bytes)? {
        ImageFormat::Gif => GifDecoder::new(Cursor::new(bytes))?.into_frames(),
        ImageFormat::WebP => WebPDecoder::new(Cursor::new(bytes))?.into_frames(),
        other => return Err(format!("{other:?} files are not animated").into()),
    };
    let mut time = 0;
    let mut found = Vec::new();
    for frame in frames {
        let frame = frame?;
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let milliseconds = numerator / denominator.max(1);
        let begins = time;
        time += if milliseconds <= 10 { 100 } else { milliseconds };
        let picture = on_grey(&DynamicImage::ImageRgba8(frame.into_buffer()));
        found.push(Shown { picture, begins, ends: time });
    }
    Ok(found)
}
