//! What a thumbnail's file holds besides its pixels.

use img_parts::{Bytes, DynImage, ImageEXIF as _, ImageICC as _};

use super::{Target, failed};
use crate::{
    Format, Rejection, colour,
    options::Keep,
    picture::{Model, Picture},
    rights::Rights,
};

/// What thumbnails keep of their source's metadata.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    /// The ICC profile that the pixels are in; none for sRGB.
    pub(crate) icc: Option<Vec<u8>>,
    /// An Exif block.
    pub(super) exif: Option<Vec<u8>>,
}

impl Metadata {
    /// Of a source, whose pictures of that model are in the colours of `icc`.
    pub(crate) fn of(source: &[u8], format: Format, keep: Keep, model: Model, icc: Option<&[u8]>) -> Self {
        let icc = icc.filter(|icc| keep.icc && model != Model::Cmyk && colour::is_usable(model, icc));
        let exif = if keep.copyright { Rights::of(source, format).to_exif() } else { None };
        Self { icc: icc.map(<[u8]>::to_vec), exif }
    }

    /// Adds the names to a file that moves, where its format has a place for them.
    pub(crate) fn add_names(&self, file: Vec<u8>, format: Format) -> Result<Vec<u8>, Rejection> {
        if format == Format::Webp { write(file, None, self.exif.as_deref()) } else { Ok(file) }
    }

    /// The profile, where a file for `target` can have it.
    pub(super) fn icc_for(&self, picture: &Picture, target: Target) -> Option<&[u8]> {
        let is_grey = matches!(picture.model, Model::Gray | Model::GrayAlpha);
        let can = match target.format {
            // What shows through is a colour of sRGB.
            Format::Jpeg => !picture.model.has_alpha(),
            // A palette has red, green and blue, which a profile for greys does not.
            Format::Png => !(target.paletted && is_grey),
            Format::Webp => !is_grey,
            _ => false,
        };
        self.icc.as_deref().filter(|_| can)
    }
}

/// A JPEG, PNG or WebP with a profile and an Exif block.
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
