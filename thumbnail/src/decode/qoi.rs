//! QOI, unpacked by the crate `image`.

use std::io::Read;

use image::{ImageDecoder, codecs::qoi::QoiDecoder};

use crate::{
    Reason, Rejection,
    header::{Header, qoi::QoiCoding},
    picture::{Model, Picture},
};

/// Pixels depend on all before them, and the decoder does not say how many there are: a file must be whole.
pub(super) fn decode(bytes: &[u8], header: &Header, coding: &QoiCoding) -> Result<Picture, Rejection> {
    const HEADER: usize = 14;
    let (start, mut rest) = bytes.split_at(HEADER);
    // The decoder understands pixels with alpha only where the header has four channels; it may have three.
    let mut begin = [&start[..12], &[4, 0]].concat();
    // A run at the beginning is of black, which counts as seen from then on; the decoder takes no notice of what runs show.
    // A pixel that differs from the one before it in nothing is the same.
    if let [run @ 0xc0..=0xfd, after @ ..] = rest {
        begin.push(0b01_10_10_10);
        begin.extend((*run > 0xc0).then_some(run - 1));
        rest = after;
    }
    let mut data = vec![0; header.width as usize * header.height as usize * 4];
    let decoded = QoiDecoder::new(begin.chain(&mut rest)).and_then(|decoder| decoder.read_image(&mut data));
    decoded.map_err(|error| {
        let reason = if rest.is_empty() { Reason::Truncated } else { Reason::Corrupt };
        reason.because(format!("QOI: {error}"))
    })?;
    if coding.alpha {
        return Ok(Picture { width: header.width, height: header.height, model: Model::Rgba, data });
    }
    let pixels = data.len() / 4;
    (0..pixels).for_each(|i| data.copy_within(4 * i..4 * i + 3, 3 * i));
    data.truncate(3 * pixels);
    Ok(Picture { width: header.width, height: header.height, model: Model::Rgb, data })
}
