//! The first directory of a TIFF or `BigTIFF`.

mod directory;

use std::{borrow::Cow, ops::Range};

use self::directory::MOST_VALUES;
pub(crate) use self::directory::{Directory, ORIENTATION};
use super::{Coding, Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader};

/// The coding of the first picture of a TIFF. The decoder supports every combination that [`read`] accepts.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // tags with two values
pub(crate) struct TiffCoding {
    /// Whether numbers begin with their least significant byte.
    pub(crate) little: bool,
    pub(crate) compression: Compression,
    pub(crate) predictor: Predictor,
    /// Whether the bits of each byte begin with the least significant bit.
    pub(crate) reversed: bool,
    /// The bits of a sample.
    pub(crate) bits: u32,
    /// Whether samples are floating-point numbers; otherwise, they are unsigned integers.
    pub(crate) float: bool,
    /// The number of samples of a pixel.
    pub(crate) samples: usize,
    pub(crate) photometric: Photometric,
    /// The index of the alpha sample, and whether colours are multiplied by it.
    pub(crate) alpha: Option<(usize, bool)>,
    /// Whether each sample has its own plane.
    pub(crate) planar: bool,
    /// The columns and rows of pixels that share a sample of chroma.
    pub(crate) subsampling: (usize, usize),
    /// The red, green and blue of each palette entry.
    pub(crate) palette: Vec<[u8; 3]>,
    /// The weights of red, green and blue in luminance; and the black and white of each of the three samples.
    pub(crate) luma: ([f32; 3], [f32; 6]),
    /// The width and height of a strip or tile.
    pub(crate) chunk: (u32, u32),
    /// The range of each strip or tile in the file, plane by plane. It may extend past the end.
    pub(crate) chunks: Vec<Range<usize>>,
    /// The range of the tables that all JPEGs of the picture share.
    pub(crate) jpeg_tables: Range<usize>,
}

/// The compression of a strip or tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    /// Run lengths of fax, where each row begins with a new byte.
    FaxRows,
    /// Group 3 in one dimension.
    Fax3,
    /// Group 3 in two dimensions.
    Fax3Rows,
    Fax4,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Predictor {
    None,
    /// Samples are differences from those of the pixel on the left.
    Horizontal,
    /// The bytes of floating-point numbers are sorted by significance, and are differences.
    Float,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    Luma,
    /// CIE L*a*b* with signed chroma.
    Lab,
    /// CIE L*a*b* as ICC profiles code it.
    IccLab,
}

impl Photometric {
    /// The number of samples of a colour.
    pub(crate) fn samples(self) -> usize {
        match self {
            Self::WhiteIsZero | Self::BlackIsZero | Self::Palette => 1,
            Self::Rgb | Self::Luma | Self::Lab | Self::IccLab => 3,
            Self::Cmyk => 4,
        }
    }

    pub(crate) fn is_lab(self) -> bool {
        matches!(self, Self::Lab | Self::IccLab)
    }
}

