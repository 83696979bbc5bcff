//! The image formats.

use std::fmt;

/// An image file format, recognized by a file's magic bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG (JFIF, Exif, Adobe).
    Jpeg,
    /// PNG, APNG included.
    Png,
    /// GIF.
    Gif,
    /// WebP, lossy or lossless.
    Webp,
    /// TIFF.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// Windows icon or cursor.
    Ico,
    /// Netpbm's PBM, PGM, PPM and PAM.
    Pnm,
    /// "Quite OK Image".
    Qoi,
    /// AV1 image.
    Avif,
    /// HEVC image, the format of many phones.
    Heic,
    /// Scalable vector graphics.
    Svg,
}

impl Format {
    /// The formats that thumbnails can have.
    pub const OF_THUMBNAILS: [Self; 5] = [Self::Jpeg, Self::Png, Self::Gif, Self::Webp, Self::Avif];

    /// The lower-case name, as spelt in keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names().0
    }

    /// The media type, for a `Content-Type` header.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Jpeg => ("jpeg", "image/jpeg"),
            Self::Png => ("png", "image/png"),
            Self::Gif => ("gif", "image/gif"),
            Self::Webp => ("webp", "image/webp"),
            Self::Tiff => ("tiff", "image/tiff"),
            Self::Bmp => ("bmp", "image/bmp"),
            Self::Ico => ("ico", "image/vnd.microsoft.icon"),
            Self::Pnm => ("pnm", "image/x-portable-anymap"),
            Self::Qoi => ("qoi", "image/qoi"),
            Self::Avif => ("avif", "image/avif"),
            Self::Heic => ("heic", "image/heic"),
            Self::Svg => ("svg", "image/svg+xml"),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
