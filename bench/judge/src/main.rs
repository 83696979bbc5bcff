//! Compares thumbnails of one source with the reference: the source decoded in full, its colours brought to sRGB, and
//! resized at once by Lanczos3 in floating point, none of it by code that a contestant uses.
//!
//! `judge SOURCE FOLDER…`, where each folder holds what a contestant's `dump` wrote. Answers with JSON: the source's width and
//! height upright, and for each folder and width the bytes, whether the thumbnail is upright, SSIM of the file and of the
//! pixels before encoding, SSIMULACRA2 of the file, and where the contestant's `curve` wrote there, the same of each quality.

use std::{collections::BTreeMap, fs, path::Path};

use image::RgbImage;
use judge::{Reference, Result, on_grey, read_jpeg, ssim, ssimulacra2};
use serde_json::{Value, json};

const WIDTHS: [u32; 3] = [100, 300, 500];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, folders @ ..] = &arguments[..] else { return Err("usage: judge SOURCE FOLDER…".into()) };
    let mut reference = Reference::read(Path::new(source))?;
    let mut judged = BTreeMap::new();
    for folder in folders {
        let mut widths = BTreeMap::new();
        for width in WIDTHS {
            widths.insert(width.to_string(), compare(&mut reference, Path::new(folder), width)?);
        }
        judged.insert(folder, widths);
    }
    let (width, height) = reference.size();
    println!("{}", json!({ "width": width, "height": height, "folders": judged }));
    Ok(())
}

fn compare(reference: &mut Reference, folder: &Path, width: u32) -> Result<Value> {
    let path = folder.join(format!("{width}.file"));
    let shown = read(&path)?;
    let pixels = read(&folder.join(format!("{width}.pixels")))?;
    if shown.dimensions() != pixels.dimensions() {
        return Err(format!("{}: file and pixels differ in size", path.display()).into());
    }
    // Whoever forgets the orientation is compared with a reference that forgets it too: this is about pixels.
    let upright = reference.at(shown.dimensions(), true).is_some();
    let expected = reference.at(shown.dimensions(), upright).ok_or_else(|| {
        format!("{}: {:?} pixels are of no shape that its source has", path.display(), shown.dimensions())
    })?;
    let mut curve = Vec::new();
    for quality in 1..=100 {
        let path = folder.join(format!("{width}.{quality}.file"));
        if path.exists() {
            let mut point = measure(&path, &read(&path)?, expected)?;
            point["quality"] = json!(quality);
            curve.push(point);
        }
    }
    let mut measured = measure(&path, &shown, expected)?;
    measured["width"] = json!(shown.width());
    measured["height"] = json!(shown.height());
    measured["upright"] = json!(upright);
    measured["pixels"] = json!(ssim(expected, &pixels));
    measured["curve"] = json!(curve);
    Ok(measured)
}

/// Measures a file by its bytes and by the likeness of what it shows to the reference.
fn measure(path: &Path, shown: &RgbImage, expected: &RgbImage) -> Result<Value> {
    Ok(json!({
        "bytes": fs::metadata(path)?.len(),
        "file": ssim(expected, shown),
        "ssimulacra2": ssimulacra2(expected, shown)?,
    }))
}

fn read(path: &Path) -> Result<RgbImage> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = fs::read(path).map_err(|error| wrong(&error))?;
    if bytes.starts_with(b"\xff\xd8") {
        return read_jpeg(&bytes).map_err(|error| wrong(&error).into());
    }
    Ok(on_grey(&image::load_from_memory(&bytes).map_err(|error| wrong(&error))?))
}
