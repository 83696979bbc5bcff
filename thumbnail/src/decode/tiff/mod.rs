//! TIFF: the first picture, strip by strip.
//!
//! The crate `tiff` drops extra samples before it undoes the predictor, and knows neither reversed bits nor group 3 nor subsampled
//! chroma, so of what it is made of this takes what unpacks bytes, and sorts samples itself.

mod colours;
mod samples;
mod unpack;

use self::{colours::Gathered, samples::Samples};
use super::nearly_whole;
use crate::{
    Reason, Rejection,
    header::{
        Header,
        tiff::{Coding, Compression, Predictor},
    },
    picture::Picture,
};

/// Heap that [`decode`] needs at its peak for a picture in a file of `length` bytes, the picture included.
pub(crate) fn memory(coding: &Coding, pixels: u128, length: u64) -> u128 {
    let chunk = u128::from(coding.row()).saturating_mul(u128::from(coding.chunk.1));
    let length = u128::from(length);
    let unpacked = match coding.compression {
        // Without a copy.
        Compression::None if coding.predictor == Predictor::None => 0,
        // The file with the tables in it, and coefficients of two bytes.
        Compression::Jpeg => length.saturating_add(3 * chunk),
        _ => chunk,
    };
    let reversed = if coding.reversed { length } else { 0 };
    let all_chroma = if coding.subsampling == (1, 1) { 0 } else { chunk };
    // A row of samples.
    let samples = u128::from(coding.chunk.0) * 2 * coding.together() as u128;
    pixels * colours::bytes_of_pixel(coding) + unpacked + reversed + all_chroma + samples
}

pub(super) fn decode(bytes: &[u8], header: &Header, coding: &Coding) -> Result<Picture, Rejection> {
    let (columns, rows) = coding.chunk;
    if columns == 0 || rows == 0 {
        return Err(Reason::Corrupt.because("the TIFF's strips or tiles have no size (tags 278, 322, 323)"));
    }
    let across = header.width.div_ceil(columns);
    let per_plane = across * header.height.div_ceil(rows);
    let planes = if coding.planar { coding.samples } else { 1 };
    let samples = Samples::new(coding);
    // Nothing is allocated for a picture of which nothing is there.
    let mut gathered = None;
    let (mut found, mut expected, mut failure) = (0_u64, 0_u64, None);
    for index in 0..per_plane as usize * planes {
        let nth = u32::try_from(index % per_plane as usize).unwrap_or(0);
        let (left, top) = (nth % across * columns, nth / across * rows);
        let inside = rows.min(header.height - top) as usize;
        expected += inside as u64;
        let range = coding.chunks.get(index).cloned().unwrap_or(0..0);
        let stored = bytes.get(range.start..range.end.min(bytes.len())).unwrap_or_default();
        let tables = bytes.get(coding.jpeg_tables.clone()).unwrap_or_default();
        let plane = coding.planar.then_some(index / per_plane as usize);
        let unpacked = match unpack::unpack(coding, stored, tables, inside, plane) {
            Ok(unpacked) => unpacked,
            Err(rejection) => {
                failure = failure.or(Some(rejection));
                continue;
            }
        };
        let mut row_number = 0;
        samples.rows(unpacked, inside, plane, |row| {
            let gathered = gathered.get_or_insert_with(|| Gathered::new(coding, header.size()));
            gathered.row(row, (left as usize, top as usize + row_number), plane);
            row_number += 1;
        });
        found += row_number as u64;
        if range.end > bytes.len() {
            failure = failure.or_else(|| Some(Reason::Truncated.because("the TIFF ends before its picture does")));
        }
    }
    match gathered {
        Some(gathered) if nearly_whole(found, expected) => Ok(gathered.finish(header.icc.as_deref())),
        _ => Err(failure.unwrap_or_else(|| {
            Reason::Corrupt.because(format!("only {found} of {expected} rows of the TIFF's strips are there"))
        })),
    }
}
