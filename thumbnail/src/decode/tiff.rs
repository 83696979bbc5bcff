//! TIFF: the first picture, strip by strip, so that no second copy of it is ever held in wider samples.

use std::{
    borrow::Cow,
    io::{self, Cursor, Read, Seek, SeekFrom},
};

use tiff::{
    ColorType, TiffError,
    decoder::{Decoder, DecodingResult, Limits},
};

use super::nearly_whole;
use crate::{
    Reason, Rejection,
    header::{Header, tiff::Coding},
    picture::{Model, Picture},
};

const PALETTE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;

pub(super) fn decode(bytes: &[u8], header: &Header, coding: &Coding) -> Result<Picture, Rejection> {
    let refuse = |error: TiffError| refusal(&error);
    let mut decoder = Decoder::new(Patched::new(bytes, coding)).map_err(refuse)?.with_limits(limits(coding));
    if decoder.dimensions().map_err(refuse)? != header.size() {
        return Err(Reason::Corrupt.because("the TIFF names two sizes"));
    }
    let colours = Colours::new(coding, decoder.colortype().map_err(refuse)?)?;
    let (width, height) = (header.width as usize, header.height as usize);
    let channels = colours.model.channels();
    // What no strip gives is white, and transparent where there is alpha.
    let mut data = vec![if colours.model.has_alpha() { 0 } else { 255 }; width * height * channels];

    let (chunk_width, chunk_height) = decoder.chunk_dimensions();
    if chunk_width == 0 || chunk_height == 0 {
        return Err(Reason::Corrupt.because("the TIFF's strips or tiles have no size"));
    }
    let across = header.width.div_ceil(chunk_width);
    let per_plane = across * header.height.div_ceil(chunk_height);
    let planes = if coding.planar { u32::try_from(colours.samples).unwrap_or(1) } else { 1 };
    let (mut found, mut failure) = (0_u64, None);
    for index in 0..per_plane * planes {
        let (plane, nth) = ((index / per_plane) as usize, index % per_plane);
        let size = decoder.chunk_data_dimensions(index);
        let samples = match decoder.read_chunk(index) {
            Ok(samples) => samples,
            Err(error) => {
                failure = failure.or(Some(error));
                continue;
            }
        };
        found += 1;
        let area = Area {
            left: (nth % across * chunk_width) as usize,
            top: (nth / across * chunk_height) as usize,
            width: size.0 as usize,
        };
        colours.place(&samples, &area, (width, height), coding.planar.then_some(plane), &mut data);
    }
    if !nearly_whole(found, u64::from(per_plane * planes)) {
        return Err(failure.as_ref().map_or_else(|| Reason::Corrupt.because("the TIFF has no strips"), refusal));
    }
    if coding.extra == Some(1) && colours.model.has_alpha() {
        divide_by_alpha(&mut data, channels);
    }
    Ok(Picture { width: header.width, height: header.height, model: colours.model, data })
}

/// The decoder allocates one strip or tile at a time, whose size admission has counted.
fn limits(coding: &Coding) -> Limits {
    let chunk = usize::try_from(coding.chunk).unwrap_or(usize::MAX).saturating_mul(2).saturating_add(1 << 20);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = chunk;
    limits.intermediate_buffer_size = chunk;
    limits
}

/// Part of a picture.
struct Area {
    left: usize,
    top: usize,
    width: usize,
}

/// How samples become channels.
struct Colours<'a> {
    coding: &'a Coding,
    model: Model,
    /// Samples of a pixel as the decoder gives them.
    samples: usize,
    luminance: bool,
}

