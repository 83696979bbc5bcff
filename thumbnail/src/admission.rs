//! The admission of a source: checks all limits before anything is allocated for its picture.

use crate::{
    Limits, Reason, Rejection, decode,
    header::{Coding, Header, jpeg::JpegCoding},
    plan::Plan,
};

/// Rejects a file that is too large, before its header is read.
pub(crate) fn check_bytes(length: usize, limits: &Limits) -> Result<(), Rejection> {
    if length as u64 > limits.max_bytes {
        return Err(Reason::TooLarge.because(format!("{length} bytes are more than the limit of {}", limits.max_bytes)));
    }
    Ok(())
}

/// Rejects a picture that is too large, or needs too much memory or time, by its header.
pub(crate) fn check_header(header: &Header, length: usize, plan: &Plan, limits: &Limits) -> Result<(), Rejection> {
    let reject =
        |reason: Reason, detail| Err(Rejection { source_info: Some(header.source()), ..reason.because(detail) });
    let (width, height) = header.size();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.max_pixels {
        let most = limits.max_pixels;
        return reject(Reason::TooManyPixels, format!("{width} by {height} pixels are more than the limit of {most}"));
    }
    let profile = header.icc.as_ref().map_or(0, |icc| icc.len() as u64);
    if profile > limits.max_metadata {
        let detail = format!("an ICC profile of {profile} bytes is more than the limit of {}", limits.max_metadata);
        return reject(Reason::MetadataTooLarge, detail);
    }
    match &header.coding {
        Coding::Jpeg(JpegCoding { scans, .. }) if *scans > limits.scans(header.size()) => {
            let most = limits.scans(header.size());
            let detail = format!("{scans} scans are more than the limit of {most} at {pixels} pixels");
            return reject(Reason::TooComplex, detail);
        }
        Coding::Avif(coding) if coding.work() > limits.max_av1_pixels => {
            let (work, most) = (coding.work(), limits.max_av1_pixels);
            let detail = format!("decoding {work} pixels' worth is more than the limit of {most}");
            return reject(Reason::TooComplex, detail);
        }
        _ => {}
    }
    let needed = memory(header, length, plan).saturating_add(length as u64);
    if needed > limits.max_memory {
        let in_all = |bytes: u64| bytes.saturating_add(limits.other_memory);
        let (needed, there) = (in_all(needed).div_ceil(1 << 20), in_all(limits.max_memory) >> 20);
        let detail = format!("it takes {needed} MB of memory in all, and {there} MB are there");
        return reject(Reason::NeedsMoreMemory, detail);
    }
    Ok(())
}

/// Estimates an upper bound of the peak heap in bytes, without the source file.
///
/// The factors are measured: `tests/memory.rs` prints them, and fails if an estimate is too low or far too high.
pub(crate) fn memory(header: &Header, length: usize, plan: &Plan) -> u64 {
    /// For encoders, tables and small buffers.
    const REST: u128 = 16 << 20;
    // 128 bits, so that no product of header fields overflows.
    let area = |(width, height): (u32, u32)| u128::from(width) * u128::from(height);
    let ratio = decode::ratio(&header.coding, header.size(), plan.min_size);
    let decoded = (ratio.apply(header.width), ratio.apply(header.height));
    let stored = header.orientation.swap(plan.largest);
    // Resampling holds the picture with only one of its axes resampled.
    let between = area((stored.0, decoded.1)).max(area((decoded.0, stored.1)));
    // Four copies of the largest thumbnail: resampled, upright, converted, and in the form that its encoder needs.
    let thumbnails = 4 * 4 * area(plan.largest);
    let decoding = decoding(&header.coding, header, area(decoded), plan.min_size, length as u64);
    u64::try_from(REST + thumbnails + 4 * between + decoding).unwrap_or(u64::MAX)
}

/// Estimates the peak heap of decoding in bytes, including the picture of `decoded` pixels. Decoding reduces it to no less than
/// `min_size`.
fn decoding(coding: &Coding, header: &Header, decoded: u128, min_size: (u32, u32), length: u64) -> u128 {
    let pixels = u128::from(header.width) * u128::from(header.height);
    match coding {
        Coding::Jpeg(coding) => u128::from(decode::jpeg::memory(header, coding, min_size)),
        Coding::Png { grey, depth, interlaced, .. } => {
            // A transparent colour adds an alpha channel.
            let channels = if *grey { 2 } else { 4 };
            let picture = decoded * channels;
            // A few rows as stored, as eight bits, and their sums.
            let rows = u128::from(header.width) * channels * 24;
            rows + if *interlaced && *depth == 16 { 2 * picture } else { picture }
        }
        // An interlaced picture is kept as indices.
        Coding::Gif(_) => pixels + 4 * decoded + 32 * u128::from(header.width),
        Coding::Webp(coding) => decode::webp::memory(coding, header, decoded, length),
        Coding::Tiff(coding) => decode::tiff::memory(coding, pixels, length),
        Coding::Bmp(coding) => decode::bmp::memory(coding, pixels, length),
        // A few rows as stored and as eight bits, and their sums.
        Coding::Pnm(_) => 4 * decoded + 32 * u128::from(header.width) + (2 << 20),
        Coding::Qoi { .. } => 4 * pixels,
        // One row of tiles of both layers, and the memory that decoding one tile takes.
        Coding::Avif(coding) => {
            let (mut bands, mut working) = (0, 0);
            for layer in std::iter::once(&coding.colour).chain(&coding.alpha) {
                let tile = u128::from(layer.tile.0) * u128::from(layer.tile.1);
                bands += layer.coded.decoded_bytes(tile * layer.columns as u128);
                working = working.max(layer.coded.working_bytes(tile));
            }
            let rows = u128::from(header.width) * 40;
            bands + working + 4 * decoded + rows + u128::from(length)
        }
        // Planes of 32-bit samples, once as tiles and once as one picture.
        #[cfg(feature = "heic")]
        Coding::Heic { coded, alpha } => u128::from(*coded) * if *alpha { 32 } else { 24 },
        // Layers of the size of the picture, and the parsed drawing.
        #[cfg(feature = "svg")]
        Coding::Svg(drawing) => 4 * decoded * u128::from(drawing.layers + 2) + 32 * u128::from(drawing.cost),
        Coding::IcoPng { inner, .. } => decoding(inner, header, decoded, min_size, length),
    }
}
