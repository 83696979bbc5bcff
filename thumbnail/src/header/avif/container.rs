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
            1 => (at + 16, reader.u64(at + 8)?),
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

pub(super) struct Item {
    pub(super) id: u32,
    pub(super) kind: [u8; 4],
    /// The ranges of its data.
    pub(super) pieces: Vec<Range<usize>>,
    /// The indices of its properties in the container, in the order in which they are applied; and whether the property is essential,
    /// so that a reader that does not know it must not show the picture.
    pub(super) properties: Vec<(usize, bool)>,
}

pub(super) struct Container<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) primary: u32,
    pub(super) items: Vec<Item>,
    pub(super) properties: Vec<Box>,
    /// The kind of each reference, the item that refers, and the item it refers to.
    pub(super) references: Vec<([u8; 4], u32, u32)>,
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
        container.primary = part(b"pitm").and_then(|range| container.read_primary(&range)).ok_or_else(corrupt)?;
        let data = part(b"idat").unwrap_or(0..0);
        part(b"iloc").and_then(|range| container.read_locations(range.start, &data)).ok_or_else(corrupt)??;
        let properties = part(b"iprp").ok_or_else(corrupt)?;
        container.read_properties(&properties).ok_or_else(corrupt)?;
        if let Some(range) = part(b"iref") {
            container.read_references(range).ok_or_else(corrupt)?;
        }
        Ok(container)
    }

    fn read_primary(&self, range: &Range<usize>) -> Option<u32> {
        let reader = Reader::big(self.bytes);
        if reader.u8(range.start)? == 0 {
            reader.u16(range.start + 4).map(u32::from)
        } else {
            reader.u32(range.start + 4)
        }
    }

    fn read_infos(&mut self, range: Range<usize>) -> Option<()> {
        let reader = Reader::big(self.bytes);
        let count_bytes = if reader.u8(range.start)? == 0 { 2 } else { 4 };
        for entry in boxes(self.bytes, range.start + 4 + count_bytes..range.end).take(MOST_PARTS) {
            let start = entry.range.start;
            let (id, after) = match reader.u8(start)? {
                2 => (reader.u16(start + 4)?.into(), start + 6),
                3 => (reader.u32(start + 4)?, start + 8),
                // Older versions do not describe pictures.
                _ => continue,
            };
            let kind = reader.slice(after + 2, 4)?.try_into().ok()?;
            self.items.push(Item { id, kind, pieces: Vec::new(), properties: Vec::new() });
        }
        Some(())
    }

    /// Reads the ranges of all items. Returns `None` if the box is invalid, and an error if it is not supported.
    fn read_locations(&mut self, start: usize, data: &Range<usize>) -> Option<Result<(), Rejection>> {
        let reader = Reader::big(self.bytes);
        let version = reader.u8(start)?;
        let sizes = reader.u16(start + 4)?;
        let bytes_of = |shift: u16| usize::from(sizes >> shift & 15);
        let (offset_bytes, length_bytes, base_bytes) = (bytes_of(12), bytes_of(8), bytes_of(4));
        let index_bytes = if version == 0 { 0 } else { bytes_of(0) };
        let mut at = start + 6;
        let mut next = |bytes: usize| {
            let value = match bytes {
                0 => 0,
                2 => reader.u16(at)?.into(),
                4 => reader.u32(at)?.into(),
                8 => reader.u64(at)?,
                _ => return None,
            };
            at += bytes;
            usize::try_from(value).ok()
        };
        let id_bytes = if version < 2 { 2 } else { 4 };
        let count = next(id_bytes)?;
        for _ in 0..count.min(MOST_PARTS) {
            let id = next(id_bytes)?;
            let method = if version == 0 { 0 } else { next(2)? & 15 };
            // The index of the file with the data, where 0 is this file.
            let elsewhere = next(2)? != 0;
            let base = next(base_bytes)?;
            let extents = next(2)?;
            let mut pieces = Vec::new();
            for _ in 0..extents {
                next(index_bytes)?;
                let (offset, length) = (next(offset_bytes)?, next(length_bytes)?);
                let from = if method == 1 { data.start } else { 0 };
                let from = from.checked_add(base)?.checked_add(offset)?;
                pieces.push(from..from.checked_add(length)?);
            }
            if pieces.len() > MOST_PARTS {
                return Some(Err(
                    Reason::TooComplex.because("the AVIF's picture lies about the file in too many pieces")
                ));
            }
            if let Some(item) = self.items.iter_mut().find(|item| item.id as usize == id) {
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
        let reader = Reader::big(self.bytes);
        let parts: Vec<Box> = boxes(self.bytes, range.clone()).take(MOST_PARTS).collect();
        let all = parts.iter().find(|part| part.kind == *b"ipco")?;
        self.properties = boxes(self.bytes, all.range.clone()).take(MOST_PARTS).collect();
        for assignment in parts.iter().filter(|part| part.kind == *b"ipma") {
            let start = assignment.range.start;
            let (version, wide) = (reader.u8(start)?, reader.u8(start + 3)? & 1 == 1);
            let count = reader.u32(start + 4)? as usize;
            let mut at = start + 8;
            for _ in 0..count.min(MOST_PARTS) {
                let id = if version == 0 { reader.u16(at)?.into() } else { reader.u32(at)? };
                at += if version == 0 { 2 } else { 4 };
                let associations = usize::from(reader.u8(at)?);
                at += 1;
                // The highest bit marks an essential property.
                let read = |i: usize| {
                    if wide {
                        reader.u16(at + 2 * i).map(|index| (usize::from(index & 0x7fff), index & 0x8000 != 0))
                    } else {
                        reader.u8(at + i).map(|index| (usize::from(index & 0x7f), index & 0x80 != 0))
                    }
                };
                let properties: Vec<(usize, bool)> = (0..associations).map(read).collect::<Option<_>>()?;
                at += associations * if wide { 2 } else { 1 };
                if let Some(item) = self.items.iter_mut().find(|item| item.id == id) {
                    // Indices count from 1, and 0 means no property.
                    let of_container = |(index, essential): (usize, bool)| Some((index.checked_sub(1)?, essential));
                    item.properties = properties.into_iter().filter_map(of_container).collect();
                }
            }
        }
        Some(())
    }

    fn read_references(&mut self, range: Range<usize>) -> Option<()> {
        let reader = Reader::big(self.bytes);
        let wide = reader.u8(range.start)? != 0;
        let id = |at: usize| if wide { reader.u32(at) } else { reader.u16(at).map(u32::from) };
        let id_bytes = if wide { 4 } else { 2 };
        for found in boxes(self.bytes, range.start + 4..range.end).take(MOST_PARTS) {
            let start = found.range.start;
            let from = id(start)?;
            let count = usize::from(reader.u16(start + id_bytes)?);
            for i in 0..count {
                if self.references.len() == 4 * MOST_PARTS {
                    return Some(());
                }
                self.references.push((found.kind, from, id(start + id_bytes + 2 + i * id_bytes)?));
            }
        }
        Some(())
    }

    pub(super) fn item(&self, id: u32) -> Result<&Item, Rejection> {
        self.items.iter().find(|item| item.id == id).ok_or_else(corrupt)
    }

    /// Iterates over the items that an item refers to, in order.
    pub(super) fn refers(&self, kind: [u8; 4], from: u32) -> impl Iterator<Item = u32> {
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

    /// Returns the ranges of an item's data, all within the file.
    pub(super) fn data(&self, item: &Item) -> Result<Vec<Range<usize>>, Rejection> {
        if item.pieces.iter().any(|piece| piece.end > self.bytes.len()) {
            return Err(Reason::Truncated.because("the AVIF ends before its picture does"));
        }
        if item.pieces.iter().all(Range::is_empty) {
            return Err(corrupt());
        }
        Ok(item.pieces.iter().filter(|piece| !piece.is_empty()).cloned().collect())
    }
}
