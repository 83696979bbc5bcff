//! JPEG at its full size.

use scaled_jpeg::Colours;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::as_scaled;
use crate::{
    header::{Header, jpeg::Frame},
    picture::{Model, Picture},
};

/// Heap that [`decode`] needs at its peak, the picture included.
pub(super) fn memory(header: &Header, frame: &Frame, length: u64) -> u64 {
    let samples = frame.samples(header.width, header.height);
    let picture = u64::from(header.width) * u64::from(header.height) * frame.components.len() as u64;
    // The file is copied, and a progressive one's coefficients are all kept.
    2 * length + picture + if frame.progressive { 4 * samples } else { samples }
}

/// Decodes whatever can be; none where the decoder does not understand the file.
pub(super) fn decode(bytes: &[u8], header: &Header, frame: &Frame) -> Option<Picture> {
    // Of samplings as coarse as 4:1:1 with restarts it makes stripes, of a baseline file with a scan for each component one flat
    // colour, and of neither an error.
    let (h, v) = frame.max_sampling();
    if h > 2 || v > 2 || !(frame.interleaved || frame.progressive) {
        return None;
    }
    let colours = as_scaled(header, frame).colours();
    let edge = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(edge)
        .set_max_height(edge)
        .jpeg_set_out_colorspace(wanted(colours));
    let file = file(bytes, header, frame, colours);
    let mut data = JpegDecoder::new_with_options(ZCursor::new(&file), options).decode().ok()?;
    let model = match colours {
        Colours::Gray => Model::Gray,
        Colours::Rgb | Colours::YCbCr => Model::Rgb,
        Colours::Cmyk => Model::Cmyk,
        Colours::AdobeCmyk => {
            for ink in &mut data {
                *ink = 255 - *ink;
            }
            Model::Cmyk
        }
        Colours::AdobeYcck => {
            for pixel in data.as_chunks_mut::<4>().0 {
                *pixel = ink(*pixel);
            }
            Model::Cmyk
        }
    };
    let expected = header.width as usize * header.height as usize * model.channels();
    (data.len() == expected).then_some(Picture { width: header.width, height: header.height, model, data })
}

/// What the decoder makes of them: inks as they are stored.
fn wanted(colours: Colours) -> ColorSpace {
    match colours {
        Colours::Gray => ColorSpace::Luma,
        Colours::Rgb | Colours::YCbCr => ColorSpace::RGB,
        Colours::Cmyk | Colours::AdobeCmyk => ColorSpace::CMYK,
        Colours::AdobeYcck => ColorSpace::YCCK,
    }
}

/// The transform of an Adobe segment that means them.
fn transform(colours: Colours) -> Option<u8> {
    match colours {
        Colours::Gray => None,
        Colours::Rgb | Colours::Cmyk | Colours::AdobeCmyk => Some(0),
        Colours::YCbCr => Some(1),
        Colours::AdobeYcck => Some(2),
    }
}

/// The file as the decoder shall see it: its colours in an Adobe segment of our own, its height in the frame, no other metadata,
/// no rubbish between segments, and always an end marker.
fn file(bytes: &[u8], header: &Header, frame: &Frame, colours: Colours) -> Vec<u8> {
    let mut file = b"\xff\xd8".to_vec();
    if let Some(transform) = transform(colours) {
        file.extend(b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0");
        file.push(transform);
    }
    for part in &frame.parts {
        let start = file.len();
        file.extend(&bytes[part.range.clone()]);
        if let Some(height) = frame.open_height.filter(|at| part.range.contains(at)) {
            let lines = u16::try_from(header.height).unwrap_or(u16::MAX).to_be_bytes();
            file[start + height - part.range.start..][..2].copy_from_slice(&lines);
        }
    }
    file.extend(b"\xff\xd9");
    file
}

/// Amounts of ink of a pixel of Adobe's YCCK, by JFIF's formula in units of 2^-16.
fn ink([y, cb, cr, black]: [u8; 4]) -> [u8; 4] {
    let (y, cb, cr) = ((i32::from(y) << 16) + (1 << 15), i32::from(cb) - 128, i32::from(cr) - 128);
    let [cyan, magenta, yellow] = [y + 91_881 * cr, y - 22_554 * cb - 46_802 * cr, y + 116_130 * cb]
        .map(|value| u8::try_from((value >> 16).clamp(0, 255)).unwrap_or(255));
    [cyan, magenta, yellow, 255 - black]
}
