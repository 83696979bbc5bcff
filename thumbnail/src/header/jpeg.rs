//! JPEG markers: everything that can be known without decoding a coefficient.

use scaled_jpeg::Decoder;

use super::Header;
use crate::{Format, Reason, Rejection, decode::jpeg::rejection, exif, orientation::Orientation};

/// What a JPEG's markers say of its coding.
#[derive(Debug)]
pub(crate) struct JpegCoding {
    /// Without profile and Exif.
    pub(crate) header: scaled_jpeg::Header,
    pub(crate) scans: u32,
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'static>, Rejection> {
    let decoder = Decoder::from_slice(bytes).map_err(|error| rejection(&error))?;
    let mut header = decoder.header().clone();
    if header.height == 0 {
        return Err(Reason::Corrupt.because("the JPEG's height is given nowhere"));
    }
    // What follows the first scan's header is nearly all of the file, and takes as long to look through as some of its decoding.
    let is_complete = !header.progressive && header.interleaved;
    let scans = if is_complete { 1 } else { decoder.outline().scans };
    // Some files carry a second, wrong one; the first is the camera's.
    let orientation = header.exif.take().map_or(Orientation::Upright, |block| exif::orientation(&block));
    Ok(Header {
        format: Format::Jpeg,
        width: header.width.into(),
        height: header.height.into(),
        orientation,
        icc: header.icc.take().map(Into::into),
        coding: super::Coding::Jpeg(JpegCoding { header, scans }),
    })
}
