//! WebP. Of an animation the first frame, composed on a transparent canvas.
//!
//! Lossy pictures without alpha, which nearly all photos are, are decoded by a decoder of our own, which never holds them in full
//! where they are to be reduced; all others by another one.

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

/// By how much a picture of `size` is reduced in decoding: the most that leaves no edge below `min_size`.
pub(crate) fn ratio(coding: &WebpCoding, size: (u32, u32), min_size: (u32, u32)) -> Ratio {
    if coding.opaque.is_some() { Ratio { from: box_filter::factor(size, min_size), to: 1 } } else { Ratio::WHOLE }
}

/// Heap that decoding needs at its peak, the decoded picture of `decoded` pixels included.
pub(crate) fn memory(coding: &WebpCoding, header: &Header, decoded: u128, length: u64) -> u128 {
    if coding.opaque.is_some() { lossy::memory(header.width, decoded) } else { full::memory(coding, decoded, length) }
}

/// Decodes so that `min_size` is left.
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

/// Whether the file is shorter than it says. Decoders call what is missing by many names.
fn is_cut(bytes: &[u8]) -> bool {
    let length = Reader::little(bytes).u32(4).unwrap_or(0);
    u64::from(length) + 8 > bytes.len() as u64
}

fn cut() -> Rejection {
    Reason::Truncated.because("the WebP ends before its picture does")
}