impl<'a> Colours<'a> {
    fn new(coding: &'a Coding, colour: ColorType) -> Result<Self, Rejection> {
        let has_alpha = matches!(coding.extra, Some(1 | 2));
        let (model, samples) = match colour {
            _ if coding.photometric == PALETTE => (Model::Rgb, coding.samples as usize),
            ColorType::Gray(_) => (Model::Gray, 1),
            ColorType::GrayA(_) => (Model::GrayAlpha, 2),
            ColorType::Multiband { num_samples, .. } if num_samples >= 2 && has_alpha => {
                (Model::GrayAlpha, usize::from(num_samples))
            }
            ColorType::Multiband { num_samples, .. } => (Model::Gray, usize::from(num_samples)),
            ColorType::RGB(_) | ColorType::YCbCr(8) => (Model::Rgb, 3),
            ColorType::RGBA(_) => (if has_alpha || coding.extra.is_none() { Model::Rgba } else { Model::Rgb }, 4),
            ColorType::CMYK(_) => (Model::Cmyk, 4),
            ColorType::CMYKA(_) => (Model::Cmyk, 5),
            other => return Err(Reason::UnsupportedFormat.because(format!("a TIFF with colours {other:?}"))),
        };
        let luminance = matches!(colour, ColorType::YCbCr(_));
        Ok(Self { coding, model, samples, luminance })
    }

    /// Writes the samples of one strip or tile into the picture; of one channel only, where planes are apart.
    fn place(
        &self,
        samples: &DecodingResult,
        area: &Area,
        picture: (usize, usize),
        plane: Option<usize>,
        data: &mut [u8],
    ) {
        let channels = self.model.channels();
        let per_pixel = if plane.is_some() { 1 } else { self.samples };
        let samples = self.eight_bits(samples, area.width * per_pixel);
        let width = area.width.min(picture.0 - area.left);
        for (row, samples) in samples.chunks_exact((area.width * per_pixel).max(1)).enumerate() {
            if area.top + row >= picture.1 {
                return;
            }
            let at = ((area.top + row) * picture.0 + area.left) * channels;
            let pixels = data[at..at + width * channels].chunks_exact_mut(channels);
            for (pixel, samples) in pixels.zip(samples.chunks_exact(per_pixel)) {
                match plane {
                    Some(plane) if plane < channels => pixel[plane] = samples[0],
                    Some(_) => {}
                    None if self.coding.photometric == PALETTE => {
                        let colour = self.coding.palette.get(usize::from(samples[0]));
                        pixel.copy_from_slice(colour.unwrap_or(&[0; 3]));
                    }
                    None if self.luminance => pixel.copy_from_slice(&rgb([samples[0], samples[1], samples[2]])),
                    None => pixel.copy_from_slice(&samples[..channels]),
                }
            }
        }
    }

