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

use crate::{
    Reason, Rejection,
    bytes::Reader,
    header::{Header, webp::WebpCoding},
    picture::Picture,
};

/// Estimates the peak heap of decoding in bytes, including the picture of `decoded` pixels.
pub(crate) fn memory(coding: &WebpCoding, header: &Header, decoded: u128, length: u64) -> u128 {
    if coding.opaque.is_some() { lossy::memory(header.width, decoded) } else { full::memory(coding, decoded, length) }
}

/// Decodes a picture. If it is lossy and has no alpha, squares of `by` by `by` pixels are averaged.
pub(super) fn decode(bytes: &[u8], header: &Header, coding: &WebpCoding, by: u32) -> Result<Picture, Rejection> {
    let Some(range) = &coding.opaque else { return full::decode(bytes, header, coding) };
    let data = bytes.get(range.clone()).unwrap_or_default();
    lossy::decode(data, header.size(), by, is_cut(bytes))
}

/// Whether the file is shorter than it claims. The errors of decoders do not tell this reliably.
fn is_cut(bytes: &[u8]) -> bool {
    let length = Reader::little(bytes).u32(4).unwrap_or(0);
    u64::from(length) + 8 > bytes.len() as u64
}

fn cut() -> Rejection {
    Reason::Truncated.because("the WebP ends before its picture does")
}
