//! Decodes files to pixels. Each format has its own module.

mod ahead;
mod av1;
mod avif;
pub(crate) mod bmp;
mod gif;
#[cfg(feature = "heic")]
mod heic;
pub(crate) mod jpeg;
mod png;
mod pnm;
mod qoi;
#[cfg(feature = "svg")]
mod svg;
pub(crate) mod tiff;
pub(crate) mod webp;

use std::io::Cursor;

use crate::{
    Limits, Reason, Rejection, box_filter,
    header::{Coding, Header},
    picture::Picture,
};

pub(crate) use ahead::Ahead;

/// The result of a decoder.
pub(crate) struct Decoded {
    pub(crate) picture: Picture,
    /// The ICC profile, if the header reader could not find it.
    pub(crate) icc: Option<Vec<u8>>,
    /// Whether the decoder found nothing missing or damaged.
    whole: bool,
}

impl From<Picture> for Decoded {
    fn from(picture: Picture) -> Self {
        Self { picture, icc: None, whole: true }
    }
}

/// How much decoding reduces a picture: on each axis, `from` stored pixels become `to` decoded pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Ratio {
    pub(crate) const WHOLE: Self = Self { from: 1, to: 1 };

    /// Returns the length of a decoded edge, rounded up.
    pub(crate) fn apply(self, edge: u32) -> u32 {
        u32::try_from((u64::from(edge) * u64::from(self.to)).div_ceil(u64::from(self.from))).unwrap_or(edge)
    }
}

/// Returns how much decoding reduces a picture of `size` without making it smaller than `min_size`.
pub(crate) fn ratio(coding: &Coding, size: (u32, u32), min_size: (u32, u32)) -> Ratio {
    let by_squares = match coding {
        Coding::Jpeg(_) => return jpeg::ratio(size, min_size),
        Coding::IcoPng { inner, .. } => return ratio(inner, size, min_size),
        Coding::Png { interlaced, .. } => !interlaced,
        Coding::Webp(coding) => coding.opaque.is_some(),
        Coding::Gif(_) | Coding::Pnm(_) | Coding::Avif(_) => true,
        #[cfg(feature = "svg")]
        Coding::Svg(_) => true,
        _ => false,
    };
    if by_squares { Ratio { from: box_filter::factor(size, min_size), to: 1 } } else { Ratio::WHOLE }
}

/// The nine-tenths rule: whether at least nine tenths of a picture were found.
///
/// A browser shows such a picture, and few people notice the damage. A picture with less is rejected, because a half grey thumbnail
/// misrepresents its source.
pub(crate) fn nearly_whole(found: u64, expected: u64) -> bool {
    found.saturating_mul(10) >= expected.saturating_mul(9)
}

/// Applies the nine-tenths rule to the rows of a file, which is called `what`.
fn check_rows(found: usize, height: usize, what: &str) -> Result<(), Rejection> {
    if nearly_whole(found as u64, height as u64) {
        return Ok(());
    }
    Err(Reason::Truncated.because(format!("only {found} of the {what}'s {height} rows are there")))
}

/// Rounds a sample of sixteen bits to eight.
fn to_eight_bits(sample: u16) -> u8 {
    u8::try_from((u32::from(sample) * 255 + 32_767) / 65_535).unwrap_or(255)
}

/// Decodes a picture, reduced as far as its format allows, but not below `min_size` (width and height as stored).
///
/// Uses the picture that was decoded `ahead` if it is valid.
pub(crate) fn decode(
    bytes: &[u8],
    header: &Header,
    min_size: (u32, u32),
    limits: &Limits,
    ahead: Option<Ahead>,
) -> Result<Decoded, Rejection> {
    if let Some(decoded) = ahead.and_then(|ahead| ahead.decoded(header, min_size)) {
        return Ok(decoded);
    }
    let ratio = ratio(&header.coding, header.size(), min_size);
    match &header.coding {
        Coding::Jpeg(_) => jpeg::decode(bytes, header, min_size).map(Decoded::from),
        Coding::Png { .. } => png::decode(Cursor::new(bytes), header, ratio.from, limits),
        Coding::Gif(coding) => gif::decode(bytes, header, coding, ratio.from).map(Decoded::from),
        Coding::Tiff(coding) => tiff::decode(bytes, header, coding).map(Decoded::from),
        Coding::Bmp(coding) => bmp::decode(bytes, header, coding).map(Decoded::from),
        Coding::Pnm(coding) => pnm::decode(bytes, header, coding, ratio.from).map(Decoded::from),
        Coding::Qoi { alpha } => qoi::decode(bytes, header, *alpha).map(Decoded::from),
        Coding::Avif(coding) => avif::decode(bytes, header, coding, ratio.from),
        #[cfg(feature = "heic")]
        Coding::Heic { alpha, .. } => heic::decode(bytes, header, *alpha),
        #[cfg(feature = "svg")]
        Coding::Svg(drawing) => svg::decode(header, drawing, ratio),
        Coding::IcoPng { range, .. } => png::decode(Cursor::new(&bytes[range.clone()]), header, ratio.from, limits),
        Coding::Webp(coding) => webp::decode(bytes, header, coding, ratio.from).map(Decoded::from),
    }
}
