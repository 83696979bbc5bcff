//! HEIC, by a decoder in Rust without unsafe code. The feature is off by default, because patents on HEVC may require a licence.

use super::Decoded;
use crate::{
    Rejection,
    header::{Header, heif},
    picture::{Model, Picture},
};

pub(super) fn decode(bytes: &[u8], header: &Header, alpha: bool) -> Result<Decoded, Rejection> {
    let reject = |error| heif::heic_rejection(&error);
    let image = heic_decoder::decode(bytes).map_err(reject)?;
    let (model, data) = if alpha {
        (Model::Rgba, image.to_rgba8().map_err(reject)?.data)
    } else {
        (Model::Rgb, image.to_rgb8().map_err(reject)?.data)
    };
    let picture = Picture { width: header.width, height: header.height, model, data };
    Ok(Decoded { icc: image.metadata.icc_profile, ..picture.into() })
}