impl TiffCoding {
    /// The number of samples of a pixel in a strip or tile.
    pub(crate) fn together(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// The bytes of a row of a strip or tile without subsampling.
    pub(crate) fn row(&self) -> u64 {
        (u64::from(self.chunk.0) * self.together() as u64).saturating_mul(u64::from(self.bits)).div_ceil(8)
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let ends = || ends_in_header(Format::Tiff);
    let directory = Directory::first(bytes).ok_or_else(ends)?;
    let needed = |tag: u16, what: &str| match directory.number(tag)? {
        None if directory.is_cut() => Err(ends()),
        value => value.ok_or_else(|| Reason::Corrupt.because(format!("the TIFF has no {what} (tag {tag})"))),
    };
    let (width, height) = (needed(256, "width")?, needed(257, "height")?);
    let photometric = photometric(needed(262, "photometric interpretation")?)?;
    let coding = coding(bytes, &directory, photometric, (width, height))?;
    check(&coding, &directory)?;
    let (orientation, icc) = (directory.orientation(), directory.bytes(34675).map(Cow::Borrowed));
    Ok(Header { orientation, icc, ..Header::plain(Format::Tiff, (width, height), Coding::Tiff(coding)) })
}

fn coding(
    bytes: &[u8],
    directory: &Directory,
    photometric: Photometric,
    (width, height): (u32, u32),
) -> Result<TiffCoding, Rejection> {
    let samples = directory.number_or(277, 1)? as usize;
    let tiled = directory.number(322)?.zip(directory.number(323)?);
    let rows = directory.number_or(278, height)?;
    let chunk = tiled.unwrap_or((width, if rows == 0 { height } else { rows.min(height) }));
    let planar = match directory.number_or(284, 1)? {
        1 => false,
        // A single sample is its own plane.
        2 => samples > 1,
        other => return Err(unsupported("planar configuration", 284, other)),
    };
    let compression = compression(directory)?;
    let edge = |edge: u32, chunk: u32| u64::from(edge.div_ceil(chunk.max(1)));
    let count = edge(width, chunk.0).saturating_mul(edge(height, chunk.1));
    let count = count.saturating_mul(if planar { samples as u64 } else { 1 });
    // Each strip costs time, even if it is missing.
    if count > MOST_VALUES as u64 {
        return Err(Reason::TooComplex.because(format!("the TIFF has {count} strips or tiles")));
    }
    let tables = directory.find(347).map_or(0..0, |entry| entry.value_at..entry.value_at.saturating_add(entry.count));
    Ok(TiffCoding {
        little: Reader::tiff(bytes).is_some_and(Reader::is_little),
        compression,
        predictor: predictor(directory, compression)?,
        reversed: match directory.number_or(266, 1)? {
            1 => false,
            2 => true,
            other => return Err(unsupported("fill order", 266, other)),
        },
        bits: same(directory, 258, 1, photometric)?,
        float: match same(directory, 339, 1, photometric)? {
            1 | 4 => false,
            // The chroma of Lab is signed, whether or not the tag says so.
            2 if photometric.is_lab() => false,
            3 => true,
            other => return Err(unsupported("sample format", 339, other)),
        },
        samples,
        photometric,
        alpha: alpha(directory, photometric, samples),
        planar,
        subsampling: subsampling(directory, photometric, compression),
        palette: directory.palette(),
        luma: luma(directory),
        chunk,
        chunks: chunks(directory, usize::try_from(count).unwrap_or(0), bytes.len()),
        jpeg_tables: tables,
    })
}

fn predictor(directory: &Directory, compression: Compression) -> Result<Predictor, Rejection> {
    match directory.number_or(317, 1)? {
        // Other compressions have no predictor, whatever the tag says.
        _ if !matches!(compression, Compression::Lzw | Compression::Deflate) => Ok(Predictor::None),
        1 => Ok(Predictor::None),
        2 => Ok(Predictor::Horizontal),
        3 => Ok(Predictor::Float),
        other => Err(unsupported("predictor", 317, other)),
    }
}

/// Finds the alpha sample, and whether colours are multiplied by it.
fn alpha(directory: &Directory, photometric: Photometric, samples: usize) -> Option<(usize, bool)> {
    let mut extra = directory.numbers(338);
    if extra.is_empty() && samples == photometric.samples() + 1 && photometric != Photometric::Palette {
        // Some writers forget to declare that the last sample is alpha.
        extra.push(2);
    }
    // Corel Draw declares alpha as 999.
    let is_alpha = |&(_, kind): &(usize, u32)| matches!(kind, 1 | 2 | 999);
    let alpha = (photometric.samples()..samples).zip(extra).find(is_alpha);
    alpha.map(|(sample, kind)| (sample, kind == 1))
}

/// Reads the columns and rows of pixels that share a sample of chroma.
fn subsampling(directory: &Directory, photometric: Photometric, compression: Compression) -> (usize, usize) {
    // JPEGs declare their own subsampling, and the JPEG decoder expands it.
    if photometric != Photometric::Luma || compression == Compression::Jpeg {
        return (1, 1);
    }
    match directory.numbers(530)[..] {
        // By default, two by two pixels share chroma.
        [] => (2, 2),
        [columns] => (columns as usize, 1),
        [columns, rows, ..] => (columns as usize, rows as usize),
    }
}

fn photometric(value: u32) -> Result<Photometric, Rejection> {
    Ok(match value {
        0 => Photometric::WhiteIsZero,
        1 => Photometric::BlackIsZero,
        2 => Photometric::Rgb,
        3 => Photometric::Palette,
        5 => Photometric::Cmyk,
        6 => Photometric::Luma,
        8 => Photometric::Lab,
        9 => Photometric::IccLab,
        other => return Err(unsupported("photometric interpretation", 262, other)),
    })
}

fn compression(directory: &Directory) -> Result<Compression, Rejection> {
    let options = directory.number_or(292, 0)?;
    Ok(match directory.number_or(259, 1)? {
        1 => Compression::None,
        2 => Compression::FaxRows,
        3 if options & 2 != 0 => return Err(unsupported("options of group 3", 292, options)),
        3 if options & 1 != 0 => Compression::Fax3Rows,
        3 => Compression::Fax3,
        4 => match directory.number_or(293, 0)? {
            0 => Compression::Fax4,
            options => return Err(unsupported("options of group 4", 293, options)),
        },
        5 => Compression::Lzw,
        7 => Compression::Jpeg,
        8 | 32946 => Compression::Deflate,
        32773 => Compression::PackBits,
        other => return Err(unsupported("compression", 259, other)),
    })
}

/// Reads the value of a tag, which must be the same for all samples.
fn same(directory: &Directory, tag: u16, default: u32, photometric: Photometric) -> Result<u32, Rejection> {
    let first = directory.number_or(tag, default)?;
    // The chroma of Lab is signed, whether or not the tag says so.
    let signs = tag == 339 && photometric.is_lab();
    match directory.numbers(tag).iter().find(|&&value| value != first) {
        Some(&other) if !signs => Err(unsupported("samples that differ: value", tag, other)),
        _ => Ok(first),
    }
}

/// Reads the weights of red, green and blue in luminance, and black and white. Invalid values are replaced by TIFF's defaults.
fn luma(directory: &Directory) -> ([f32; 3], [f32; 6]) {
    let shares = directory.fractions(529).filter(|shares: &[f32; 3]| shares[1] > 0.0);
    let levels = directory.fractions(532).filter(|levels: &[f32; 6]| levels.chunks(2).all(|pair| pair[1] > pair[0]));
    (shares.unwrap_or([0.299, 0.587, 0.114]), levels.unwrap_or([0.0, 255.0, 128.0, 255.0, 128.0, 255.0]))
}

/// Lists the ranges of the strips or tiles. Some writers use the tags of strips for tiles. Without a length, a range extends to the end
/// of the file.
fn chunks(directory: &Directory, count: usize, end: usize) -> Vec<Range<usize>> {
    let list =
        |tiles: u16, strips: u16| directory.numbers(if directory.find(tiles).is_some() { tiles } else { strips });
    let (offsets, lengths) = (list(324, 273), list(325, 279));
    let range = |(i, &offset): (usize, &u32)| {
        // Offset 0 means that the strip was never written.
        if offset == 0 {
            return 0..0;
        }
        let length = lengths.get(i).filter(|&&length| length > 0);
        offset as usize..length.map_or(end.max(offset as usize), |&length| offset as usize + length as usize)
    };
    offsets.iter().take(count).enumerate().map(range).collect()
}

/// Rejects combinations that the decoder does not support.
fn check(coding: &TiffCoding, directory: &Directory) -> Result<(), Rejection> {
    let TiffCoding { bits, float, samples, photometric, compression, predictor, planar, .. } = *coding;
    if samples < photometric.samples() {
        return Err(
            Reason::Corrupt.because(format!("the TIFF has {samples} samples a pixel (tag 277) for {photometric:?}"))
        );
    }
    if photometric == Photometric::Palette && coding.palette.is_empty() {
        return Err(Reason::Corrupt.because("the TIFF has no palette (tag 320)"));
    }
    let whole_bytes = matches!(bits, 8 | 16 | 32 | 64);
    let of_photometric = match photometric {
        Photometric::Palette => bits <= 16 && !float,
        Photometric::Luma => bits == 8,
        Photometric::Lab | Photometric::IccLab => matches!(bits, 8 | 16) && !float,
        _ => true,
    };
    let of_compression = match compression {
        Compression::Jpeg => bits == 8,
        Compression::Fax3 | Compression::Fax3Rows | Compression::Fax4 | Compression::FaxRows => {
            bits == 1 && coding.together() == 1
        }
        _ => true,
    };
    let of_numbers = if float { matches!(bits, 16 | 32 | 64) } else { matches!(bits, 1..=16) || whole_bytes };
    let multiplied = matches!(coding.alpha, Some((_, true)));
    let (h, v) = coding.subsampling;
    let subsampled = (h, v) != (1, 1);
    let no_inks = photometric == Photometric::Cmyk
        && (directory.number_or(332, 0)? > 1 || !matches!(directory.number_or(334, 0)?, 0 | 4));
    let predictor_fits = match predictor {
        Predictor::None => true,
        Predictor::Horizontal => whole_bytes,
        Predictor::Float => float,
    };
    let kind = format!("{photometric:?} (tag 262)");
    let rejected = [
        (
            !(of_photometric && of_compression && of_numbers),
            format!("{bits} bits a sample (tag 258), float: {float} (tag 339), {kind}, {compression:?} (tag 259)"),
        ),
        (!predictor_fits, format!("predictor {predictor:?} (tag 317) of {bits} bits a sample, float: {float}")),
        (no_inks, "inks other than cyan, magenta, yellow and black (tag 332)".into()),
        (!matches!((h, v), (1 | 2 | 4, 1 | 2 | 4)), format!("chroma shared by {h} by {v} pixels (tag 530)")),
        (
            subsampled && (samples != 3 || planar || predictor != Predictor::None),
            "shared chroma (tag 530) with planes, a predictor or a fourth sample".into(),
        ),
        (
            multiplied && (photometric.is_lab() || matches!(photometric, Photometric::Luma | Photometric::Palette)),
            format!("{kind} multiplied by alpha (tag 338)"),
        ),
    ];
    match rejected.into_iter().find(|(applies, _)| *applies) {
        Some((_, what)) => Err(Reason::UnsupportedFormat.because(format!("TIFF: {what}"))),
        None => Ok(()),
    }
}

/// Rejects the value of a tag.
fn unsupported(what: &str, tag: u16, value: u32) -> Rejection {
    Reason::UnsupportedFormat.because(format!("TIFF: {what} {value} (tag {tag})"))
}
