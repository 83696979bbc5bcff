//! JPEG markers: everything that can be known without decoding a coefficient.

use std::{borrow::Cow, ops::Range};

use super::{Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader, exif, orientation::Orientation};

/// What a JPEG's markers say of its coding.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // facts that have nothing to do with each other
pub(crate) struct Frame {
    pub(crate) progressive: bool,
    /// Whether the first scan has all components.
    pub(crate) interleaved: bool,
    pub(crate) components: Vec<Component>,
    /// The transform of an Adobe segment: 0 none, 1 `YCbCr`, 2 YCCK.
    pub(crate) adobe: Option<u8>,
    pub(crate) jfif: bool,
    pub(crate) scans: u32,
    /// Where the data of the last scan that was looked for begin. That scan may hold the rest of the file.
    data: usize,
    /// Where the parts of the file lie that decoding needs, in order: tables, frame, scans with their data.
    pub(crate) parts: Vec<Part>,
    /// Where the frame header keeps the height, if that is zero there and given by a later segment.
    pub(crate) open_height: Option<usize>,
}

/// A part of the file that decoding needs.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// The marker it begins with, such as 0xda for a scan.
    pub(crate) marker: u8,
    /// From its marker to its end, which for a scan is the end of its entropy-coded data.
    pub(crate) range: Range<usize>,
    /// Length of marker and segment; entropy-coded data follow.
    pub(crate) header: usize,
}

/// One colour component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Component {
    pub(crate) id: u8,
    /// Horizontal sampling factor, 1 to 4.
    pub(crate) h: u8,
    /// Vertical sampling factor, 1 to 4.
    pub(crate) v: u8,
}

impl Frame {
    /// Samples of all components in whole MCUs.
    pub(crate) fn samples(&self, width: u32, height: u32) -> u64 {
        let (h_max, v_max) = self.max_sampling();
        let mcus = u64::from(width.div_ceil(8 * h_max)) * u64::from(height.div_ceil(8 * v_max));
        let blocks: u64 = self.components.iter().map(|c| u64::from(c.h) * u64::from(c.v)).sum();
        mcus * blocks * 64
    }

    /// Whether an end marker follows the last scan. It is looked for only now, and hardly ever asked for.
    pub(crate) fn ended(&self, bytes: &[u8]) -> bool {
        let mut at = self.data;
        std::iter::from_fn(|| next_marker(bytes, &mut at)).any(|marker| marker == 0xd9)
    }

    /// Whether no more than the first scan is needed: all of the picture is in it.
    fn is_complete(&self, height: u32) -> bool {
        !self.progressive && self.interleaved && height > 0
    }

    /// A scan that is still open ends at `end`.
    fn close(&mut self, end: usize) {
        if let Some(scan @ Part { marker: 0xda, .. }) = self.parts.last_mut()
            && scan.range.len() == scan.header
        {
            scan.range.end = end.max(scan.range.end);
        }
    }

    /// The largest sampling factors, horizontal and vertical.
    pub(crate) fn max_sampling(&self) -> (u32, u32) {
        let largest = |factor: fn(&Component) -> u8| self.components.iter().map(factor).max().map_or(1, u32::from);
        (largest(|c| c.h), largest(|c| c.v))
    }
}

/// A real file has at most some tables for each of its scans; a list of millions of empty ones would take more memory than
/// the picture.
const MOST_PARTS: usize = 4096;

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let reader = Reader::big(bytes);
    let ends = || ends_in_header(Format::Jpeg);
    let mut frame = Frame::default();
    let mut size = None;
    let mut orientation = None;
    let mut profile = Profile::default();
    let mut at = 2;
    while let Some(marker) = next_marker(bytes, &mut at) {
        let start = at - 2;
        match marker {
            0xd9 => {
                frame.close(start);
                break;
            }
            0xd0..=0xd7 | 0x01 => continue,
            // A second picture begins: this one is over without its end marker.
            0xd8 => break,
            _ => frame.close(start),
        }
        let Some(length) = reader.u16(at).map(usize::from).filter(|&length| length >= 2) else { break };
        let Some(segment) = reader.slice(at + 2, length - 2) else { break };
        at += length;
        match marker {
            0xc0..=0xc2 if size.is_none() => {
                size = Some(start_of_frame(&mut frame, marker, segment)?);
                frame.open_height = matches!(size, Some((_, 0))).then_some(start + 5);
            }
            0xc0..=0xc2 => return Err(Reason::Corrupt.because("the JPEG has two frames")),
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xcc | 0xde | 0xdf => return Err(exotic(marker)),
            0xda if size.is_none() => return Err(Reason::Corrupt.because("a JPEG scan comes before the frame")),
            0xda => {
                frame.scans += 1;
                if frame.scans == 1 {
                    frame.interleaved =
                        segment.first().is_some_and(|&count| usize::from(count) == frame.components.len());
                }
            }
            0xdc => number_of_lines(&mut size, segment),
            0xe0 if segment.starts_with(b"JFIF\0") => frame.jfif = true,
            // Some files carry a second, wrong one; the first is the camera's.
            0xe1 if segment.starts_with(b"Exif\0\0") && orientation.is_none() => {
                orientation = Some(exif::orientation(segment));
            }
            0xe2 if segment.starts_with(b"ICC_PROFILE\0") => profile.add(&segment[12..]),
            0xee if segment.starts_with(b"Adobe") && segment.len() >= 12 => frame.adobe = Some(segment[11]),
            _ => {}
        }
        // Frame, Huffman and quantisation tables, restart interval, scan; and an AVI's mark that tables are left out.
        if matches!(marker, 0xc0..=0xc2 | 0xc4 | 0xda | 0xdb | 0xdd) || marker == 0xe0 && segment.starts_with(b"AVI1") {
            if frame.parts.len() == MOST_PARTS {
                return Err(Reason::TooComplex.because(format!("the JPEG has more than {MOST_PARTS} tables and scans")));
            }
            frame.parts.push(Part { marker, range: start..at, header: at - start });
        }
        if marker == 0xda {
            frame.data = at;
            // What follows is nearly all of the file, and takes as long to look through as some of its decoding.
            if matches!(size, Some((_, height)) if frame.is_complete(height)) {
                break;
            }
        }
    }
    frame.close(bytes.len());
    let (width, height) = size.ok_or_else(ends)?;
    if frame.scans == 0 {
        return Err(ends());
    }
    if height == 0 {
        return Err(Reason::Corrupt.because("the JPEG's height is given nowhere"));
    }
    Ok(Header {
        format: Format::Jpeg,
        width,
        height,
        orientation: orientation.unwrap_or(Orientation::Upright),
        icc: profile.join(),
        coding: super::Coding::Jpeg(frame),
    })
}

