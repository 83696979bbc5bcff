//! Compares the thumbnails of one source with the reference: the source decoded in full, converted to sRGB, and resized in one step by
//! Lanczos3 in floating point. No contestant uses the code that makes the reference.
//!
//! `judge SOURCE FOLDER…` reads the folders that contestants' `dump` and `curve` wrote. It prints JSON: the upright width and height of the
//! source, and for each folder and width the size of the file, whether the thumbnail is upright, SSIM of the file and of the pixels before
//! encoding, SSIMULACRA2 of the file, and the same for each quality that `curve` wrote.

use std::{collections::BTreeMap, fs, path::Path};

use image::RgbImage;
use judge::{Reference, Result, on_grey, read, read_jpeg, ssim, ssimulacra2};
use serde_json::{Value, json};

const WIDTHS: [u32; 3] = [100, 300, 500];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, folders @ ..] = &arguments[..] else { return Err("usage: judge SOURCE FOLDER…".into()) };
    let mut reference = read(Path::new(source), Reference::new)?;
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
    let shown = read(&path, decode)?;
    let pixels = read(&folder.join(format!("{width}.pixels")), decode)?;
    if shown.dimensions() != pixels.dimensions() {
        return Err(format!("{}: file and pixels differ in size", path.display()).into());
    }
    // A thumbnail that ignores the orientation is compared with a reference that ignores it too, because this compares pixels.
    let upright = reference.at(shown.dimensions(), true).is_some();
    let expected = reference.at(shown.dimensions(), upright).ok_or_else(|| {
        format!("{}: {:?} pixels do not have the shape of the source", path.display(), shown.dimensions())
    })?;
    let mut curve = Vec::new();
    for quality in 1..=100 {
        let path = folder.join(format!("{width}.{quality}.file"));
        if path.exists() {
            let mut point = measure(&path, &read(&path, decode)?, expected)?;
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

/// Measures the size of a file, and how near the picture in it comes to the reference.
fn measure(path: &Path, shown: &RgbImage, expected: &RgbImage) -> Result<Value> {
    Ok(json!({
        "bytes": fs::metadata(path)?.len(),
        "file": ssim(expected, shown),
        "ssimulacra2": ssimulacra2(expected, shown)?,
    }))
}

fn decode(bytes: &[u8]) -> Result<RgbImage> {
    if bytes.starts_with(b"\xff\xd8") {
        return Ok(read_jpeg(bytes)?);
    }
    Ok(on_grey(&image::load_from_memory(bytes)?))
}
