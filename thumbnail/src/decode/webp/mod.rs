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
    Reason, Rejection,
    bytes::Reader,
    header::{Header, webp::Coding},
    picture::Picture,
    shrink,
};

/// By how much a picture of `size` is reduced in decoding: the most that leaves no edge below `wanted`.
pub(crate) fn ratio(coding: &Coding, size: (u32, u32), wanted: (u32, u32)) -> Ratio {
    if coding.opaque.is_some() { Ratio { from: shrink::factor(size, wanted), to: 1 } } else { Ratio::WHOLE }
}

/// Heap that decoding needs at its peak, the decoded picture of `decoded` pixels included.
pub(crate) fn memory(coding: &Coding, header: &Header, decoded: u128, length: u64) -> u128 {
    if coding.opaque.is_some() { lossy::memory(header.width, decoded) } else { full::memory(coding, decoded, length) }
}

/// Decodes so that `wanted` is left.
pub(super) fn decode(bytes: &[u8], header: &Header, coding: &Coding, wanted: (u32, u32)) -> Result<Picture, Rejection> {
    let Some(range) = &coding.opaque else { return full::decode(bytes, header, coding) };
    let data = bytes.get(range.clone()).unwrap_or_default();
    lossy::decode(data, header.size(), ratio(coding, header.size(), wanted).from, is_cut(bytes))
}

/// Whether the file is shorter than it says. Decoders call what is missing by many names.
fn is_cut(bytes: &[u8]) -> bool {
    let length = Reader::little(bytes).u32(4).unwrap_or(0);
    u64::from(length) + 8 > bytes.len() as u64
}

fn cut() -> Rejection {
    Reason::Truncated.because("the WebP ends before its picture does")
}
