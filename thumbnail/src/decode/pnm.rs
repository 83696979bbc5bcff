//! PNM, by the crate `image`. It misreads comments in headers and assumes eight bits for untyped PAMs, so it gets a header of ours.

use std::io::Read;

use image::{ImageDecoder, ImageError, codecs::pnm::PnmDecoder};

use super::{check_rows, to_eight_bits};
use crate::{
    Reason, Rejection,
    box_filter::BoxFilter,
    header::{Header, pnm::PnmCoding},
    picture::{Model, Picture},
};

/// Decodes a picture in bands of rows, and averages squares of `by` by `by` pixels. Missing rows at the end repeat the last row.
pub(super) fn decode(bytes: &[u8], header: &Header, coding: &PnmCoding, by: u32) -> Result<Picture, Rejection> {
    let mut raster = bytes.get(coding.raster..).unwrap_or_default();
    let height = header.height as usize;
    let found = rows(raster, header.width as usize, coding).min(height);
    check_rows(found, height, "PNM")?;
    let mut filter = BoxFilter::new(header.size(), coding.model, by);
    let samples = header.width as usize * coding.model.channels();
    let band = ((1 << 18) / samples).max(1);
    let mut data = vec![0; samples * band.min(found) * if coding.is_wide() { 2 } else { 1 }];
    let mut last = 0..0;
    for start in (0..found).step_by(band) {
        let count = band.min(found - start);
        let begin = begin(coding, header.width, count);
        let decoder = PnmDecoder::new(begin.as_bytes().chain(&mut raster)).map_err(|error| rejection(&error))?;
        let size = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
        let pixels = data.get_mut(..size).ok_or_else(rows_do_not_fit)?;
        decoder.read_image(pixels).map_err(|error| rejection(&error))?;
        if coding.is_wide() {
            for i in 0..size / 2 {
                pixels[i] = to_eight_bits(u16::from_ne_bytes([pixels[2 * i], pixels[2 * i + 1]]));
            }
        }
        pixels.chunks_exact(samples).take(count).for_each(|row| filter.row(row));
        last = samples * (count - 1)..samples * count;
    }
    (found..height).for_each(|_| filter.row(&data[last.clone()]));
    filter.finish().ok_or_else(rows_do_not_fit)
}

/// Counts the whole rows of `width` pixels in a raster.
fn rows(raster: &[u8], width: usize, coding: &PnmCoding) -> usize {
    if let Some(row) = coding.row(width) {
        return raster.len() / row.max(1);
    }
    let numbers = if coding.kind == b'1' {
        // The digits of a text PBM may follow each other without white space.
        raster.iter().filter(|byte| byte.is_ascii_digit()).count()
    } else {
        raster.split(u8::is_ascii_whitespace).filter(|number| !number.is_empty()).count()
    };
    numbers / (width * coding.model.channels()).max(1)
}

/// Builds a header for `rows` rows.
fn begin(coding: &PnmCoding, width: u32, rows: usize) -> String {
    let kind = match coding.model {
        Model::GrayAlpha => "GRAYSCALE_ALPHA",
        Model::Rgba => "RGB_ALPHA",
        Model::Rgb => "RGB",
        Model::Gray | Model::Cmyk => "GRAYSCALE",
    };
    let (digit, white, depth) = (char::from(coding.kind), coding.white, coding.model.channels());
    match coding.kind {
        b'1' | b'4' => format!("P{digit} {width} {rows} "),
        b'7' => {
            format!("P7\nWIDTH {width}\nHEIGHT {rows}\nDEPTH {depth}\nMAXVAL {white}\nTUPLTYPE {kind}\nENDHDR\n")
        }
        _ => format!("P{digit} {width} {rows} {white} "),
    }
}

fn rows_do_not_fit() -> Rejection {
    Reason::Corrupt.because("the PNM's rows do not make up its picture")
}

fn rejection(error: &ImageError) -> Rejection {
    Reason::Corrupt.because(format!("PNM: {error}"))
}
