//! The bytes of one strip or tile, unpacked by the crates that are made for it.

use std::{borrow::Cow, io::Read};

use flate2::read::ZlibDecoder;
use hayro_ccitt::{DecodeSettings, DecoderContext, EncodingMode};
use weezl::{BitOrder, LzwStatus};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, options::DecoderOptions},
};

use crate::{
    Reason, Rejection,
    header::tiff::{Coding, Compression},
};

/// The unpacked bytes of the first `rows` rows, or of as many as are sound, with as much chroma as luminance; of one `plane` where
/// they are apart.
pub(super) fn unpack<'a>(
    coding: &Coding,
    stored: &'a [u8],
    tables: &[u8],
    rows: usize,
    plane: Option<usize>,
) -> Result<Cow<'a, [u8]>, Rejection> {
    let columns = coding.chunk.0 as usize;
    // What a plane of chroma stores, a sample for some columns and rows.
    let spread = if matches!(plane, Some(1 | 2)) { coding.subsampling } else { (1, 1) };
    let fewer = (columns.div_ceil(spread.0), rows.div_ceil(spread.1));
    let spread = |unpacked: Cow<'a, [u8]>| match spread {
        (1, 1) => unpacked,
        (h, v) => Cow::Owned(spread_out(&unpacked, columns, rows, (h, v))),
    };
    if coding.compression == Compression::Jpeg {
        // Whose own order of bits nobody reverses.
        let whole = |error: Rejection| {
            if fewer == (columns, rows) {
                Err(error)
            } else {
                jpeg(coding, stored, tables, (columns, rows)).map(Cow::Owned)
            }
        };
        return jpeg(coding, stored, tables, fewer).map(|unpacked| spread(Cow::Owned(unpacked))).or_else(whole);
    }
    let (h, v) = if plane.is_some() { (1, 1) } else { coding.subsampling };
    let subsampled = (h, v) != (1, 1);
    let group = columns.div_ceil(h) * (h * v + 2);
    let expected = if subsampled {
        group * rows.div_ceil(v)
    } else if fewer == (columns, rows) {
        usize::try_from(coding.row()).unwrap_or(usize::MAX) * rows
    } else {
        fewer.0 * fewer.1
    };
    let stored = if coding.reversed {
        Cow::Owned(stored.iter().map(|byte| byte.reverse_bits()).collect())
    } else {
        Cow::Borrowed(stored)
    };
    let fax = |stored: &[u8], encoding, aligned| Ok(Cow::Owned(fax(stored, encoding, aligned, columns, rows)));
    let unpacked = match coding.compression {
        Compression::None | Compression::Jpeg => match stored {
            Cow::Borrowed(stored) => Ok(Cow::Borrowed(&stored[..expected.min(stored.len())])),
            Cow::Owned(stored) => Ok(Cow::Owned(stored)),
        },
        Compression::PackBits => Ok(Cow::Owned(pack_bits(&stored, expected))),
        Compression::Lzw => lzw(&stored, expected).map(Cow::Owned),
        Compression::Deflate => {
            let mut unpacked = Vec::with_capacity(expected);
            // An error leaves what came before it.
            let _ = ZlibDecoder::new(&*stored).take(expected as u64).read_to_end(&mut unpacked);
            Ok(Cow::Owned(unpacked))
        }
        Compression::FaxRows => fax(&stored, EncodingMode::Group3_1D, true),
        Compression::Fax3 => fax(&stored, EncodingMode::Group3_1D, false),
        Compression::Fax3Rows => fax(&stored, EncodingMode::Group3_2D, false),
        Compression::Fax4 => fax(&stored, EncodingMode::Group4, false),
    }?;
    Ok(if subsampled { Cow::Owned(all_chroma(&unpacked, columns, rows, (h, v))) } else { spread(unpacked) })
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
    // A code of nine bits for "clear" with its least bit first: as it was before TIFF 5.
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

/// Rows of one bit a pixel, black set; only whole and faultless ones.
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
    // An error leaves the rows before it.
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

/// Samples as the JPEG has them, without any change of colours.
fn jpeg(coding: &Coding, stored: &[u8], tables: &[u8], (columns, rows): (usize, usize)) -> Result<Vec<u8>, Rejection> {
    let refuse = |what: String| Reason::Corrupt.because(format!("a JPEG in the TIFF: {what}"));
    // Tables are a JPEG without a picture: its end and the other's start fall out.
    let whole = match (tables.strip_suffix(b"\xff\xd9"), stored.strip_prefix(b"\xff\xd8")) {
        (Some(tables), Some(picture)) => [tables, picture].concat(),
        _ => stored.to_vec(),
    };
    let (widest, highest) = (coding.chunk.0 as usize, coding.chunk.1 as usize);
    let options = DecoderOptions::default().set_max_width(widest).set_max_height(highest);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(whole), options);
    decoder.decode_headers().map_err(|error| refuse(error.to_string()))?;
    if let Some(colours) = decoder.input_colorspace() {
        decoder.set_options(options.jpeg_set_out_colorspace(colours));
    }
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let length = columns * height * coding.together();
    if width != columns || height < rows || decoder.output_buffer_size() != Some(length) {
        return Err(refuse(format!(
            "{width} by {height} pixels do not fit a strip or tile of {columns} by {rows} (tags 278, 323, 530)"
        )));
    }
    decoder.decode().map_err(|error| refuse(error.to_string()))
}

/// Three samples for each pixel, where as stored a block of pixels shares the last two.
fn all_chroma(packed: &[u8], columns: usize, rows: usize, (h, v): (usize, usize)) -> Vec<u8> {
    let unit = h * v + 2;
    let group = columns.div_ceil(h) * unit;
    let mut unpacked = Vec::with_capacity(columns * rows * 3);
    for group in packed.chunks_exact(group) {
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

/// A plane of chroma with a sample for each pixel, where as stored a block of pixels shares one.
fn spread_out(packed: &[u8], columns: usize, rows: usize, (h, v): (usize, usize)) -> Vec<u8> {
    let mut unpacked = Vec::with_capacity(columns * rows);
    for row in packed.chunks_exact(columns.div_ceil(h)) {
        for _ in 0..v {
            unpacked.extend((0..columns).map(|x| row[x / h]));
        }
    }
    unpacked.truncate(columns * rows);
    unpacked
}
