//! Decompresses the bytes of a strip or tile.

use std::{borrow::Cow, io::Read};

use flate2::read::ZlibDecoder;
use hayro_ccitt::{DecodeSettings, DecoderContext, EncodingMode};
use scaled_jpeg::{Decoder, Header as JpegHeader, Scale};
use weezl::{BitOrder, LzwStatus};

use crate::{
    Reason, Rejection,
    decode::nearly_whole,
    header::tiff::{Compression, TiffCoding},
};

/// Decompresses the first `rows` rows, or those before the first damage. Subsampled chroma is expanded.
pub(super) fn unpack<'a>(
    coding: &TiffCoding,
    stored: &'a [u8],
    tables: &[u8],
    rows: usize,
) -> Result<Cow<'a, [u8]>, Rejection> {
    let columns = coding.chunk.0 as usize;
    if coding.compression == Compression::Jpeg {
        // The fill order does not apply to JPEGs.
        return jpeg(coding, stored, tables, rows).map(Cow::Owned);
    }
    let (h, v) = coding.subsampling;
    let subsampled = (h, v) != (1, 1);
    let expected = if subsampled {
        columns.div_ceil(h) * (h * v + 2) * rows.div_ceil(v)
    } else {
        usize::try_from(coding.row()).unwrap_or(usize::MAX) * rows
    };
    let stored = if coding.reversed {
        Cow::Owned(stored.iter().map(|byte| byte.reverse_bits()).collect())
    } else {
        Cow::Borrowed(stored)
    };
    let fax = |encoding, aligned| Cow::Owned(fax(&stored, encoding, aligned, columns, rows));
    let unpacked = match coding.compression {
        Compression::None | Compression::Jpeg => stored,
        Compression::PackBits => Cow::Owned(pack_bits(&stored, expected)),
        Compression::Lzw => Cow::Owned(lzw(&stored, expected)?),
        Compression::Deflate => {
            let mut unpacked = Vec::with_capacity(expected);
            // After an error, the bytes before it are used.
            let _ = ZlibDecoder::new(&*stored).take(expected as u64).read_to_end(&mut unpacked);
            Cow::Owned(unpacked)
        }
        Compression::FaxRows => fax(EncodingMode::Group3_1D, true),
        Compression::Fax3 => fax(EncodingMode::Group3_1D, false),
        Compression::Fax3Rows => fax(EncodingMode::Group3_2D, false),
        Compression::Fax4 => fax(EncodingMode::Group4, false),
    };
    Ok(if subsampled { Cow::Owned(all_chroma(&unpacked, columns, rows, (h, v))) } else { unpacked })
}

fn pack_bits(stored: &[u8], expected: usize) -> Vec<u8> {
    let mut unpacked = Vec::with_capacity(expected + 128);
    let mut rest = stored;
    while let [head, after @ ..] = rest
        && unpacked.len() < expected
    {
        let count = usize::from(*head);
        let read = match (count, after) {
            (0..=127, after) => {
                let literal = &after[..after.len().min(count + 1)];
                unpacked.extend_from_slice(literal);
                literal.len()
            }
            (128, _) | (_, []) => 0,
            (_, [byte, ..]) => {
                unpacked.extend(std::iter::repeat_n(*byte, 257 - count));
                1
            }
        };
        rest = &after[read..];
    }
    unpacked.truncate(expected);
    unpacked
}

fn lzw(stored: &[u8], expected: usize) -> Result<Vec<u8>, Rejection> {
    // The clear code of nine bits begins with its least significant bit, as before TIFF 5.
    if matches!(stored, [0, second, ..] if second & 1 == 1) {
        return Err(
            Reason::UnsupportedFormat.because("TIFF: LZW with its bits in the old order (compression 5, tag 259)")
        );
    }
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let mut unpacked = vec![0; expected];
    let (mut read, mut written) = (0, 0);
    loop {
        let step = decoder.decode_bytes(&stored[read..], &mut unpacked[written..]);
        read += step.consumed_in;
        written += step.consumed_out;
        if !matches!(step.status, Ok(LzwStatus::Ok)) || written == expected {
            unpacked.truncate(written);
            return Ok(unpacked);
        }
    }
}

