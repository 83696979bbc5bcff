//! TIFF and `BigTIFF`: the first directory.

use std::borrow::Cow;

use super::{Header, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader, orientation::Orientation};

/// How a TIFF's first picture is coded.
#[derive(Debug, Clone)]
pub(crate) struct Coding {
    /// Bits of one sample.
    pub(crate) bits: u32,
    /// Samples of one pixel.
    pub(crate) samples: u32,
    pub(crate) photometric: u16,
    /// Where the file keeps the photometric interpretation.
    pub(crate) photometric_at: usize,
    /// Whether each sample has a plane of its own.
    pub(crate) planar: bool,
    /// What the samples after the colours are: 1 alpha that colours are multiplied with, 2 alpha; none if there are none.
    pub(crate) extra: Option<u16>,
    /// Red, green and blue of each palette entry, one after the other.
    pub(crate) palette: Vec<[u8; 3]>,
    /// Bytes of a decoded strip or tile.
    pub(crate) chunk: u64,
}

/// The most values of a tag: a strip for every line of a very high picture.
const MOST_VALUES: u64 = 1 << 18;

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let ends = || ends_in_header(Format::Tiff);
    let directory = Directory::first(bytes).ok_or_else(ends)?;
    directory.check_counts()?;
    let corrupt = |what: &str| {
        if directory.is_cut() { ends() } else { Reason::Corrupt.because(format!("the TIFF has no {what}")) }
    };
    let width = directory.number(256).ok_or_else(|| corrupt("width"))?;
    let height = directory.number(257).ok_or_else(|| corrupt("height"))?;
    let bits = directory.number(258).unwrap_or(1);
    let samples = directory.number(277).unwrap_or(1);
    let photometric = directory.find(262).ok_or_else(|| corrupt("photometric interpretation"))?;
    let planar = directory.number(284) == Some(2);
    let (chunk_width, chunk_height) = match (directory.number(322), directory.number(323)) {
        (Some(width), Some(height)) => (width, height),
        _ => (width, directory.number(278).unwrap_or(height).min(height)),
    };
    // Each costs a look into the file, whether it is there or not.
    let edge = |edge: u32, chunk: u32| u64::from(edge.div_ceil(chunk.max(1)));
    let chunks = edge(width, chunk_width) * edge(height, chunk_height);
    let chunks = chunks.saturating_mul(if planar { u64::from(samples) } else { 1 });
    if chunks > MOST_VALUES {
        return Err(Reason::TooComplex.because(format!("the TIFF has {chunks} strips or tiles")));
    }
    let row = (u64::from(chunk_width) * u64::from(if planar { 1 } else { samples }))
        .saturating_mul(u64::from(bits))
        .div_ceil(8);
    let coding = Coding {
        bits,
        samples,
        photometric: u16::try_from(directory.value(&photometric, 0).unwrap_or(0)).unwrap_or(u16::MAX),
        photometric_at: photometric.value_at,
        planar,
        extra: directory.number(338).and_then(|extra| u16::try_from(extra).ok()),
        palette: directory.palette(),
        chunk: row.saturating_mul(u64::from(chunk_height)),
    };
    let orientation = directory.number(274).and_then(|value| u16::try_from(value).ok());
    Ok(Header {
        format: Format::Tiff,
        width,
        height,
        orientation: orientation.map(Orientation::from_exif).unwrap_or_default(),
        icc: directory.find(34675).and_then(|entry| directory.bytes(&entry)).map(Cow::Borrowed),
        coding: super::Coding::Tiff(coding),
    })
}

struct Directory<'a> {
    reader: Reader<'a>,
    big: bool,
    /// Offset of the first entry, and how many follow.
    start: usize,
    entries: usize,
}

struct Entry {
    kind: u16,
    count: usize,
    /// Where the values are, in the entry itself or elsewhere.
    value_at: usize,
}

