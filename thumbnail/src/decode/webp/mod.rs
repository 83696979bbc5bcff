//! WebP. An animation is decoded to its first frame, on a transparent canvas.
//!
//! Lossy pictures without alpha, as nearly all photos are, are decoded by our own decoder, which reduces them without ever holding the
//! full picture. All other pictures are decoded by the crate `image-webp`.

mod colours;
mod full;
mod lossy;
mod planes;
#[cfg(test)]
mod tests;
mod vp8;

use super::Ratio;
use crate::{
    Reason, Rejection, box_filter,
    bytes::Reader,
    header::{Header, webp::WebpCoding},
    picture::Picture,
};

/// Returns how much decoding reduces a picture of `size` without making it smaller than `min_size`.
pub(crate) fn ratio(coding: &WebpCoding, size: (u32, u32), min_size: (u32, u32)) -> Ratio {
    if coding.opaque.is_some() { Ratio { from: box_filter::factor(size, min_size), to: 1 } } else { Ratio::WHOLE }
}

/// Estimates the peak heap of decoding in bytes, including the picture of `decoded` pixels.
pub(crate) fn memory(coding: &WebpCoding, header: &Header, decoded: u128, length: u64) -> u128 {
    if coding.opaque.is_some() { lossy::memory(header.width, decoded) } else { full::memory(coding, decoded, length) }
}

/// Decodes a picture, reduced to no less than `min_size`.
pub(super) fn decode(
    bytes: &[u8],
    header: &Header,
    coding: &WebpCoding,
    min_size: (u32, u32),
) -> Result<Picture, Rejection> {
    let Some(range) = &coding.opaque else { return full::decode(bytes, header, coding) };
    let data = bytes.get(range.clone()).unwrap_or_default();
    lossy::decode(data, header.size(), ratio(coding, header.size(), min_size).from, is_cut(bytes))
}

/// Whether the file is shorter than it claims. The errors of decoders do not tell this reliably.
fn is_cut(bytes: &[u8]) -> bool {
    let length = Reader::little(bytes).u32(4).unwrap_or(0);
    u64::from(length) + 8 > bytes.len() as u64
}

fn cut() -> Rejection {
    Reason::Truncated.because("the WebP ends before its picture does")
}
