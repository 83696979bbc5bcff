//! GIF: decodes the first frame, and lays it on a transparent screen.

use std::io::Read;

use ::gif::{DecodeOptions, DecodingError, MemoryLimit};
use weezl::{BitOrder, LzwError, LzwStatus};

use super::check_rows;
use crate::{
    Reason, Rejection,
    box_filter::BoxFilter,
    bytes::Reader,
    header::{
        Header,
        gif::{self, GifCoding},
    },
    picture::{Model, Picture},
};

/// Decodes the first frame. Squares of `by` by `by` pixels are averaged.
pub(super) fn decode(bytes: &[u8], header: &Header, coding: &GifCoding, by: u32) -> Result<Picture, Rejection> {
    let reject = |error: DecodingError| rejection(&error);
    let mut options = DecodeOptions::new();
    // The size of the frame was checked by the admission.
    options.set_memory_limit(MemoryLimit::Unlimited);
    // The decoder does not get the extensions, because unknown ones must not lose the picture. The header reader has read the others.
    let (screen, frame) = (bytes.get(..coding.screen_end), bytes.get(coding.frame..));
    let file = screen.unwrap_or_default().chain(frame.unwrap_or_default());
    let mut decoder = options.read_info(file).map_err(reject)?;
    let frame = decoder.next_frame_info().map_err(reject)?;
    let frame = frame.ok_or_else(|| Reason::Corrupt.because("the GIF has no frame"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let (transparent, interlaced) = (coding.transparent, frame.interlaced);
    let colours = colours(decoder.palette().map_err(reject)?, transparent);

    let size = header.size();
    let covers = (width, height) == (size.0 as usize, size.1 as usize);
    let model = if covers && transparent.is_none() { Model::Rgb } else { Model::Rgba };
    let mut filter = BoxFilter::new(size, model, by);
    let clear = vec![0; size.0 as usize * model.channels()];
    (0..top).for_each(|_| filter.row(&clear));
    let mut line = clear.clone();
    let show = |indices: &[u8]| {
        for (pixel, &index) in line[left * model.channels()..].chunks_exact_mut(model.channels()).zip(indices) {
            pixel.copy_from_slice(&colours[usize::from(index)][..model.channels()]);
        }
        filter.row(&line);
    };

    let (found, error) = show_rows(Indices::new(bytes, coding.frame)?, (width, height), interlaced, show);
    check_rows(found, height, "GIF").map_err(|cut| match error {
        // Both damaged and cut data can end in an error. A cut file has no trailer.
        Some(error) if bytes.ends_with(b";") => Reason::Corrupt.because(format!("GIF: {error}")),
        _ => cut,
    })?;
    (top + height..size.1 as usize).for_each(|_| filter.row(&clear));
    filter.finish().ok_or_else(|| Reason::Corrupt.because("the GIF's frame has no pixels"))
}

/// Calls `show` with the indices of each row of a frame, from the top. A missing row repeats the row above it.
///
/// Returns the number of rows that were found, and the error that ended them.
fn show_rows(
    mut indices: Indices,
    (width, height): (usize, usize),
    interlaced: bool,
    mut show: impl FnMut(&[u8]),
) -> (usize, Option<LzwError>) {
    // The indices of an interlaced frame are kept until all rows have been decoded.
    let mut kept = vec![0; if interlaced { width * height } else { width }];
    let mut row = vec![0; width];
    let (mut found, mut ended, mut error) = (0, false, None);
    for y in rows(height, interlaced) {
        if !ended {
            // Only whole rows count, although damaged data may fill the beginning of a row.
            match indices.fill(&mut row) {
                Ok(true) => found += 1,
                Ok(false) => ended = true,
                Err(found) => (ended, error) = (true, Some(found)),
            }
        }
        let at = if interlaced { y * width } else { 0 };
        if !ended {
            kept[at..at + width].copy_from_slice(&row);
        } else if interlaced && y > 0 {
            kept.copy_within(at - width..at, at);
        }
        if !interlaced {
            show(&kept);
        }
    }
    if interlaced {
        kept.chunks_exact(width.max(1)).for_each(show);
    }
    (found, error)
}

/// Unpacks the indices of a frame's pixels from its sub-blocks.
///
/// The crate `gif` 0.14 cannot do this: if a buffer is full when the last sub-block ends, it drops what its unpacker still holds, and
/// thus the last row of some sound files.
struct Indices<'a> {
    unpacker: weezl::decode::Decoder,
    /// The rest of the current sub-block, and the data after it.
    block: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Indices<'a> {
    /// Begins with the frame whose descriptor is at `frame`.
    fn new(bytes: &'a [u8], frame: usize) -> Result<Self, Rejection> {
        let data = gif::data(&Reader::little(bytes), frame).and_then(|at| bytes.get(at..));
        let Some(&[size @ 1..=11, ref rest @ ..]) = data else {
            return Err(Reason::Corrupt.because("the GIF's frame has no pixels"));
        };
        Ok(Self { unpacker: weezl::decode::Decoder::new(BitOrder::Lsb, size), block: &[], rest })
    }

    /// Fills a row; returns `false` if the data end before it is full.
    fn fill(&mut self, mut row: &mut [u8]) -> Result<bool, LzwError> {
        let mut was_idle = false;
        while !row.is_empty() {
            let unpacked = self.unpacker.decode_bytes(self.block, row);
            self.block = &self.block[unpacked.consumed_in..];
            row = &mut row[unpacked.consumed_out..];
            let status = unpacked.status?;
            // The unpacker is also idle once if it has unpacked a code into a buffer of its own, because the row is shorter than the code's run.
            let is_idle = unpacked.consumed_in == 0 && unpacked.consumed_out == 0;
            if matches!(status, LzwStatus::Done) || was_idle && is_idle && !self.next_block() {
                break;
            }
            was_idle = is_idle && !was_idle;
        }
        Ok(row.is_empty())
    }

    /// Goes to the next sub-block, which may be cut; returns `false` if there is none.
    fn next_block(&mut self) -> bool {
        let [length, rest @ ..] = self.rest else { return false };
        (self.block, self.rest) = rest.split_at(usize::from(*length).min(rest.len()));
        *length > 0
    }
}

/// Returns the red, green, blue and alpha of each index.
fn colours(palette: &[u8], transparent: Option<u8>) -> [[u8; 4]; 256] {
    let mut colours = [[0, 0, 0, 255]; 256];
    for (colour, entry) in colours.iter_mut().zip(palette.chunks_exact(3)) {
        colour[..3].copy_from_slice(entry);
    }
    if let Some(index) = transparent {
        colours[usize::from(index)] = [0; 4];
    }
    colours
}

/// Iterates over the rows of a frame in stored order.
fn rows(height: usize, interlaced: bool) -> impl Iterator<Item = usize> {
    let passes: &[(usize, usize)] = if interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
    passes.iter().flat_map(move |&(start, step)| (start..height).step_by(step))
}

fn rejection(error: &DecodingError) -> Rejection {
    match error {
        DecodingError::UnexpectedEof => Reason::Truncated.because("the GIF ends before its picture does"),
        error => Reason::Corrupt.because(format!("GIF: {error}")),
    }
}
