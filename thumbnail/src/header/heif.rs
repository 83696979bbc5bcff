//! HEIF containers, which contain either HEIC or AVIF; and the header of HEIC.

use super::Header;
use crate::{Format, Reason, Rejection, bytes::Reader};

/// Recognizes the format by the brands in the file type box; returns `None` for other contents, such as a video.
pub(super) fn sniff(bytes: &[u8]) -> Option<Format> {
    let reader = Reader::big(bytes);
    if reader.slice(4, 4)? != b"ftyp" {
        return None;
    }
    let length = (reader.u32(0)? as usize).clamp(16, 256);
    let major = reader.slice(8, 4)?;
    let compatible = (16..length).step_by(4).map_while(|at| reader.slice(at, 4));
    // A general major brand does not tell the coding, but one of the compatible brands does.
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
    let coding = super::Coding::Heic { coded, alpha: info.alpha_bit_depth.is_some() };
    // The decoder applies the container's rotation and mirroring, which Exif only repeats.
    Ok(Header::plain(Format::Heic, (edge(info.width), edge(info.height)), coding))
}

#[cfg(not(feature = "heic"))]
pub(super) fn read_heic(_bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    Err(Reason::UnsupportedFormat.because("this build decodes no HEIC; it needs the feature \"heic\""))
}

/// Converts an error of the HEIC decoder.
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