impl<'a> Directory<'a> {
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let reader = Reader::tiff(bytes)?;
        let big = reader.u16(2)? == 43;
        if big {
            let at = usize::try_from(reader.u64(8)?).ok()?;
            let entries = usize::try_from(reader.u64(at)?).ok()?;
            Some(Self { reader, big, start: at.checked_add(8)?, entries })
        } else {
            let at = usize::try_from(reader.u32(4)?).ok()?;
            Some(Self { reader, big, start: at.checked_add(2)?, entries: usize::from(reader.u16(at)?) })
        }
    }

    /// Refuses entries that say they have more values than any picture's: the decoder would make room for all of them.
    fn check_counts(&self) -> Result<(), Rejection> {
        const LISTS_OF_PLACES: [u16; 4] = [273, 279, 324, 325];
        for at in self.places() {
            let (tag, kind) = (self.reader.u16(at), self.reader.u16(at + 2));
            let count = if self.big { self.reader.u64(at + 4) } else { self.reader.u32(at + 4).map(u64::from) };
            let bytes = matches!(kind, Some(1 | 2 | 6 | 7)) && !tag.is_some_and(|tag| LISTS_OF_PLACES.contains(&tag));
            if !bytes && count.is_some_and(|count| count > MOST_VALUES) {
                let (tag, count) = (tag.unwrap_or(0), count.unwrap_or(0));
                return Err(Reason::TooComplex.because(format!("the TIFF's tag {tag} has {count} values")));
            }
        }
        Ok(())
    }

    /// Where the entries are.
    fn places(&self) -> impl Iterator<Item = usize> {
        let size = self.entry_size();
        // Entries are few in any real file; a number that lies ends with the file.
        let places = (0..self.entries.min(4096)).map(move |i| self.start + i * size);
        places.take_while(move |&at| self.reader.slice(at, size).is_some())
    }

    fn entry_size(&self) -> usize {
        if self.big { 20 } else { 12 }
    }

    /// Whether the file ends before the entries do.
    fn is_cut(&self) -> bool {
        self.places().count() < self.entries.min(4096)
    }

    fn find(&self, tag: u16) -> Option<Entry> {
        let at = self.places().find(|&at| self.reader.u16(at) == Some(tag))?;
        let kind = self.reader.u16(at + 2)?;
        let (count, value, room) = if self.big {
            (usize::try_from(self.reader.u64(at + 4)?).ok()?, at + 12, 8)
        } else {
            (usize::try_from(self.reader.u32(at + 4)?).ok()?, at + 8, 4)
        };
        let value_at = if count.checked_mul(width(kind)?)? <= room {
            value
        } else if self.big {
            usize::try_from(self.reader.u64(value)?).ok()?
        } else {
            usize::try_from(self.reader.u32(value)?).ok()?
        };
        Some(Entry { kind, count, value_at })
    }

    fn value(&self, entry: &Entry, index: usize) -> Option<u32> {
        let at = entry.value_at.checked_add(index.checked_mul(width(entry.kind)?)?)?;
        match entry.kind {
            1 | 7 => self.reader.u8(at).map(u32::from),
            3 => self.reader.u16(at).map(u32::from),
            4 => self.reader.u32(at),
            16 => u32::try_from(self.reader.u64(at)?).ok(),
            _ => None,
        }
    }

    /// The first value of a tag.
    fn number(&self, tag: u16) -> Option<u32> {
        self.value(&self.find(tag)?, 0)
    }

    fn bytes(&self, entry: &Entry) -> Option<&'a [u8]> {
        self.reader.slice(entry.value_at, entry.count)
    }

    fn palette(&self) -> Vec<[u8; 3]> {
        let Some(entry) = self.find(320).filter(|entry| entry.count <= 3 << 16) else { return Vec::new() };
        let colours = entry.count / 3;
        let channel = |index| self.value(&entry, index).map(|value| u8::try_from(value >> 8).unwrap_or(255));
        (0..colours).map_while(|i| Some([channel(i)?, channel(colours + i)?, channel(2 * colours + i)?])).collect()
    }
}

/// Bytes of one value of a type.
fn width(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16..=18 => Some(8),
        _ => None,
    }
}
