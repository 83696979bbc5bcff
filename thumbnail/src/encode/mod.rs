//! Encodes pixels to files. Each format has its own module. The pixels are upright and in their final colours; the only metadata are
//! those in [`Metadata`].

#[cfg(feature = "avif-output")]
mod avif;
mod gif;
mod jpeg;
mod metadata;
mod png;
mod webp;

use crate::{Format, Options, Reason, Rejection, colour, options::Output, picture::Picture};

pub(crate) use metadata::Metadata;

/// The format of a file, with the parameters of its encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) format: Format,
    pub(crate) quality: u8,
    /// Whether the source had a palette.
    pub(crate) paletted: bool,
}

impl Encoding {
    /// Resolves `output` for a source of `format`, with or without `alpha`.
    pub(crate) fn new(output: Output, format: Format, alpha: bool, paletted: bool, options: &Options) -> Self {
        let format = output.format.unwrap_or(match format {
            Format::Jpeg | Format::Png | Format::Gif | Format::Webp => format,
            Format::Avif if cfg!(feature = "avif-output") => format,
            _ if alpha => Format::Png,
            _ => Format::Jpeg,
        });
        let default = match format {
            Format::Webp => options.webp_quality,
            Format::Avif => options.avif_quality,
            _ => options.jpeg_quality,
        };
        Self { format, quality: output.quality.unwrap_or(default).clamp(1, 100), paletted }
    }
}

/// Encodes a picture, whose colours are in the profile of `metadata`. If the file cannot store the profile, they are converted to sRGB.
pub(crate) fn encode(
    picture: &Picture,
    encoding: Encoding,
    background: [u8; 3],
    metadata: &Metadata,
) -> Result<Vec<u8>, Rejection> {
    let icc = metadata.icc_for(picture, encoding);
    let picture = match &metadata.icc {
        Some(profile) if icc.is_none() => &colour::to_srgb(picture.clone(), Some(profile)),
        _ => picture,
    };
    let file = match encoding.format {
        Format::Jpeg => jpeg::encode(&picture.flattened(background), encoding.quality)?,
        Format::Png => png::encode(picture, encoding.paletted)?,
        Format::Gif => return gif::encode(picture),
        Format::Webp => webp::encode(picture, encoding.quality)?,
        #[cfg(feature = "avif-output")]
        Format::Avif => return avif::encode(picture, encoding.quality, metadata.exif.as_deref()),
        other => return Err(failed(format!("this build writes no {other}"))),
    };
    metadata::write(file, icc, metadata.exif.as_deref())
}

fn failed(detail: impl Into<String>) -> Rejection {
    Reason::EncodeFailed.because(detail)
}
