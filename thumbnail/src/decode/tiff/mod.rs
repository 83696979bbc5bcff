//! TIFF: decodes the first picture, strip by strip.
//!
//! The crate `tiff` drops extra samples before it reverts the predictor, and supports neither reversed bits nor fax group 3 nor
//! subsampled chroma. So this module uses the same crates for decompression as `tiff` does, and arranges the samples itself.

mod pixels;
mod samples;
mod unpack;

use self::pixels::Pixels;
use super::nearly_whole;
use crate::{
    Reason, Rejection,
    header::{
        Header,
        tiff::{Compression, Photometric, Predictor, TiffCoding},
    },
    picture::Picture,
};

/// Estimates the peak heap of [`decode`] in bytes for a file of `length` bytes, including the picture.
pub(crate) fn memory(coding: &TiffCoding, pixels: u128, length: u64) -> u128 {
    let planes = if coding.planar { coding.samples as u128 } else { 1 };
    let chunk = u128::from(coding.row()).saturating_mul(u128::from(coding.chunk.1)).saturating_mul(planes);
    let length = u128::from(length);
    let unpacked = match coding.compression {
        // The strip is borrowed from the file.
        Compression::None if coding.predictor == Predictor::None => 0,
        // A copy of the strip with its tables, and coefficients of two bytes.
        Compression::Jpeg => length.saturating_add(3 * chunk),
        _ => chunk,
    };
    let reversed = if coding.reversed { length } else { 0 };
    let all_chroma = if coding.subsampling == (1, 1) { 0 } else { chunk };
    // A row of samples.
    let samples = u128::from(coding.chunk.0) * 4 * coding.samples as u128;
    pixels * pixels::bytes_of_pixel(coding) + unpacked + reversed + all_chroma + samples
}

pub(super) fn decode(bytes: &[u8], header: &Header, coding: &TiffCoding) -> Result<Picture, Rejection> {
    if coding.chunk.0 == 0 || coding.chunk.1 == 0 {
        return Err(Reason::Corrupt.because("the TIFF's strips or tiles have no size (tags 278, 322, 323)"));
    }
    let mut pixels = Pixels::new(coding, header.size(), 1.0);
    strips(bytes, header, coding, &mut pixels)?;
    let grey = matches!(coding.photometric, Photometric::WhiteIsZero | Photometric::BlackIsZero);
    if pixels.are_beyond_white() && grey {
        // Some floating-point greys have white at 255. libvips assumes this for all of them.
        pixels = Pixels::new(coding, header.size(), 255.0);
        strips(bytes, header, coding, &mut pixels)?;
    }
    if pixels.are_beyond_white() {
        return Err(
            Reason::UnsupportedFormat.because("TIFF: floating-point samples (tag 339) that are mostly beyond white")
        );
    }
    Ok(pixels.finish(header.icc.as_deref()))
}

fn strips(bytes: &[u8], header: &Header, coding: &TiffCoding, pixels: &mut Pixels) -> Result<(), Rejection> {
    let (columns, rows) = coding.chunk;
    let across = header.width.div_ceil(columns);
    let count = across * header.height.div_ceil(rows);
    let planes = if coding.planar { coding.samples } else { 1 };
    let tables = bytes.get(coding.jpeg_tables.clone()).unwrap_or_default();
    let (mut found, mut expected, mut failure) = (0_u64, 0_u64, None);
    for index in 0..count {
        let (left, top) = (index % across * columns, index / across * rows);
        let inside = rows.min(header.height - top) as usize;
        expected += inside as u64;
        let unpacked = (0..planes).map(|plane| {
            let range = coding.chunks.get(index as usize + plane * count as usize).cloned().unwrap_or(0..0);
            let stored = bytes.get(range.start..range.end.min(bytes.len())).unwrap_or_default();
            let unpacked = unpack::unpack(coding, stored, tables, inside)?;
            if unpacked.is_empty() && range.end > bytes.len() {
                return Err(Reason::Truncated.because("the TIFF ends before its picture does"));
            }
            Ok(unpacked)
        });
        match unpacked.collect::<Result<_, Rejection>>() {
            Ok(unpacked) => {
                let mut row = top as usize;
                samples::rows(coding, unpacked, inside, |samples| {
                    pixels.row(samples, (left as usize, row));
                    row += 1;
                });
                found += row as u64 - u64::from(top);
            }
            Err(rejection) => failure = failure.or(Some(rejection)),
        }
    }
    if nearly_whole(found, expected) {
        return Ok(());
    }
    let cut = coding.chunks.iter().any(|range| range.end > bytes.len());
    let reason = if cut { Reason::Truncated } else { Reason::Corrupt };
    Err(failure.unwrap_or_else(|| {
        reason.because(format!("only {found} of {expected} rows of the TIFF's strips are there (tags 273, 324)"))
    }))
}
