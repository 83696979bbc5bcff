//! The header of a QOI.

use super::{Coding, Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader};

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let reader = Reader::big(bytes);
    let ends = || ends_in_header(Format::Qoi);
    let (width, height) = (reader.u32(4).ok_or_else(ends)?, reader.u32(8).ok_or_else(ends)?);
    // The colour space follows, which is ignored: Pillow declares all of its files as linear.
    let coding = match (reader.u8(12), reader.u8(13)) {
        (Some(channels @ 3..=4), Some(_)) => Coding::Qoi { alpha: channels == 4 },
        (Some(channels), Some(_)) => return Err(Reason::Corrupt.because(format!("the QOI has {channels} channels"))),
        _ => return Err(ends()),
    };
    Ok(Header::plain(Format::Qoi, (width, height), coding))
}
