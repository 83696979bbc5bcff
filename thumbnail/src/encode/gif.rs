//! GIF, with one frame and a palette for it.

use gif::{Encoder, EncodingError, Frame};

use super::failed;
use crate::{Rejection, palette, picture::Picture};

pub(super) fn encode(picture: &Picture) -> Result<Vec<u8>, Rejection> {
    let (Ok(width), Ok(height)) = (u16::try_from(picture.width), u16::try_from(picture.height)) else {
        return Err(failed(format!("{} by {} pixels are too many for GIF", picture.width, picture.height)));
    };
    let mut picture = picture.clone();
    if picture.model.has_alpha() {
        // A pixel of a GIF is either opaque or fully transparent.
        let channels = picture.model.channels();
        for pixel in picture.data.chunks_exact_mut(channels) {
            let alpha = &mut pixel[channels - 1];
            *alpha = if *alpha < 128 { 0 } else { 255 };
        }
    }
    let (palette, indices) = palette::reduce(&picture);
    let frame = Frame {
        width,
        height,
        transparent: palette::clear_index(&palette),
        palette: Some(palette::rgb(&palette)),
        buffer: indices.into(),
        ..Frame::default()
    };
    let mut file = Vec::new();
    let wrong = |error: EncodingError| failed(format!("GIF: {error}"));
    let mut encoder = Encoder::new(&mut file, width, height, &[]).map_err(wrong)?;
    encoder.write_frame(&frame).map_err(wrong)?;
    drop(encoder);
    Ok(file)
}
