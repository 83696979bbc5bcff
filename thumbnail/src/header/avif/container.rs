//! The container of an AVIF: its items, their properties, references and data.

use std::ops::Range;

use crate::{Reason, Rejection, bytes::Reader};

/// The maximum number of parts of any kind, more than any real picture has.
pub(super) const MOST_PARTS: usize = 1024;

pub(super) struct Box {
    pub(super) kind: [u8; 4],
    /// The range of its content.
    pub(super) range: Range<usize>,
}

/// Iterates over the boxes in a part of a file. The last box may end beyond that part.
pub(super) fn boxes(bytes: &[u8], within: Range<usize>) -> impl Iterator<Item = Box> {
    let reader = Reader::big(bytes);
    let mut at = within.start;
    std::iter::from_fn(move || {
        let kind = reader.slice(at.checked_add(4)?, 4)?.try_into().ok()?;
        let (start, length) = match reader.u32(at)? {
            0 => (at + 8, (within.end.checked_sub(at)?) as u64),
            1 => (at + 16, reader.number(at + 8, 8)?),
            length => (at + 8, u64::from(length)),
        };
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        if at >= within.end || start > end {
            return None;
        }
        at = end;
        Some(Box { kind, range: start..end })
    })
}

/// Reads numbers that follow each other.
struct Numbers<'a> {
    reader: Reader<'a>,
    at: usize,
}

impl Numbers<'_> {
    /// Reads a number of 0, 1, 2, 4 or 8 bytes.
    fn next(&mut self, length: usize) -> Option<usize> {
        if !matches!(length, 0 | 1 | 2 | 4 | 8) {
            return None;
        }
        let number = self.reader.number(self.at, length)?;
        self.at += length;
        usize::try_from(number).ok()
    }
}

pub(super) struct Item {
    pub(super) id: usize,
    pub(super) kind: [u8; 4],
    /// The ranges of its data.
    pub(super) pieces: Vec<Range<usize>>,
    /// The indices of its properties in the container, in the order in which they are applied; and whether each is essential. A reader
    /// that does not know an essential property must not show the picture.
    pub(super) properties: Vec<(usize, bool)>,
}

pub(super) struct Container<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) primary: usize,
    pub(super) items: Vec<Item>,
    pub(super) properties: Vec<Box>,
    /// The kind of each reference, the item that refers, and the item it refers to.
    pub(super) references: Vec<([u8; 4], usize, usize)>,
}

pub(super) fn corrupt() -> Rejection {
    Reason::Corrupt.because("the AVIF's description of its pictures breaks the format's rules")
}

impl<'a> Container<'a> {
    pub(super) fn read(bytes: &'a [u8], meta: Range<usize>) -> Result<Self, Rejection> {
        let mut container =
            Self { bytes, primary: 0, items: Vec::new(), properties: Vec::new(), references: Vec::new() };
        let parts: Vec<Box> = boxes(bytes, meta.clone()).take(MOST_PARTS).collect();
        if parts.iter().any(|part| part.range.end > meta.end) {
            return Err(corrupt());
        }
        let part = |kind: &[u8; 4]| parts.iter().find(|part| part.kind == *kind).map(|part| part.range.clone());
        let infos = part(b"iinf").ok_or_else(corrupt)?;
        container.read_infos(infos).ok_or_else(corrupt)?;
        container.primary = part(b"pitm").and_then(|range| container.read_primary(range.start)).ok_or_else(corrupt)?;
        let data = part(b"idat").unwrap_or(0..0);
        part(b"iloc").and_then(|range| container.read_locations(range.start, &data)).ok_or_else(corrupt)??;
        let properties = part(b"iprp").ok_or_else(corrupt)?;
        container.read_properties(&properties).ok_or_else(corrupt)?;
        if let Some(range) = part(b"iref") {
            container.read_references(range).ok_or_else(corrupt)?;
        }
        Ok(container)
    }

