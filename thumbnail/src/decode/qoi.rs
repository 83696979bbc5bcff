//! QOI, by the crate `image`.

use std::io::Read;

use image::{ImageDecoder, codecs::qoi::QoiDecoder};

use crate::{
    Reason, Rejection,
    header::Header,
    picture::{Model, Picture},
};

/// Decodes a file, which must be whole: the decoder does not report how many pixels it found.
pub(super) fn decode(bytes: &[u8], header: &Header, alpha: bool) -> Result<Picture, Rejection> {
    const HEADER: usize = 14;
    let (start, mut rest) = bytes.split_at(HEADER);
    // The decoder reads alpha only if the header announces four channels, but files with three may have it, too.
    let mut begin = [&start[..12], &[4, 0]].concat();
    // A run at the beginning consists of black pixels, which the decoder fails to remember. An equivalent first pixel that differs
    // by nothing from black is inserted instead.
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
    if alpha {
        return Ok(Picture { width: header.width, height: header.height, model: Model::Rgba, data });
    }
    let pixels = data.len() / 4;
    (0..pixels).for_each(|i| data.copy_within(4 * i..4 * i + 3, 3 * i));
    data.truncate(3 * pixels);
    Ok(Picture { width: header.width, height: header.height, model: Model::Rgb, data })
}
