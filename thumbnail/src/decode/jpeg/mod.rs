//! JPEG.
//!
//! Where seven eighths of its size are enough, which is so for nearly all photos, a picture is decoded smaller than it is stored,
//! by a decoder that also tells how much of it was there. Others are decoded in full by another one, which does not tell: of them a
//! small picture is decoded besides.

mod full;

use std::io::BufRead;

use scaled_jpeg::{Coverage, Decoder, Error, Pixels, Scale};

use super::{Ratio, nearly_whole};
use crate::{
    Limits, Reason, Rejection,
    header::{Header, jpeg::Frame},
    picture::{Model, Picture},
};

/// By how much a picture of `size` is reduced in decoding: the most that leaves no edge below `wanted`.
pub(crate) fn ratio(size: (u32, u32), wanted: (u32, u32)) -> Ratio {
    Scale::smallest_leaving(wanted, size).map_or(Ratio::WHOLE, |scale| Ratio { from: 8, to: scale.eighths() })
}

/// Heap that decoding needs at its peak, the picture included.
pub(crate) fn memory(header: &Header, frame: &Frame, wanted: (u32, u32), length: u64) -> u64 {
    match Scale::smallest_leaving(wanted, header.size()) {
        Some(scale) => reduced_memory(header, frame, scale),
        None => full::memory(header, frame, length).max(reduced_memory(header, frame, Scale::Eighth)),
    }
}

fn reduced_memory(header: &Header, frame: &Frame, scale: Scale) -> u64 {
    as_scaled(header, frame).memory(scale)
}

/// The header as the decoder of small pictures would have read it, without profile and Exif.
fn as_scaled(header: &Header, frame: &Frame) -> scaled_jpeg::Header {
    let edge = |edge: u32| u16::try_from(edge).unwrap_or(u16::MAX);
    let component =
        |c: &crate::header::jpeg::Component| scaled_jpeg::Component { id: c.id, h: c.h, v: c.v, quantisation: 0 };
    scaled_jpeg::Header {
        width: edge(header.width),
        height: edge(header.height),
        progressive: frame.progressive,
        interleaved: frame.interleaved,
        components: frame.components.iter().map(component).collect(),
        jfif: frame.jfif,
        adobe: frame.adobe,
        ..scaled_jpeg::Header::default()
    }
}

/// A picture that is smaller than it is stored, and how much of it was there.
pub(super) type Reduced = (Picture, Coverage);

/// Decodes so that `wanted` is left.
pub(super) fn decode(bytes: &[u8], header: &Header, frame: &Frame, wanted: (u32, u32)) -> Result<Picture, Rejection> {
    let reduced = |scale| reduced(Decoder::from_slice(bytes).map_err(|error| refusal(&error))?, scale);
    if let Some(scale) = Scale::smallest_leaving(wanted, header.size()) {
        return judged(reduced(scale)?, frame, bytes);
    }
    judged(reduced(Scale::Eighth)?, frame, bytes)?;
    match full::decode(bytes, header, frame) {
        Some(picture) => Ok(picture),
        // Of a kind that only the other decoder understands: better half as sharp than not at all.
        None => Ok(doubled(&reduced(Scale::Half)?.0, header.size())),
    }
}

/// What [`decode`] begins with, of a file that may yet turn out to be cut or to have too many scans; none where it is decoded in
/// full.
pub(super) fn ahead(reader: impl BufRead, header: &Header, wanted: (u32, u32), limits: &Limits) -> Option<Reduced> {
    let scale = Scale::smallest_leaving(wanted, header.size())?;
    let most = usize::try_from(limits.scans(header.size())).unwrap_or(usize::MAX);
    reduced(Decoder::new(reader).ok()?.max_scans(most), scale).ok()
}

fn reduced(decoder: Decoder<impl BufRead>, scale: Scale) -> Result<Reduced, Rejection> {
    let made = decoder.approximate(true).decode(scale).map_err(|error| refusal(&error))?;
    let model = match made.pixels {
        Pixels::Gray => Model::Gray,
        Pixels::Rgb => Model::Rgb,
        Pixels::Cmyk => Model::Cmyk,
    };
    Ok((Picture { width: made.width, height: made.height, model, data: made.data }, made.coverage))
}

/// The picture, if not too much of it is missing.
pub(super) fn judged((picture, coverage): Reduced, frame: &Frame, bytes: &[u8]) -> Result<Picture, Rejection> {
    let Coverage { found, expected, .. } = coverage;
    if nearly_whole(found, expected) {
        return Ok(picture);
    }
    let reason = if frame.ended(bytes) { Reason::Corrupt } else { Reason::Truncated };
    Err(reason.because(format!("only {found} of the JPEG's {expected} blocks are there and readable")))
}

/// A picture of `size` of one that has half of it.
fn doubled(half: &Picture, (width, height): (u32, u32)) -> Picture {
    let channels = half.model.channels();
    let mut data = Vec::with_capacity(width as usize * height as usize * channels);
    for y in 0..height as usize {
        let row = &half.data[y / 2 * half.width as usize * channels..];
        for x in 0..width as usize {
            data.extend_from_slice(&row[x / 2 * channels..][..channels]);
        }
    }
    Picture { width, height, model: half.model, data }
}

fn refusal(error: &Error) -> Rejection {
    match error {
        Error::NoPicture => Reason::Truncated.because("the JPEG ends before its picture does"),
        Error::TooManyScans => Reason::TooComplex.because(error.to_string()),
        Error::Unsupported(_) => Reason::UnsupportedFormat.because(error.to_string()),
        error => Reason::Corrupt.because(error.to_string()),
    }
}