    /// Samples of any type as eight bits; palette indices as they are. `row` is the number of samples in a row.
    fn eight_bits<'s>(&self, samples: &'s DecodingResult, row: usize) -> Cow<'s, [u8]> {
        let values: Vec<u8> = match samples {
            DecodingResult::U8(values) if self.coding.bits >= 8 => return Cow::Borrowed(values),
            DecodingResult::U8(packed) => self.unpack(packed, row),
            DecodingResult::U16(values) if self.coding.photometric == PALETTE => {
                values.iter().map(|&index| u8::try_from(index).unwrap_or(0)).collect()
            }
            DecodingResult::U16(values) => values.iter().map(|&value| rounded(u64::from(value), 65_535)).collect(),
            DecodingResult::U32(values) => {
                values.iter().map(|&value| rounded(u64::from(value), u64::from(u32::MAX))).collect()
            }
            DecodingResult::U64(values) => values.iter().map(|&value| (value >> 56) as u8).collect(),
            DecodingResult::I8(values) => values.iter().map(|&value| value.cast_unsigned() ^ 0x80).collect(),
            DecodingResult::I16(values) => {
                values.iter().map(|&value| (value.cast_unsigned() >> 8) as u8 ^ 0x80).collect()
            }
            DecodingResult::I32(values) => {
                values.iter().map(|&value| (value.cast_unsigned() >> 24) as u8 ^ 0x80).collect()
            }
            DecodingResult::I64(values) => {
                values.iter().map(|&value| (value.cast_unsigned() >> 56) as u8 ^ 0x80).collect()
            }
            DecodingResult::F16(values) => values.iter().map(|value| self.light(value.to_f32())).collect(),
            DecodingResult::F32(values) => values.iter().map(|&value| self.light(value)).collect(),
            #[allow(clippy::cast_possible_truncation)] // eight bits remain anyway
            DecodingResult::F64(values) => values.iter().map(|&value| self.light(value as f32)).collect(),
        };
        Cow::Owned(values)
    }

    /// Samples of less than eight bits, of which each row begins with a new byte.
    fn unpack(&self, packed: &[u8], row: usize) -> Vec<u8> {
        let bits = self.coding.bits.clamp(1, 8) as usize;
        let max = (1_u16 << bits) - 1;
        let mut values = Vec::new();
        for packed in packed.chunks_exact((row * bits).div_ceil(8).max(1)) {
            values.extend((0..row).map(|i| {
                let at = i * bits;
                let pair = u16::from_be_bytes([packed[at / 8], packed.get(at / 8 + 1).copied().unwrap_or(0)]);
                let value = pair >> (16 - bits - at % 8) & max;
                if self.coding.photometric == PALETTE {
                    u8::try_from(value).unwrap_or(0)
                } else {
                    rounded(u64::from(value), u64::from(max))
                }
            }));
        }
        values
    }

    /// A floating-point sample, which by custom is linear light where there are colours.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
    fn light(&self, value: f32) -> u8 {
        let value = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        let curved = match self.model {
            Model::Rgb | Model::Rgba if value <= 0.003_130_8 => value * 12.92,
            Model::Rgb | Model::Rgba => 1.055 * value.powf(1.0 / 2.4) - 0.055,
            _ => value,
        };
        (curved * 255.0 + 0.5) as u8
    }
}

fn rounded(value: u64, max: u64) -> u8 {
    u8::try_from((value * 255 + max / 2) / max).unwrap_or(255)
}

/// JPEG's colours: luminance and two differences.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
fn rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|v| (v + 0.5).clamp(0.0, 255.0) as u8)
}

fn divide_by_alpha(data: &mut [u8], channels: usize) {
    for pixel in data.chunks_exact_mut(channels) {
        let Some((&mut alpha, colours)) = pixel.split_last_mut() else { return };
        if alpha > 0 {
            for colour in colours {
                let divided = (u16::from(*colour) * 255 + u16::from(alpha) / 2) / u16::from(alpha);
                *colour = u8::try_from(divided).unwrap_or(255);
            }
        }
    }
}

fn refusal(error: &TiffError) -> Rejection {
    match error {
        TiffError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Reason::Truncated.because("the TIFF ends before its picture does")
        }
        TiffError::UnsupportedError(feature) => Reason::UnsupportedFormat.because(format!("TIFF: {feature}")),
        TiffError::LimitsExceeded => Reason::Corrupt.because("a strip or tile of the TIFF is larger than its pixels"),
        error => Reason::Corrupt.because(format!("TIFF: {error}")),
    }
}

/// The file, with a palette picture declared to be a grey one: the decoder knows no palettes, but gives the indices then.
struct Patched<'a> {
    file: Cursor<&'a [u8]>,
    /// Where the interpretation is kept, and the two bytes that stand there instead.
    patch: Option<(u64, [u8; 2])>,
}

impl<'a> Patched<'a> {
    fn new(bytes: &'a [u8], coding: &Coding) -> Self {
        let grey = if bytes.starts_with(b"II") { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
        let patch = (coding.photometric == PALETTE).then_some((coding.photometric_at as u64, grey));
        Self { file: Cursor::new(bytes), patch }
    }
}

impl Read for Patched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = self.file.position();
        let length = self.file.read(buffer)?;
        if let Some((at, bytes)) = self.patch {
            for (place, byte) in (at..).zip(bytes) {
                if let Some(inside) = place.checked_sub(start).filter(|&inside| inside < length as u64) {
                    buffer[usize::try_from(inside).unwrap_or(0)] = byte;
                }
            }
        }
        Ok(length)
    }
}

impl Seek for Patched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
