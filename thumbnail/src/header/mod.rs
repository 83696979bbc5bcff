//! Reads the headers of files, without allocating anything for their pixels.

pub(crate) mod av1;
pub(crate) mod avif;
pub(crate) mod bmp;
pub(crate) mod gif;
pub(crate) mod heif;
mod ico;
pub(crate) mod jpeg;
pub(crate) mod png;
pub(crate) mod pnm;
mod qoi;
#[cfg(feature = "svg")]
pub(crate) mod svg;
pub(crate) mod tiff;
pub(crate) mod webp;

use std::{borrow::Cow, ops::Range};

use crate::{Format, Reason, Rejection, SourceInfo, bytes::Reader, orientation::Orientation};

/// The header of a file.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) format: Format,
    /// The stored width in pixels, at least 1.
    pub(crate) width: u32,
    /// The stored height in pixels, at least 1.
    pub(crate) height: u32,
    pub(crate) orientation: Orientation,
    /// The ICC profile, if it is stored uncompressed.
    pub(crate) icc: Option<Cow<'a, [u8]>>,
    pub(crate) coding: Coding,
}

/// What determines how a picture is decoded, and how much memory and time that takes.
#[derive(Debug)]
pub(crate) enum Coding {
    Jpeg(jpeg::JpegCoding),
    Png {
        /// Whether there is neither colour nor a palette.
        grey: bool,
        paletted: bool,
        /// The bits of a sample.
        depth: u8,
        interlaced: bool,
    },
    Gif(gif::GifCoding),
    Webp(webp::WebpCoding),
    Tiff(tiff::TiffCoding),
    Bmp(bmp::BmpCoding),
    Pnm(pnm::PnmCoding),
    Qoi {
        alpha: bool,
    },
    Avif(avif::AvifCoding),
    #[cfg(feature = "heic")]
    Heic {
        /// The number of pixels before cropping.
        coded: u64,
        alpha: bool,
    },
    #[cfg(feature = "svg")]
    Svg(Box<svg::Drawing>),
    /// A PNG in an icon.
    IcoPng {
        range: Range<usize>,
        inner: Box<Coding>,
    },
}

impl Header<'_> {
    /// Creates the header of an upright picture without a profile.
    fn plain(format: Format, (width, height): (u32, u32), coding: Coding) -> Self {
        Self { format, width, height, orientation: Orientation::default(), icc: None, coding }
    }

    /// The stored width and height.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The public part of the header, with the upright size.
    pub(crate) fn source(&self) -> SourceInfo {
        let (width, height) = self.orientation.swap(self.size());
        SourceInfo { width, height, format: self.format, frames: self.frames() }
    }

    /// The number of frames of a GIF or an animated WebP, including a frame that is cut off; 1 for all other formats.
    pub(crate) fn frames(&self) -> u32 {
        match &self.coding {
            Coding::Gif(coding) => coding.frames.max(1),
            Coding::Webp(coding) if coding.animated => coding.frames.max(1),
            _ => 1,
        }
    }
}

/// Recognizes the format by its magic bytes; returns `None` for an unknown format.
pub(crate) fn sniff(bytes: &[u8]) -> Option<Format> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if at(0, b"\xff\xd8\xff") {
        Some(Format::Jpeg)
    } else if at(0, b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
        Some(Format::Gif)
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Some(Format::Webp)
    } else if Reader::tiff(bytes).is_some() {
        Some(Format::Tiff)
    } else if at(0, b"BM") && Reader::little(bytes).u32(14).is_some_and(|length| (12..=124).contains(&length)) {
        Some(Format::Bmp)
    } else if (at(0, &[0, 0, 1, 0]) || at(0, &[0, 0, 2, 0])) && !at(4, &[0, 0]) {
        Some(Format::Ico)
    } else if pnm::is_pnm(bytes) {
        Some(Format::Pnm)
    } else if at(0, b"qoif") {
        Some(Format::Qoi)
    } else {
        heif::sniff(bytes).or_else(|| starts_as_svg(bytes).then_some(Format::Svg))
    }
}

/// Whether a file begins like an SVG.
fn starts_as_svg(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(4096)];
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let has = |text: &[u8]| memchr::memmem::find(start, text).is_some();
    let is = |text: &[u8]| start.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    start.first() == Some(&b'<') && (has(b"<svg") || has(b":svg")) && !is(b"<html") && !is(b"<!doctype html")
}

/// Reads the header of a file in any supported format.
pub(crate) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let header = match sniff(bytes) {
        Some(Format::Jpeg) => jpeg::read(bytes),
        Some(Format::Png) => png::read(bytes),
        Some(Format::Gif) => gif::read(bytes),
        Some(Format::Webp) => webp::read(bytes),
        Some(Format::Tiff) => tiff::read(bytes),
        Some(Format::Bmp) => bmp::read(bytes),
        Some(Format::Ico) => ico::read(bytes),
        Some(Format::Pnm) => pnm::read(bytes),
        Some(Format::Qoi) => qoi::read(bytes),
        Some(Format::Avif) => avif::read(bytes),
        Some(Format::Heic) => heif::read_heic(bytes),
        #[cfg(feature = "svg")]
        Some(Format::Svg) => svg::read(bytes),
        #[cfg(not(feature = "svg"))]
        Some(Format::Svg) => {
            Err(Reason::UnsupportedFormat.because("this build draws no SVG; it needs the feature \"svg\""))
        }
        None => Err(unknown(bytes)),
    }?;
    if header.width == 0 || header.height == 0 {
        return Err(Reason::Corrupt.because(format!("{} by {} pixels are no picture", header.width, header.height)));
    }
    Ok(header)
}

/// Rejects a file of unknown format.
fn unknown(bytes: &[u8]) -> Rejection {
    if bytes.is_empty() {
        return Reason::UnsupportedFormat.because("the file is empty");
    }
    let start = bytes[..bytes.len().min(12)].escape_ascii();
    Reason::UnsupportedFormat.because(format!("no image format begins with \"{start}\""))
}

/// Rejects a file that ends within its header.
pub(crate) fn ends_in_header(format: Format) -> Rejection {
    Reason::Truncated.because(format!("the {format} file ends within its header"))
}
