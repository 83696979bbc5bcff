//! JPEG at its full size.

use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

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
    let colours = Colours::of(frame);
    let edge = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(edge)
        .set_max_height(edge)
        .jpeg_set_out_colorspace(colours.wanted());
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

/// Which colours the components are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colours {
    Gray,
    Rgb,
    YCbCr,
    Cmyk,
    /// How much ink is missing.
    AdobeCmyk,
    /// The same, with cyan, magenta and yellow as the light that remains.
    AdobeYcck,
}

impl Colours {
    /// By the rules of libjpeg, which every file in the world was tried with.
    fn of(frame: &Frame) -> Self {
        let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
        match (&ids[..], frame.jfif, frame.adobe) {
            ([_], ..) => Self::Gray,
            ([_, _, _, _], _, Some(2)) => Self::AdobeYcck,
            ([_, _, _, _], _, Some(_)) => Self::AdobeCmyk,
            ([_, _, _, _], _, None) => Self::Cmyk,
            (_, false, Some(0)) | (b"RGB", false, None) => Self::Rgb,
            _ => Self::YCbCr,
        }
    }

    /// What the decoder makes of them: inks as they are stored.
    fn wanted(self) -> ColorSpace {
        match self {
            Self::Gray => ColorSpace::Luma,
            Self::Rgb | Self::YCbCr => ColorSpace::RGB,
            Self::Cmyk | Self::AdobeCmyk => ColorSpace::CMYK,
            Self::AdobeYcck => ColorSpace::YCCK,
        }
    }

    /// The transform of an Adobe segment that means them.
    fn transform(self) -> Option<u8> {
        match self {
            Self::Gray => None,
            Self::Rgb | Self::Cmyk | Self::AdobeCmyk => Some(0),
            Self::YCbCr => Some(1),
            Self::AdobeYcck => Some(2),
        }
    }
}

/// The file as the decoder shall see it: its colours in an Adobe segment of our own, its height in the frame, no other metadata,
/// no rubbish between segments, and always an end marker.
fn file(bytes: &[u8], header: &Header, frame: &Frame, colours: Colours) -> Vec<u8> {
    let mut file = b"\xff\xd8".to_vec();
    if let Some(transform) = colours.transform() {
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
