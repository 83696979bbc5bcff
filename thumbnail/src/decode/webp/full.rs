//! Decodes a WebP that is lossless, has alpha or is animated, at full size.

use std::{borrow::Cow, io::Cursor};

use image_webp::{DecodingError, WebPDecoder};

use super::{cut, is_cut};
use crate::{
    Reason, Rejection,
    header::{Header, webp::WebpCoding},
    picture::{Model, Picture},
};

/// Estimates the peak heap of [`decode`] in bytes for a file of `length` bytes, including the picture.
pub(super) fn memory(coding: &WebpCoding, pixels: u128, length: u64) -> u128 {
    9 * u128::from(length) + pixels * if coding.animated { 19 } else { 11 }
}

pub(super) fn decode(bytes: &[u8], header: &Header, coding: &WebpCoding) -> Result<Picture, Rejection> {
    let reject = |error: DecodingError| if is_cut(bytes) { cut() } else { rejection(&error) };
    let mut file = Cow::Borrowed(bytes);
    if bytes.get(12..16) == Some(b"VP8X") {
        // The decoder fails if a chunk is missing that the flags announce, so they are set to the chunks that were found.
        let flags = if coding.alpha { 0x10 } else { 0 } | if coding.animated { 0x02 } else { 0 };
        if bytes.get(20).is_some_and(|&said| said != flags) {
            file.to_mut()[20] = flags;
        }
    }
    let mut decoder = WebPDecoder::new(Cursor::new(&*file)).map_err(reject)?;
    if decoder.dimensions() != header.size() {
        return Err(Reason::Corrupt.because("the WebP names two sizes"));
    }
    let length = decoder.output_buffer_size().ok_or_else(|| Reason::Corrupt.because("the WebP is too large"))?;
    let mut data = vec![0; length];
    decoder.read_image(&mut data).map_err(reject)?;
    let model = if decoder.has_alpha() { Model::Rgba } else { Model::Rgb };
    Ok(Picture { width: header.width, height: header.height, model, data })
}

fn rejection(error: &DecodingError) -> Rejection {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => cut(),
        DecodingError::UnsupportedFeature(feature) => Reason::UnsupportedFormat.because(format!("WebP: {feature}")),
        error => Reason::Corrupt.because(format!("WebP: {error}")),
    }
}
