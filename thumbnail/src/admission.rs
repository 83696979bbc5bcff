//! What is let in: limits that are checked before anything is allocated for a picture.

use crate::{
    Limits, Reason, Rejection, decode,
    header::{Coding, Header, PngChannels},
    pipeline::Plan,
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
        && frame.scans > limits.max_scans
    {
        return refuse(
            Reason::TooComplex,
            format!("{} scans are more than the limit of {}", frame.scans, limits.max_scans),
        );
    }
    let needed = memory(header, length, plan).saturating_add(length as u64);
    if needed > limits.max_memory {
        return refuse(
            Reason::NeedsMoreMemory,
            format!("about {needed} bytes of memory are needed, more than the limit of {}", limits.max_memory),
        );
    }
    Ok(())
}

/// Heap needed at the peak for everything but the source file, in bytes, estimated from above.
///
/// The factors are measured: `tests/memory.rs` prints them and fails where an estimate is too low, or far too high.
pub(crate) fn memory(header: &Header, length: usize, plan: &Plan) -> u64 {
    /// Encoders, tables, small buffers.
    const REST: u64 = 16 << 20;
    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    let pixels = area(header.size());
    let stored = header.orientation.swap(plan.largest);
    // Resampling holds the picture at its final width and old height, or the other way round.
    let between = area((stored.0, header.height)).max(area((header.width, stored.1)));
    // The largest thumbnail: itself, turned, converted, and as its encoder wants it.
    let thumbnails = 4 * 4 * area(plan.largest);
    REST + thumbnails + 4 * between + decoding(&header.coding, header, pixels, length as u64, plan.wanted)
}

/// What decoding needs at its peak, the decoded picture included.
fn decoding(coding: &Coding, header: &Header, pixels: u64, length: u64, wanted: (u32, u32)) -> u64 {
    match coding {
        Coding::Jpeg(frame) => {
            let scale = u64::from(decode::jpeg_scale(header.size(), wanted));
            let samples = frame.samples(header.width, header.height);
            let planes_and_picture = (samples + pixels * frame.components.len() as u64).div_ceil(scale * scale);
            // A progressive file's coefficients are all kept; of another's, those that wait for their transform.
            let coefficients = match (frame.progressive, scale) {
                (true, _) => 3 * samples,
                (false, 1) => 2 * samples,
                (false, _) => samples,
            };
            planes_and_picture + coefficients
        }
        // A single transparent colour gives an alpha channel to all pixels.
        Coding::Png { channels, depth, interlaced } => {
            let decoded = pixels * if matches!(channels, PngChannels::Gray | PngChannels::GrayAlpha) { 2 } else { 4 };
            if *interlaced && *depth == 16 { 2 * decoded } else { decoded }
        }
        Coding::Gif => 5 * pixels,
        Coding::Webp(coding) => 8 * length + pixels * if coding.animated { 19 } else { 11 },
        Coding::Tiff(coding) => {
            let decoded = pixels * u64::from(coding.samples.clamp(3, 4));
            let samples = coding.chunk.saturating_mul(8) / u64::from(coding.bits.max(1));
            decoded.saturating_add(coding.chunk.saturating_mul(3)).saturating_add(samples)
        }
        Coding::Bmp(_) => 5 * pixels,
        // Planes of 32-bit samples, as tiles and again as one picture.
        #[cfg(feature = "heic")]
        Coding::Heic { coded, alpha } => coded * if *alpha { 32 } else { 24 },
        Coding::IcoPng { inner, .. } => decoding(inner, header, pixels, length, wanted),
    }
}
