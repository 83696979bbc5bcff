//! The metadata of a thumbnail's file.

use img_parts::{Bytes, DynImage, ImageEXIF as _, ImageICC as _};

use super::{Encoding, failed};
use crate::{
    Format, Rejection, colour,
    options::Keep,
    picture::{Model, Picture},
    rights::Rights,
};

/// The metadata that thumbnails keep from their source.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    /// The ICC profile of the pixels; `None` for sRGB.
    pub(crate) icc: Option<Vec<u8>>,
    /// The Exif block with the names.
    pub(super) exif: Option<Vec<u8>>,
}

impl Metadata {
    /// Reads the metadata to keep from a source. `model` and `icc` describe the colours of its picture.
    pub(crate) fn of(source: &[u8], format: Format, keep: Keep, model: Model, icc: Option<&[u8]>) -> Self {
        let icc = icc.filter(|icc| keep.icc && model != Model::Cmyk && colour::is_usable(model, icc));
        let exif = if keep.copyright { Rights::of(source, format).to_exif() } else { None };
        Self { icc: icc.map(<[u8]>::to_vec), exif }
    }

    /// Adds the names to an animated file, if its format can store them.
    pub(crate) fn add_names(&self, file: Vec<u8>, format: Format) -> Result<Vec<u8>, Rejection> {
        if format == Format::Webp { write(file, None, self.exif.as_deref()) } else { Ok(file) }
    }

    /// Returns the profile if a file for `encoding` can store it.
    pub(super) fn icc_for(&self, picture: &Picture, encoding: Encoding) -> Option<&[u8]> {
        let is_grey = matches!(picture.model, Model::Gray | Model::GrayAlpha);
        let can = match encoding.format {
            // The background behind transparent pixels is an sRGB colour.
            Format::Jpeg => !picture.model.has_alpha(),
            // A palette has red, green and blue, which a grey profile does not fit.
            Format::Png => !(encoding.paletted && is_grey),
            Format::Webp => !is_grey,
            _ => false,
        };
        self.icc.as_deref().filter(|_| can)
    }
}

/// Adds a profile and an Exif block to a JPEG, PNG or WebP.
pub(super) fn write(file: Vec<u8>, icc: Option<&[u8]>, exif: Option<&[u8]>) -> Result<Vec<u8>, Rejection> {
    if icc.is_none() && exif.is_none() {
        return Ok(file);
    }
    let parts = DynImage::from_bytes(file.into()).ok().flatten();
    let mut parts = parts.ok_or_else(|| failed("there is no place for metadata in the thumbnail"))?;
    parts.set_icc_profile(icc.map(Bytes::copy_from_slice));
    parts.set_exif(exif.map(Bytes::copy_from_slice));
    Ok(parts.encoder().bytes().to_vec())
}
