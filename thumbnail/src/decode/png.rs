//! PNG. Of an APNG the default picture.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};

use super::{Decoded, nearly_whole};
use crate::{
    Limits, Reason, Rejection,
    header::Header,
    picture::{Model, Picture},
};

type File<'a> = png::Reader<Cursor<&'a [u8]>>;

pub(super) fn decode(bytes: &[u8], header: &Header, limits: &Limits) -> Result<Decoded, Rejection> {
    let refuse = |error: DecodingError| refusal(&error);
    let allowance =
        usize::try_from(limits.max_metadata).unwrap_or(usize::MAX).saturating_add(16 * header.width as usize);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: allowance });
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(refuse)?;
    let (colour, depth) = reader.output_color_type();
    let model = match colour {
        ColorType::Grayscale => Model::Gray,
        ColorType::GrayscaleAlpha => Model::GrayAlpha,
        ColorType::Rgb | ColorType::Indexed => Model::Rgb,
        ColorType::Rgba => Model::Rgba,
    };
    let (width, height) = header.size();
    let size = width as usize * height as usize * model.channels();
    let data = if reader.info().interlaced {
        interlaced(&mut reader, depth)?
    } else {
        rows(&mut reader, depth, height as usize, size)?
    };
    if data.len() != size {
        return Err(Reason::Corrupt.because("the PNG's rows do not make up its picture"));
    }
    let icc = reader.info().icc_profile.as_ref().map(|profile| profile.to_vec());
    Ok(Decoded { picture: Picture { width, height, model, data }, icc })
}

/// All rows from the top. Where only the last few are missing or damaged, they are like the one above them.
fn rows(reader: &mut File, depth: BitDepth, height: usize, size: usize) -> Result<Vec<u8>, Rejection> {
    let mut data = Vec::with_capacity(size);
    let mut done = 0;
    loop {
        match reader.next_row() {
            Ok(Some(row)) if depth == BitDepth::Sixteen => data.extend(row.data().chunks_exact(2).map(to_eight_bits)),
            Ok(Some(row)) => data.extend_from_slice(row.data()),
            Ok(None) => break,
            Err(error) if !nearly_whole(done, height as u64) => return Err(refusal(&error)),
            Err(_) => {
                let last = data.len() - size / height;
                while data.len() < size {
                    data.extend_from_within(last..last + size / height);
                }
                break;
            }
        }
        done += 1;
    }
    Ok(data)
}

/// Rows of seven pictures, one within the other, of which the last holds every second row: what is there is nearly whole
/// only if all of it is.
fn interlaced(reader: &mut File, depth: BitDepth) -> Result<Vec<u8>, Rejection> {
    let length = reader.output_buffer_size().ok_or_else(|| Reason::Corrupt.because("the PNG is too large"))?;
    let mut data = vec![0; length];
    reader.next_frame(&mut data).map_err(|error| refusal(&error))?;
    if depth == BitDepth::Sixteen {
        // In place: a second copy would cost as much as the picture.
        for i in 0..data.len() / 2 {
            data[i] = to_eight_bits(&data[2 * i..2 * i + 2]);
        }
        data.truncate(length / 2);
    }
    Ok(data)
}

/// A big-endian sample of sixteen bits, rounded to eight.
fn to_eight_bits(sample: &[u8]) -> u8 {
    let value = u32::from(u16::from_be_bytes([sample[0], sample[1]]));
    u8::try_from((value * 255 + 32_767) / 65_535).unwrap_or(255)
}

fn refusal(error: &DecodingError) -> Rejection {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Reason::Truncated.because("the PNG ends before its picture does")
        }
        DecodingError::LimitsExceeded => Reason::MetadataTooLarge.because("the PNG's metadata exceed the limit"),
        error => Reason::Corrupt.because(format!("PNG: {error}")),
    }
}
