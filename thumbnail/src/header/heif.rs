//! HEIF containers, in which HEIC and AVIF come: which of the two a file is, and its size where this build decodes it.

use super::Header;
use crate::{Format, Reason, Rejection, bytes::Reader};

/// The format by the brands in the file type box; none where they are of something else, such as a film.
pub(super) fn sniff(bytes: &[u8]) -> Option<Format> {
    let reader = Reader::big(bytes);
    if reader.slice(4, 4)? != b"ftyp" {
        return None;
    }
    let length = (reader.u32(0)? as usize).clamp(16, 256);
    let major = reader.slice(8, 4)?;
    let compatible = (16..length).step_by(4).map_while(|at| reader.slice(at, 4));
    // A general major brand says only that there is a picture; the others tell which coding it has.
    std::iter::once(major).chain(compatible).find_map(|brand| match brand {
        b"avif" | b"avis" => Some(Format::Avif),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some(Format::Heic),
        _ => None,
    })
}

#[cfg(feature = "heic")]
pub(super) fn read_heic(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let info = heic_decoder::probe(bytes).map_err(|error| heic_rejection(&error))?;
    let edge = |edge: usize| u32::try_from(edge).unwrap_or(u32::MAX);
    let coded = info.coded_width as u64 * info.coded_height as u64;
    Ok(Header {
        format: Format::Heic,
        width: edge(info.width),
        height: edge(info.height),
        // The container's own rotation and mirroring are part of decoding; Exif only repeats them.
        orientation: crate::orientation::Orientation::Upright,
        icc: None,
        coding: super::Coding::Heic { coded, alpha: info.alpha_bit_depth.is_some() },
    })
}

#[cfg(not(feature = "heic"))]
pub(super) fn read_heic(_bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    Err(Reason::UnsupportedFormat.because("this build decodes no HEIC; it needs the feature \"heic\"".to_owned()))
}

/// What an error of the HEIC decoder means.
#[cfg(feature = "heic")]
pub(crate) fn heic_rejection(error: &heic_decoder::HeifError) -> Rejection {
    use heic_decoder::HeifError;
    let reason = match error {
        HeifError::Unsupported(_) => Reason::UnsupportedFormat,
        HeifError::Truncated { .. } => Reason::Truncated,
        HeifError::LimitExceeded(_) => Reason::TooManyPixels,
        _ => Reason::Corrupt,
    };
    reason.because(format!("HEIC: {error}"))
}