    /// Returns a reader of the numbers at `at`.
    fn numbers(&self, at: usize) -> Numbers<'a> {
        Numbers { reader: Reader::big(self.bytes), at }
    }

    /// Returns the version of a box, and a reader of the numbers after its flags.
    fn versioned(&self, start: usize) -> Option<(usize, Numbers<'a>)> {
        Some((self.numbers(start).next(1)?, self.numbers(start + 4)))
    }

    fn read_primary(&self, start: usize) -> Option<usize> {
        let (version, mut numbers) = self.versioned(start)?;
        numbers.next(if version == 0 { 2 } else { 4 })
    }

    fn read_infos(&mut self, range: Range<usize>) -> Option<()> {
        let count_bytes = if self.versioned(range.start)?.0 == 0 { 2 } else { 4 };
        for entry in boxes(self.bytes, range.start + 4 + count_bytes..range.end).take(MOST_PARTS) {
            let (version, mut numbers) = self.versioned(entry.range.start)?;
            let id_bytes = match version {
                2 => 2,
                3 => 4,
                // Older versions do not describe pictures.
                _ => continue,
            };
            let id = numbers.next(id_bytes)?;
            let kind = numbers.reader.slice(numbers.at + 2, 4)?.try_into().ok()?;
            self.items.push(Item { id, kind, pieces: Vec::new(), properties: Vec::new() });
        }
        Some(())
    }

    /// Reads the ranges of all items. Returns `None` if the box is invalid, and an error if it is not supported.
    fn read_locations(&mut self, start: usize, data: &Range<usize>) -> Option<Result<(), Rejection>> {
        let (version, mut numbers) = self.versioned(start)?;
        let sizes = numbers.next(2)?;
        let [offset_bytes, length_bytes, base_bytes, index_bytes] = [12, 8, 4, 0].map(|shift| sizes >> shift & 15);
        let index_bytes = if version == 0 { 0 } else { index_bytes };
        let id_bytes = if version < 2 { 2 } else { 4 };
        let count = numbers.next(id_bytes)?;
        for _ in 0..count.min(MOST_PARTS) {
            let id = numbers.next(id_bytes)?;
            let method = if version == 0 { 0 } else { numbers.next(2)? & 15 };
            // The index of the file with the data, where 0 is this file.
            let elsewhere = numbers.next(2)? != 0;
            let base = numbers.next(base_bytes)?;
            let extents = numbers.next(2)?;
            let mut pieces = Vec::new();
            for _ in 0..extents {
                numbers.next(index_bytes)?;
                let (offset, length) = (numbers.next(offset_bytes)?, numbers.next(length_bytes)?);
                let from = if method == 1 { data.start } else { 0 };
                let from = from.checked_add(base)?.checked_add(offset)?;
                pieces.push(from..from.checked_add(length)?);
            }
            if pieces.len() > MOST_PARTS {
                return Some(Err(
                    Reason::TooComplex.because("the AVIF's picture lies about the file in too many pieces")
                ));
            }
            if let Some(item) = self.items.iter_mut().find(|item| item.id == id) {
                if elsewhere || method > 1 {
                    return Some(
                        Err(Reason::UnsupportedFormat.because("the AVIF's picture is not in the file itself")),
                    );
                }
                item.pieces = pieces;
            }
        }
        Some(Ok(()))
    }

    fn read_properties(&mut self, range: &Range<usize>) -> Option<()> {
        let parts: Vec<Box> = boxes(self.bytes, range.clone()).take(MOST_PARTS).collect();
        let all = parts.iter().find(|part| part.kind == *b"ipco")?;
        self.properties = boxes(self.bytes, all.range.clone()).take(MOST_PARTS).collect();
        for assignment in parts.iter().filter(|part| part.kind == *b"ipma") {
            let (version, mut numbers) = self.versioned(assignment.range.start)?;
            let id_bytes = if version == 0 { 2 } else { 4 };
            let index_bytes = 1 + (self.numbers(assignment.range.start + 3).next(1)? & 1);
            // The highest bit marks an essential property.
            let mark = 1 << (8 * index_bytes - 1);
            let count = numbers.next(4)?;
            for _ in 0..count.min(MOST_PARTS) {
                let id = numbers.next(id_bytes)?;
                let mut properties = Vec::new();
                for _ in 0..numbers.next(1)? {
                    let number = numbers.next(index_bytes)?;
                    // Indices count from 1, and 0 means no property.
                    properties.extend((number & !mark).checked_sub(1).map(|index| (index, number & mark != 0)));
                }
                if let Some(item) = self.items.iter_mut().find(|item| item.id == id) {
                    item.properties = properties;
                }
            }
        }
        Some(())
    }

    fn read_references(&mut self, range: Range<usize>) -> Option<()> {
        let id_bytes = if self.versioned(range.start)?.0 == 0 { 2 } else { 4 };
        for found in boxes(self.bytes, range.start + 4..range.end).take(MOST_PARTS) {
            let mut numbers = self.numbers(found.range.start);
            let from = numbers.next(id_bytes)?;
            for _ in 0..numbers.next(2)? {
                if self.references.len() == 4 * MOST_PARTS {
                    return Some(());
                }
                self.references.push((found.kind, from, numbers.next(id_bytes)?));
            }
        }
        Some(())
    }

    pub(super) fn item(&self, id: usize) -> Result<&Item, Rejection> {
        self.items.iter().find(|item| item.id == id).ok_or_else(corrupt)
    }

    /// Iterates over the items that an item refers to, in order.
    pub(super) fn refers(&self, kind: [u8; 4], from: usize) -> impl Iterator<Item = usize> {
        self.references.iter().filter(move |(of, by, _)| (*of, *by) == (kind, from)).map(|(_, _, to)| *to)
    }

    pub(super) fn properties_of<'b>(&'b self, item: &'b Item) -> impl Iterator<Item = &'b Box> {
        item.properties.iter().filter_map(|&(index, _)| self.properties.get(index))
    }

    /// Returns the content of an item's property.
    pub(super) fn property(&self, item: &Item, kind: [u8; 4]) -> Option<&'a [u8]> {
        let found = self.properties_of(item).find(|property| property.kind == kind)?;
        self.bytes.get(found.range.clone())
    }

    pub(super) fn size(&self, item: &Item) -> Option<(u32, u32)> {
        let reader = Reader::big(self.property(item, *b"ispe")?);
        Some((reader.u32(4)?, reader.u32(8)?))
    }

    /// Returns the ranges of an item's data, all within the file and together no longer than the file.
    pub(super) fn data(&self, item: &Item) -> Result<Vec<Range<usize>>, Rejection> {
        if item.pieces.iter().any(|piece| piece.end > self.bytes.len()) {
            return Err(Reason::Truncated.because("the AVIF ends before its picture does"));
        }
        // Pieces that overlap could need many times the memory of the file.
        let length: usize = item.pieces.iter().map(Range::len).sum();
        if length == 0 || length > self.bytes.len() {
            return Err(corrupt());
        }
        Ok(item.pieces.iter().filter(|piece| !piece.is_empty()).cloned().collect())
    }
}
