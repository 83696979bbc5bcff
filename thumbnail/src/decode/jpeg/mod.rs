//! JPEG.
//!
//! A strict decoder that scales while it decodes does nearly all files. Where it fails, or where its picture looks as if the
//! data had run out, the data themselves are surveyed: a nearly whole picture is kept, made by a lenient decoder if need be,
//! and anything less is refused.

mod survey;

use std::{borrow::Cow, io::Read};

use jpeg_decoder::{ColorTransform, Decoder, Error, PixelFormat};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::nearly_whole;
use crate::{
    Limits, Reason, Rejection,
    header::{
        Header,
        jpeg::{Frame, Part},
    },
    picture::{Model, Picture},
};

/// By what a picture of `size` is reduced in decoding: the most of 8, 4, 2 and 1 that leaves no edge below `wanted`. (The
/// decoder's own choice is content when one edge suffices.)
pub(crate) fn scale(size: (u32, u32), wanted: (u32, u32)) -> u32 {
    let leaves_enough = |scale: &u32| size.0.div_ceil(*scale) >= wanted.0 && size.1.div_ceil(*scale) >= wanted.1;
    [8, 4, 2].into_iter().find(leaves_enough).unwrap_or(1)
}

/// Decodes at a scale that leaves `wanted`.
pub(super) fn decode(
    bytes: &[u8],
    header: &Header,
    frame: &Frame,
    wanted: (u32, u32),
    limits: &Limits,
) -> Result<Picture, Rejection> {
    let bytes = &with_height(bytes, frame, header.height)[..];
    let strict = decode_strictly(bytes, usable_parts(bytes, frame), header, frame, wanted);
    if let Ok(picture) = &strict
        && frame.ended
        && !seems_run_out(picture, header, frame)
    {
        return strict;
    }
    let survey = survey::survey(bytes, frame, header.size());
    if !nearly_whole(survey.found, survey.expected) {
        let reason = if frame.ended { Reason::Corrupt } else { Reason::Truncated };
        let (found, expected) = (survey.found, survey.expected);
        return Err(reason.because(format!("only {found} of the JPEG's {expected} blocks are there and readable")));
    }
    strict.or_else(|rejection| {
        // At full size, which admission did not count on.
        let samples = frame.samples(header.width, header.height);
        let pixels = u64::from(header.width) * u64::from(header.height) * frame.components.len() as u64;
        let needed = 2 * bytes.len() as u64 + pixels + if frame.progressive { 4 * samples } else { samples };
        if needed > limits.max_memory {
            let detail = format!("about {needed} bytes of memory are needed to decode a damaged JPEG in full");
            return Err(Reason::NeedsMoreMemory.because(detail));
        }
        decode_leniently(bytes, header, frame).ok_or(rejection)
    })
}

/// The file with its height in the frame header, where it was left open there.
fn with_height<'a>(bytes: &'a [u8], frame: &Frame, height: u32) -> Cow<'a, [u8]> {
    let Some(at) = frame.open_height else { return Cow::Borrowed(bytes) };
    let mut bytes = bytes.to_vec();
    bytes[at..at + 2].copy_from_slice(&u16::try_from(height).unwrap_or(u16::MAX).to_be_bytes());
    Cow::Owned(bytes)
}

/// The parts to decode: without a last scan that is cut off, where that would only have refined the picture.
fn usable_parts<'a>(bytes: &[u8], frame: &'a Frame) -> &'a [Part] {
    match &frame.parts[..] {
        [before @ .., last] if frame.progressive && !frame.ended && last.marker == 0xda => {
            // The segment ends with the first coefficient, the last one, and the approximation: 0, 0 and 0x give means.
            let refines = bytes[..last.range.start + last.header]
                .last_chunk()
                .is_none_or(|&[start, _, approximation]| start > 0 || approximation >> 4 > 0);
            if refines { before } else { &frame.parts }
        }
        all => all,
    }
}

