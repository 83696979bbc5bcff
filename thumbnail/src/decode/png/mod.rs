//! PNG. An APNG is decoded to its default picture.

mod chunks;

use std::io::{BufRead, Seek};

use png::{BitDepth, ColorType, Decoder, DecodingError, Reader, Transformations};

use self::chunks::Essential;
use super::{Decoded, nearly_whole, to_eight_bits};
use crate::{
    Limits, Reason, Rejection,
    box_filter::BoxFilter,
    header::Header,
    picture::{Model, Picture},
};

/// Decodes a picture. Unless it is interlaced, squares of `by` by `by` pixels are averaged.
pub(super) fn decode(file: impl BufRead, header: &Header, by: u32, limits: &Limits) -> Result<Decoded, Rejection> {
    let allowance =
        usize::try_from(limits.max_metadata).unwrap_or(usize::MAX).saturating_add(16 * header.width as usize);
    let mut decoder = Decoder::new_with_limits(Essential::new(file), png::Limits { bytes: allowance });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|error| rejection(&error))?;
    let (colour, depth) = reader.output_color_type();
    let model = match colour {
        ColorType::Grayscale => Model::Gray,
        ColorType::GrayscaleAlpha => Model::GrayAlpha,
        ColorType::Rgb | ColorType::Indexed => Model::Rgb,
        ColorType::Rgba => Model::Rgba,
    };
    let (picture, whole) = if reader.info().interlaced {
        (interlaced(&mut reader, header, model, depth)?, true)
    } else {
        rows(&mut reader, header, model, depth, by)?
    };
    let icc = reader.info().icc_profile.as_ref().map(|profile| profile.to_vec());
    Ok(Decoded { picture, icc, whole })
}

/// Decodes the rows from the top and reduces them as they arrive. Returns whether all rows were found.
///
/// If only the last few rows are missing or damaged, they repeat the row above them.
fn rows(
    reader: &mut Reader<impl BufRead + Seek>,
    header: &Header,
    model: Model,
    depth: BitDepth,
    by: u32,
) -> Result<(Picture, bool), Rejection> {
    let mut filter = BoxFilter::new(header.size(), model, by);
    let expected = header.width as usize * model.channels();
    let mut line = Vec::with_capacity(expected);
    let mut ended = false;
    for done in 0..header.height {
        if ended {
            filter.row(&line);
            continue;
        }
        match reader.next_row() {
            Ok(Some(row)) => {
                line.clear();
                if depth == BitDepth::Sixteen {
                    line.extend(row.data().chunks_exact(2).map(big_endian));
                } else {
                    line.extend_from_slice(row.data());
                }
                if line.len() != expected {
                    return Err(rows_do_not_fit());
                }
            }
            Ok(None) => return Err(rows_do_not_fit()),
            Err(error) if !nearly_whole(u64::from(done), u64::from(header.height)) => return Err(rejection(&error)),
            Err(_) => ended = true,
        }
        filter.row(&line);
    }
    let picture = filter.finish().ok_or_else(rows_do_not_fit)?;
    Ok((picture, !ended))
}

/// Decodes an interlaced picture. Its last pass contains every second row, so nearly all data are needed for nine tenths of the rows.
/// Therefore any damage rejects the picture.
fn interlaced(
    reader: &mut Reader<impl BufRead + Seek>,
    header: &Header,
    model: Model,
    depth: BitDepth,
) -> Result<Picture, Rejection> {
    let length = reader.output_buffer_size().ok_or_else(|| Reason::Corrupt.because("the PNG is too large"))?;
    let mut data = vec![0; length];
    reader.next_frame(&mut data).map_err(|error| rejection(&error))?;
    if depth == BitDepth::Sixteen {
        // In place, to save a copy of the picture.
        for i in 0..data.len() / 2 {
            data[i] = big_endian(&data[2 * i..2 * i + 2]);
        }
        data.truncate(length / 2);
    }
    if data.len() != header.width as usize * header.height as usize * model.channels() {
        return Err(rows_do_not_fit());
    }
    Ok(Picture { width: header.width, height: header.height, model, data })
}

fn rows_do_not_fit() -> Rejection {
    Reason::Corrupt.because("the PNG's rows do not make up its picture")
}

/// Rounds a big-endian sample of sixteen bits to eight.
fn big_endian(sample: &[u8]) -> u8 {
    to_eight_bits(u16::from_be_bytes([sample[0], sample[1]]))
}

fn rejection(error: &DecodingError) -> Rejection {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Reason::Truncated.because("the PNG ends before its picture does")
        }
        DecodingError::LimitsExceeded => Reason::MetadataTooLarge.because("the PNG's metadata exceed the limit"),
        error => Reason::Corrupt.because(format!("PNG: {error}")),
    }
}
