//! The markers of a JPEG, read without decoding any coefficient.

use scaled_jpeg::{Decoder, Error};

use super::{Coding, Header, ends_in_header};
use crate::{Format, Reason, Rejection, exif};

/// The coding of a JPEG.
#[derive(Debug)]
pub(crate) struct JpegCoding {
    /// The header, without profile and Exif.
    pub(crate) header: scaled_jpeg::Header,
    pub(crate) scans: u32,
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'static>, Rejection> {
    let decoder = Decoder::from_slice(bytes).map_err(|error| rejection(&error))?;
    let mut header = decoder.header().clone();
    if header.height == 0 {
        return Err(Reason::Corrupt.because("the JPEG's height is given nowhere"));
    }
    // Counting scans means searching nearly the whole file, which is slow. A picture that must have one scan is not searched.
    let is_complete = !header.progressive && header.interleaved;
    let scans = if is_complete { 1 } else { decoder.outline().map_or(1, |outline| outline.scans) };
    // The first Exif block is the camera's. Some files have a second, wrong one.
    let orientation = header.exif.take().map(|block| exif::orientation(&block)).unwrap_or_default();
    let (size, icc) = ((header.width.into(), header.height.into()), header.icc.take().map(Into::into));
    let coding = Coding::Jpeg(JpegCoding { header, scans });
    Ok(Header { orientation, icc, ..Header::plain(Format::Jpeg, size, coding) })
}

/// Converts an error of the decoder.
pub(crate) fn rejection(error: &Error) -> Rejection {
    match error {
        Error::NoPicture => ends_in_header(Format::Jpeg),
        Error::TooManyScans => Reason::TooComplex.because(error.to_string()),
        Error::Unsupported(_) => Reason::UnsupportedFormat.because(error.to_string()),
        error => Reason::Corrupt.because(error.to_string()),
    }
}