fn decode_strictly(
    bytes: &[u8],
    parts: &[Part],
    header: &Header,
    frame: &Frame,
    wanted: (u32, u32),
) -> Result<Picture, Rejection> {
    let refuse = |error: Error| refusal(&error);
    let mut decoder = Decoder::new(Parts::new(bytes, parts));
    decoder.set_color_transform(transform(frame));
    let scale = scale(header.size(), wanted);
    let edge = |stored: u32| u16::try_from(stored.div_ceil(scale)).unwrap_or(u16::MAX);
    decoder.scale(edge(header.width), edge(header.height)).map_err(refuse)?;
    let mut data = decoder.decode().map_err(refuse)?;
    let info = decoder.info().ok_or_else(|| Reason::Corrupt.because("the JPEG has no frame"))?;
    let model = match info.pixel_format {
        PixelFormat::L8 => Model::Gray,
        PixelFormat::RGB24 => Model::Rgb,
        PixelFormat::CMYK32 => Model::Cmyk,
        PixelFormat::L16 => return Err(Reason::UnsupportedFormat.because("a JPEG with 16 bits a sample")),
    };
    // The decoder takes every CMYK file for an Adobe one, which stores how much ink is missing.
    if model == Model::Cmyk && frame.adobe.is_none() {
        invert(&mut data);
    }
    Ok(Picture { width: u32::from(info.width), height: u32::from(info.height), model, data })
}

/// Decodes at full size what the strict decoder does not understand; none where that fails as well.
fn decode_leniently(bytes: &[u8], header: &Header, frame: &Frame) -> Option<Picture> {
    let (space, model) = match (frame.components.len(), frame.adobe) {
        (1, _) => (ColorSpace::Luma, Model::Gray),
        (3, _) => (ColorSpace::RGB, Model::Rgb),
        (4, None | Some(0)) => (ColorSpace::CMYK, Model::Cmyk),
        _ => return None,
    };
    let edge = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(edge)
        .set_max_height(edge)
        .jpeg_set_out_colorspace(space);
    let mut file = Vec::new();
    Parts::new(bytes, &frame.parts).read_to_end(&mut file).ok()?;
    let mut data = JpegDecoder::new_with_options(ZCursor::new(&file), options).decode().ok()?;
    if model == Model::Cmyk && frame.adobe.is_some() {
        invert(&mut data);
    }
    let expected = header.width as usize * header.height as usize * model.channels();
    (data.len() == expected).then_some(Picture { width: header.width, height: header.height, model, data })
}

fn invert(data: &mut [u8]) {
    for ink in data {
        *ink = 255 - *ink;
    }
}

/// Whether the end of the picture is what decoders make of missing data: every MCU of the last row like the one before it.
/// Real pictures end so too, where they have a plain border.
fn seems_run_out(picture: &Picture, header: &Header, frame: &Frame) -> bool {
    let channels = picture.model.channels();
    let row = picture.width as usize * channels;
    let mcu_width = (8 * frame.max_sampling().0 * picture.width).div_ceil(header.width) as usize * channels;
    let last = &picture.data[picture.data.len().saturating_sub(row)..];
    // Upsampling blurs the edges of the picture: look at the middle.
    let Some(middle) = last.get(row / 4 / channels * channels..row * 3 / 4 / channels * channels) else { return false };
    middle.len() <= mcu_width || middle.iter().zip(&middle[mcu_width..]).all(|(a, b)| a.abs_diff(*b) <= 1)
}

/// Which colours the components are, by the rules of libjpeg, which every file in the world was tried with.
fn transform(frame: &Frame) -> ColorTransform {
    let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
    match (&ids[..], frame.jfif, frame.adobe) {
        ([_], ..) => ColorTransform::Grayscale,
        ([_, _, _, _], _, Some(2)) => ColorTransform::YCCK,
        ([_, _, _, _], ..) => ColorTransform::CMYK,
        (_, false, Some(0)) | ([b'R', b'G', b'B'], false, None) => ColorTransform::RGB,
        _ => ColorTransform::YCbCr,
    }
}

fn refusal(error: &Error) -> Rejection {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Reason::Truncated.because("the JPEG ends before its picture does")
        }
        Error::Unsupported(feature) => Reason::UnsupportedFormat.because(format!("JPEG: {feature:?}")),
        error => Reason::Corrupt.because(format!("JPEG: {error}")),
    }
}

/// Reads a JPEG made of some parts of a file: no metadata, no rubbish between segments, and always an end marker.
struct Parts<'a> {
    current: &'a [u8],
    rest: Vec<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn new(bytes: &'a [u8], parts: &[Part]) -> Self {
        let mut rest = vec![&b"\xff\xd9"[..]];
        rest.extend(parts.iter().rev().map(|part| &bytes[part.range.clone()]));
        Self { current: b"\xff\xd8", rest }
    }
}

impl Read for Parts<'_> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.rest.pop() {
                Some(next) => self.current = next,
                None => return Ok(0),
            }
        }
        self.current.read(buffer)
    }
}