/// The next marker at or after `at`, which is moved behind it. What lies between segments, entropy-coded data above all,
/// is passed over.
pub(crate) fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        *at += memchr::memchr(0xff, bytes.get(*at..)?)?;
        // Any number of fill bytes may precede a marker; FF00 is a data byte.
        while *bytes.get(*at)? == 0xff {
            *at += 1;
        }
        let marker = *bytes.get(*at)?;
        *at += 1;
        if marker != 0 {
            return Some(marker);
        }
    }
}

fn start_of_frame(frame: &mut Frame, marker: u8, segment: &[u8]) -> Result<(u32, u32), Rejection> {
    let reader = Reader::big(segment);
    let corrupt = || Reason::Corrupt.because("the JPEG's frame header is damaged");
    let precision = reader.u8(0).ok_or_else(corrupt)?;
    if precision != 8 {
        return Err(Reason::UnsupportedFormat.because(format!("a JPEG with {precision} bits a sample")));
    }
    let (height, width) = (reader.u16(1).ok_or_else(corrupt)?, reader.u16(3).ok_or_else(corrupt)?);
    let count = usize::from(reader.u8(5).ok_or_else(corrupt)?);
    if !matches!(count, 1 | 3 | 4) {
        return Err(Reason::UnsupportedFormat.because(format!("a JPEG with {count} components")));
    }
    let listed = reader.slice(6, 3 * count).ok_or_else(corrupt)?;
    frame.progressive = marker == 0xc2;
    frame.components = listed.chunks_exact(3).map(|c| Component { id: c[0], h: c[1] >> 4, v: c[1] & 15 }).collect();
    if frame.components.iter().any(|c| !(1..=4).contains(&c.h) || !(1..=4).contains(&c.v)) {
        return Err(Reason::Corrupt.because("a JPEG sampling factor is not 1 to 4"));
    }
    if width == 0 {
        return Err(corrupt());
    }
    Ok((u32::from(width), u32::from(height)))
}

/// A DNL segment gives the height that the frame header left open.
fn number_of_lines(size: &mut Option<(u32, u32)>, segment: &[u8]) {
    if let (Some((_, height @ 0)), Some(lines)) = (size, Reader::big(segment).u16(0)) {
        *height = u32::from(lines);
    }
}

fn exotic(marker: u8) -> Rejection {
    let coding = match marker {
        0xc3 => "lossless",
        0xde | 0xdf | 0xc5 | 0xc6 | 0xc7 => "hierarchical",
        _ => "arithmetic",
    };
    Reason::UnsupportedFormat.because(format!("a JPEG with {coding} coding"))
}

/// An ICC profile spread over numbered segments.
#[derive(Default)]
struct Profile<'a> {
    parts: Vec<(u8, &'a [u8])>,
}

impl<'a> Profile<'a> {
    /// Adds a segment: its number, how many there are, data.
    fn add(&mut self, segment: &'a [u8]) {
        if let [number, _count, data @ ..] = segment
            && self.parts.iter().all(|(known, _)| known != number)
        {
            self.parts.push((*number, data));
        }
    }

    fn join(mut self) -> Option<Cow<'a, [u8]>> {
        self.parts.sort_by_key(|&(number, _)| number);
        match self.parts[..] {
            [] => None,
            [(_, only)] => Some(Cow::Borrowed(only)),
            _ => Some(Cow::Owned(self.parts.iter().flat_map(|(_, data)| data.iter().copied()).collect())),
        }
    }
}
