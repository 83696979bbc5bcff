//! What is let in: limits that are checked before anything is allocated for a picture.

use crate::{
    Limits, Reason, Rejection, decode,
    header::{Coding, Header, PngChannels},
    plan::Plan,
};

/// Refuses a file that is too large, before its header is looked at.
pub(crate) fn check_bytes(length: usize, limits: &Limits) -> Result<(), Rejection> {
    if length as u64 > limits.max_bytes {
        return Err(Reason::TooLarge.because(format!("{length} bytes are more than the limit of {}", limits.max_bytes)));
    }
    Ok(())
}

/// Refuses a picture that is too large, or would need too much memory or time, by its header.
pub(crate) fn check_header(header: &Header, length: usize, plan: &Plan, limits: &Limits) -> Result<(), Rejection> {
    let refuse = |reason: Reason, detail: String| {
        Err(Rejection { source_info: Some(header.source()), ..reason.because(detail) })
    };
    let pixels = u64::from(header.width) * u64::from(header.height);
    if pixels > limits.max_pixels {
        return refuse(
            Reason::TooManyPixels,
            format!("{} by {} pixels are more than the limit of {}", header.width, header.height, limits.max_pixels),
        );
    }
    if let Some(icc) = &header.icc
        && icc.len() as u64 > limits.max_metadata
    {
        return refuse(
            Reason::MetadataTooLarge,
            format!("an ICC profile of {} bytes is more than the limit of {}", icc.len(), limits.max_metadata),
        );
    }
    if let Coding::Jpeg(frame) = &header.coding
        && frame.scans > limits.scans(header.size())
    {
        let most = limits.scans(header.size());
        return refuse(
            Reason::TooComplex,
            format!("{} scans are more than the limit of {most} at {pixels} pixels", frame.scans),
        );
    }
    if let Coding::Avif(coding) = &header.coding
        && coding.work() > limits.max_av1_pixels
    {
        return refuse(
            Reason::TooComplex,
            format!("decoding {} pixels' worth is more than the limit of {}", coding.work(), limits.max_av1_pixels),
        );
    }
    let needed = memory(header, length, plan).saturating_add(length as u64);
    if needed > limits.max_memory {
        return refuse(
            Reason::NeedsMoreMemory,
            format!(
                "it takes {} MB of memory in all, and {} MB are there",
                needed.saturating_add(limits.other_memory).div_ceil(1 << 20),
                limits.max_memory.saturating_add(limits.other_memory) >> 20
            ),
        );
    }
    Ok(())
}

/// Heap needed at the peak for everything but the source file, in bytes, estimated from above.
///
/// The factors are measured: `tests/memory.rs` prints them and fails where an estimate is too low, or far too high.
pub(crate) fn memory(header: &Header, length: usize, plan: &Plan) -> u64 {
    /// Encoders, tables, small buffers.
    const REST: u128 = 16 << 20;
    // So wide that no product of what a header says overflows.
    let area = |(width, height): (u32, u32)| u128::from(width) * u128::from(height);
    let ratio = decode::ratio(&header.coding, header.size(), plan.wanted);
    let decoded = (ratio.apply(header.width), ratio.apply(header.height));
    let stored = header.orientation.swap(plan.largest);
    // Resampling holds the picture at its final width and old height, or the other way round.
    let between = area((stored.0, decoded.1)).max(area((decoded.0, stored.1)));
    // The largest thumbnail: itself, turned, converted, and as its encoder wants it.
    let thumbnails = 4 * 4 * area(plan.largest);
    let decoding = decoding(&header.coding, header, area(decoded), plan.wanted, length as u64);
    u64::try_from(REST + thumbnails + 4 * between + decoding).unwrap_or(u64::MAX)
}

/// What decoding so that `wanted` is left needs at its peak, the decoded picture of `decoded` pixels included.
fn decoding(coding: &Coding, header: &Header, decoded: u128, wanted: (u32, u32), length: u64) -> u128 {
    let pixels = u128::from(header.width) * u128::from(header.height);
    match coding {
        Coding::Jpeg(frame) => u128::from(decode::jpeg::memory(header, frame, wanted)),
        Coding::Png { channels, depth, interlaced } => {
            // A single transparent colour gives an alpha channel to all pixels.
            let channels = if matches!(channels, PngChannels::Gray | PngChannels::GrayAlpha) { 2 } else { 4 };
            let picture = decoded * channels;
            // Some rows as stored, as eight bits, and their sums.
            let rows = u128::from(header.width) * channels * 24;
            rows + if *interlaced && *depth == 16 { 2 * picture } else { picture }
        }
        // The rows of an interlaced one are kept as indices.
        Coding::Gif(_) => pixels + 4 * decoded + 32 * u128::from(header.width),
        Coding::Webp(coding) => decode::webp::memory(coding, header, decoded, length),
        Coding::Tiff(coding) => decode::tiff::memory(coding, pixels, length),
        Coding::Bmp(coding) => decode::bmp::memory(coding, pixels, length),
        // Of so many bytes a row, and some rows as stored.
        Coding::Pnm(_) => 4 * decoded + 32 * u128::from(header.width) + (2 << 20),
        Coding::Qoi(_) => 4 * pixels,
        // The tiles across the picture, of both layers, and what decoding one of them takes.
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
        // Planes of 32-bit samples, as tiles and again as one picture.
        #[cfg(feature = "heic")]
        Coding::Heic { coded, alpha } => u128::from(*coded) * if *alpha { 32 } else { 24 },
        // Pictures as large as what is drawn, and the drawing itself.
        #[cfg(feature = "svg")]
        Coding::Svg(drawing) => 4 * decoded * u128::from(drawing.layers + 2) + 32 * u128::from(drawing.cost),
        Coding::IcoPng { inner, .. } => decoding(inner, header, decoded, wanted, length),
    }
}
