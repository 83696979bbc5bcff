//! WebP that is lossless, has alpha or moves, at its full size.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::{cut, is_cut};
use crate::{
    Reason, Rejection,
    header::{Header, webp::Coding},
    picture::{Model, Picture},
};

/// Heap that [`decode`] needs at its peak for so many pixels in a file of `length` bytes, the picture included.
pub(super) fn memory(coding: &Coding, pixels: u128, length: u64) -> u128 {
    8 * u128::from(length) + pixels * if coding.animated { 19 } else { 11 }
}

pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Picture, Rejection> {
    let refuse = |error: DecodingError| if is_cut(bytes) { cut() } else { refusal(&error) };
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(refuse)?;
    if decoder.dimensions() != header.size() {
        return Err(Reason::Corrupt.because("the WebP names two sizes"));
    }
    let length = decoder.output_buffer_size().ok_or_else(|| Reason::Corrupt.because("the WebP is too large"))?;
    let mut data = vec![0; length];
    decoder.read_image(&mut data).map_err(refuse)?;
    let model = if decoder.has_alpha() { Model::Rgba } else { Model::Rgb };
    Ok(Picture { width: header.width, height: header.height, model, data })
}

fn refusal(error: &DecodingError) -> Rejection {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => cut(),
        DecodingError::UnsupportedFeature(feature) => Reason::UnsupportedFormat.because(format!("WebP: {feature}")),
        error => Reason::Corrupt.because(format!("WebP: {error}")),
    }
}