/// Decodes fax data to rows of one bit per pixel, where black is 1. Stops at the first damaged row.
fn fax(stored: &[u8], encoding: EncodingMode, rows_are_byte_aligned: bool, columns: usize, rows: usize) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let mut bits = Bits { columns, bytes: Vec::with_capacity(columns.div_ceil(8) * rows) };
    let mut context = DecoderContext::new(DecodeSettings {
        columns: number(columns),
        rows: number(rows),
        end_of_block: true,
        end_of_line: false,
        rows_are_byte_aligned,
        encoding,
        strict: true,
    });
    // After an error, the rows before it are used.
    let _ = hayro_ccitt::decode(stored, &mut bits, &mut context);
    bits.bytes
}

struct Bits {
    columns: usize,
    bytes: Vec<u8>,
}

impl hayro_ccitt::Decoder for Bits {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.bytes.len();
        self.bytes.resize(start + self.columns.div_ceil(8), 0);
        let row = &mut self.bytes[start..];
        for run in changes.chunks(2) {
            let end = run.get(1).map_or(self.columns, |&end| end as usize);
            for x in run[0] as usize..end {
                row[x / 8] |= 0x80 >> (x % 8);
            }
        }
    }
}

/// Decodes a JPEG without converting its colours.
fn jpeg(coding: &TiffCoding, stored: &[u8], tables: &[u8], rows: usize) -> Result<Vec<u8>, Rejection> {
    // The tables are a JPEG without a picture. They are joined to the strip by dropping the end marker and the start marker between.
    let whole = match (tables.strip_suffix(b"\xff\xd9"), stored.strip_prefix(b"\xff\xd8")) {
        (Some(tables), Some(picture)) => [tables, picture].concat(),
        _ => stored.to_vec(),
    };
    let reject = |error: scaled_jpeg::Error| Reason::Corrupt.because(format!("a JPEG in the TIFF (tag 259): {error}"));
    let decoder = Decoder::from_slice(&whole).map_err(reject)?.untransformed();
    let JpegHeader { width, height, ref components, .. } = *decoder.header();
    if u32::from(width) != coding.chunk.0
        || !(rows..=coding.chunk.1 as usize).contains(&usize::from(height))
        || components.len() != coding.together()
    {
        return Err(Reason::Corrupt.because(format!(
            "TIFF: a JPEG of {width} by {height} pixels and {} components does not fit its strip or tile of {} by {rows} \
             and {} samples (tags 277, 278, 322)",
            components.len(),
            coding.chunk.0,
            coding.together()
        )));
    }
    let mut picture = decoder.decode(Scale::Full).map_err(reject)?;
    if !nearly_whole(picture.coverage.found, picture.coverage.expected) {
        return Err(Reason::Corrupt.because("a JPEG in the TIFF (tag 259) has too few readable blocks"));
    }
    if picture.pixels == scaled_jpeg::Pixels::Cmyk {
        // The decoder assumes the inverted inks of Adobe, which TIFFs do not use.
        picture.data.iter_mut().for_each(|ink| *ink = !*ink);
    }
    Ok(picture.data)
}

/// Expands subsampled chroma to three samples for each pixel.
fn all_chroma(packed: &[u8], columns: usize, rows: usize, (h, v): (usize, usize)) -> Vec<u8> {
    let unit = h * v + 2;
    let group = columns.div_ceil(h) * unit;
    let mut unpacked = Vec::with_capacity(columns * rows * 3);
    for group in packed.chunks_exact(group).take(rows.div_ceil(v)) {
        for y in 0..v {
            for x in 0..columns {
                let block = &group[x / h * unit..][..unit];
                unpacked.extend([block[y * h + x % h], block[h * v], block[h * v + 1]]);
            }
        }
    }
    unpacked.truncate(columns * rows * 3);
    unpacked
}
