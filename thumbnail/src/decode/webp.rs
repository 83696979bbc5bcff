//! WebP. Of an animation the first frame, composed on a transparent canvas.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use crate::{
    Reason, Rejection,
    bytes::Reader,
    header::Header,
    picture::{Model, Picture},
};

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

/// Whether the file is shorter than it says. The decoder calls what is missing by many names, and gives no part of a picture.
fn is_cut(bytes: &[u8]) -> bool {
    let length = Reader::little(bytes).u32(4).unwrap_or(0);
    u64::from(length) + 8 > bytes.len() as u64
}

fn cut() -> Rejection {
    Reason::Truncated.because("the WebP ends before its picture does")
}

fn refusal(error: &DecodingError) -> Rejection {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => cut(),
        DecodingError::UnsupportedFeature(feature) => Reason::UnsupportedFormat.because(format!("WebP: {feature}")),
        error => Reason::Corrupt.because(format!("WebP: {error}")),
    }
}
