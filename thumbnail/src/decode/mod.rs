//! From bytes to pixels, one room per format.

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
    Limits, Rejection,
    header::{Coding, Header},
    picture::Picture,
    shrink,
};

pub(crate) use ahead::Ahead;

/// What a decoder hands on.
pub(crate) struct Decoded {
    pub(crate) picture: Picture,
    /// An ICC profile that only decoding brought to light.
    pub(crate) icc: Option<Vec<u8>>,
    /// Whether nothing was found missing or damaged; where that is not known, too.
    whole: bool,
}

impl From<Picture> for Decoded {
    fn from(picture: Picture) -> Self {
        Self { picture, icc: None, whole: true }
    }
}

/// By how much a picture gets smaller in decoding: on each axis, of so many stored pixels so many become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Ratio {
    pub(crate) const WHOLE: Self = Self { from: 1, to: 1 };

    /// An edge of the decoded picture, where parts of a pixel count as one.
    pub(crate) fn apply(self, edge: u32) -> u32 {
        u32::try_from((u64::from(edge) * u64::from(self.to)).div_ceil(u64::from(self.from))).unwrap_or(edge)
    }
}

/// By how much a picture of `size` gets smaller in decoding, so that no edge is below `wanted`.
pub(crate) fn ratio(coding: &Coding, size: (u32, u32), wanted: (u32, u32)) -> Ratio {
    match coding {
        Coding::Jpeg(_) => jpeg::ratio(size, wanted),
        Coding::Png { interlaced: false, .. } | Coding::Gif(_) | Coding::Pnm(_) | Coding::Avif(_) => {
            Ratio { from: shrink::factor(size, wanted), to: 1 }
        }
        #[cfg(feature = "svg")]
        Coding::Svg(_) => Ratio { from: shrink::factor(size, wanted), to: 1 },
        Coding::IcoPng { inner, .. } => ratio(inner, size, wanted),
        Coding::Webp(coding) => webp::ratio(coding, size, wanted),
        _ => Ratio::WHOLE,
    }
}

/// Whether so much of a picture is there that a browser would show it and few would notice: nine parts in ten. Less is
/// refused, for a thumbnail that is half grey says something false of its source.
pub(crate) fn nearly_whole(found: u64, expected: u64) -> bool {
    found.saturating_mul(10) >= expected.saturating_mul(9)
}

/// A sample of sixteen bits, rounded to eight.
fn to_eight_bits(sample: u16) -> u8 {
    u8::try_from((u32::from(sample) * 255 + 32_767) / 65_535).unwrap_or(255)
}

/// Decodes a picture. It may come smaller than it is stored, but not smaller than `wanted` (width and height as stored)
/// where it is stored larger than that: formats that can, skip what a smaller picture does not need. What was decoded `ahead` is
/// not decoded again.
pub(crate) fn decode(
    bytes: &[u8],
    header: &Header,
    wanted: (u32, u32),
    limits: &Limits,
    ahead: Option<Ahead>,
) -> Result<Decoded, Rejection> {
    if let Some(decoded) = ahead.and_then(|ahead| ahead.decoded(header, wanted)) {
        return Ok(decoded);
    }
    match &header.coding {
        Coding::Jpeg(_) => jpeg::decode(bytes, header, wanted).map(Decoded::from),
        Coding::Png { .. } => png::decode(Cursor::new(bytes), header, wanted, limits),
        Coding::Gif(coding) => gif::decode(bytes, header, coding, wanted).map(Decoded::from),
        Coding::Tiff(coding) => tiff::decode(bytes, header, coding).map(Decoded::from),
        Coding::Bmp(coding) => bmp::decode(bytes, header, coding).map(Decoded::from),
        Coding::Pnm(coding) => pnm::decode(bytes, header, coding, wanted).map(Decoded::from),
        Coding::Qoi(coding) => qoi::decode(bytes, header, coding).map(Decoded::from),
        Coding::Avif(coding) => avif::decode(bytes, header, coding, wanted),
        #[cfg(feature = "heic")]
        Coding::Heic { alpha, .. } => heic::decode(bytes, header, *alpha),
        #[cfg(feature = "svg")]
        Coding::Svg(drawing) => svg::decode(header, drawing, ratio(&header.coding, header.size(), wanted)),
        Coding::IcoPng { range, .. } => png::decode(Cursor::new(&bytes[range.clone()]), header, wanted, limits),
        Coding::Webp(coding) => webp::decode(bytes, header, coding, wanted).map(Decoded::from),
    }
}
