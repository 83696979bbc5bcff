//! AVIF: which pictures of the container make up the one that is shown, how they are put together and turned, and where their
//! data lie. Written from ISO/IEC 14496-12 (boxes), 23008-12 (pictures in them) and the AVIF specification 1.1,
//! <https://aomediacodec.github.io/av1-avif/>.

use std::{borrow::Cow, ops::Range};

use super::Header;
use crate::{Format, Reason, Rejection, bytes::Reader, orientation::Orientation};

/// More than this many parts have been seen in no real picture.
const MOST_PARTS: usize = 1024;

/// How a picture is put together.
#[derive(Debug)]
pub(crate) struct Coding {
    pub(crate) colour: Layer,
    pub(crate) alpha: Option<Layer>,
    /// Whether the colours are multiplied by alpha.
    pub(crate) premultiplied: bool,
    pub(crate) colours: Option<Colours>,
}

/// How colours are coded, by the code points of ITU-T H.273: what the container says, which outranks the pictures in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colours {
    pub(crate) primaries: u16,
    pub(crate) matrix: u16,
    pub(crate) full_range: bool,
}

/// A picture, of one tile or of several side by side.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) columns: usize,
    /// In rows from the top, each the pieces of the file that hold its data.
    pub(crate) tiles: Vec<Vec<Range<usize>>>,
    /// Width and height of each tile.
    pub(crate) tile: (u32, u32),
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let Some(meta) = boxes(bytes, 0..bytes.len()).find(|found| found.kind == *b"meta") else {
        if boxes(bytes, 0..bytes.len()).any(|found| found.kind == *b"moov") {
            return Err(Reason::UnsupportedFormat.because("the AVIF is a film without a picture"));
        }
        return Err(super::ends_in_header(Format::Avif));
    };
    if meta.range.end > bytes.len() {
        return Err(super::ends_in_header(Format::Avif));
    }
    // The version and flags of the box come first.
    let container = Container::read(bytes, meta.range.start + 4..meta.range.end)?;
    let primary = container.item(container.primary)?;
    let (colour, (width, height)) = container.layer(primary)?;
    let alpha_item = container.alpha_of(primary);
    let alpha = alpha_item.map(|item| container.layer(item)).transpose()?;
    if alpha.as_ref().is_some_and(|(_, size)| *size != (width, height)) {
        return Err(Reason::UnsupportedFormat.because("the AVIF's alpha channel has another size than its colours"));
    }
    let premultiplied =
        alpha_item.is_some_and(|item| container.refers(*b"prem", primary.id).any(|referred| referred == item.id));
    let (colours, icc) = container.colours(primary);
    Ok(Header {
        format: Format::Avif,
        width,
        height,
        orientation: container.orientation(primary),
        icc: icc.map(Cow::Borrowed),
        coding: super::Coding::Avif(Coding { colour, alpha: alpha.map(|(layer, _)| layer), premultiplied, colours }),
    })
}

struct Box {
    kind: [u8; 4],
    /// Its content.
    range: Range<usize>,
}

/// The boxes in a part of a file. The last one may end beyond it.
fn boxes(bytes: &[u8], within: Range<usize>) -> impl Iterator<Item = Box> {
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

struct Item {
    id: u32,
    kind: [u8; 4],
    /// Where its data lie.
    pieces: Vec<Range<usize>>,
    /// Indices into the container's properties, in the order in which they are applied.
    properties: Vec<usize>,
}

struct Container<'a> {
    bytes: &'a [u8],
    primary: u32,
    items: Vec<Item>,
    properties: Vec<Box>,
    /// Kind, from which item, to which one.
    references: Vec<([u8; 4], u32, u32)>,
}

fn corrupt() -> Rejection {
    Reason::Corrupt.because("the AVIF's description of its pictures breaks the format's rules")
}

impl<'a> Container<'a> {
    fn read(bytes: &'a [u8], meta: Range<usize>) -> Result<Self, Rejection> {
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
        part(b"iloc").and_then(|range| container.read_places(range.start, &data)).ok_or_else(corrupt)??;
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
                // Older versions say nothing of pictures.
                _ => continue,
            };
            let kind = reader.slice(after + 2, 4)?.try_into().ok()?;
            self.items.push(Item { id, kind, pieces: Vec::new(), properties: Vec::new() });
        }
        Some(())
    }

    /// None where the box breaks the rules, an error where it is of a kind that is not supported.
    fn read_places(&mut self, start: usize, data: &Range<usize>) -> Option<Result<(), Rejection>> {
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
            // Which other file the data are in: 0 is this one.
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
                // The highest bit says that the property is essential.
                let read = |i: usize| {
                    if wide {
                        reader.u16(at + 2 * i).map(|index| usize::from(index & 0x7fff))
                    } else {
                        reader.u8(at + i).map(|index| usize::from(index & 0x7f))
                    }
                };
                let properties: Vec<usize> = (0..associations).map(read).collect::<Option<_>>()?;
                at += associations * if wide { 2 } else { 1 };
                if let Some(item) = self.items.iter_mut().find(|item| item.id == id) {
                    // They count from 1; 0 is none.
                    item.properties = properties.into_iter().filter_map(|index| index.checked_sub(1)).collect();
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

    fn item(&self, id: u32) -> Result<&Item, Rejection> {
        self.items.iter().find(|item| item.id == id).ok_or_else(corrupt)
    }

    /// What an item refers to, in order.
    fn refers(&self, kind: [u8; 4], from: u32) -> impl Iterator<Item = u32> {
        self.references.iter().filter(move |(of, by, _)| (*of, *by) == (kind, from)).map(|(_, _, to)| *to)
    }

    fn properties_of<'b>(&'b self, item: &'b Item) -> impl Iterator<Item = &'b Box> {
        item.properties.iter().filter_map(|&index| self.properties.get(index))
    }

    /// The content of an item's property.
    fn property(&self, item: &Item, kind: [u8; 4]) -> Option<&'a [u8]> {
        let found = self.properties_of(item).find(|property| property.kind == kind)?;
        self.bytes.get(found.range.clone())
    }

    fn size(&self, item: &Item) -> Option<(u32, u32)> {
        let reader = Reader::big(self.property(item, *b"ispe")?);
        Some((reader.u32(4)?, reader.u32(8)?))
    }

    fn alpha_of(&self, primary: &Item) -> Option<&Item> {
        const KINDS: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0"];
        let of_primary = |kind: &[u8; 4], from: &u32, to: &u32| kind == b"auxl" && *to == primary.id && *from != *to;
        let from =
            self.references.iter().filter(|(kind, from, to)| of_primary(kind, from, to)).map(|(_, from, _)| from);
        from.filter_map(|&id| self.items.iter().find(|item| item.id == id)).find(|item| {
            let what = self.property(item, *b"auxC").and_then(|property| property.get(4..));
            what.is_some_and(|what| KINDS.iter().any(|kind| what.starts_with(kind)))
        })
    }

    /// What a picture is made of, and its width and height.
    fn layer(&self, item: &Item) -> Result<(Layer, (u32, u32)), Rejection> {
        match &item.kind {
            b"av01" => {
                let size = self.size(item).ok_or_else(corrupt)?;
                Ok((Layer { columns: 1, tiles: vec![self.data(item)?], tile: size }, size))
            }
            b"grid" => self.grid(item),
            kind => Err(Reason::UnsupportedFormat
                .because(format!("the AVIF's picture is of the kind \"{}\"", kind.escape_ascii()))),
        }
    }

    fn grid(&self, item: &Item) -> Result<(Layer, (u32, u32)), Rejection> {
        let data =
            self.data(item)?.into_iter().flat_map(|piece| &self.bytes[piece]).copied().take(12).collect::<Vec<_>>();
        let reader = Reader::big(&data);
        let read = || {
            let (rows, columns) = (usize::from(reader.u8(2)?) + 1, usize::from(reader.u8(3)?) + 1);
            let size = match reader.u8(1)? & 1 {
                0 => (reader.u16(4)?.into(), reader.u16(6)?.into()),
                _ => (reader.u32(4)?, reader.u32(8)?),
            };
            Some((rows, columns, size))
        };
        let (rows, columns, size) = read().ok_or_else(corrupt)?;
        if rows * columns > MOST_PARTS {
            return Err(Reason::TooComplex.because(format!("{} tiles are more than any real AVIF has", rows * columns)));
        }
        let tiles: Vec<&Item> = self.refers(*b"dimg", item.id).map(|id| self.item(id)).collect::<Result<_, _>>()?;
        let first = tiles.first().ok_or_else(corrupt)?;
        let tile = self.size(first).ok_or_else(corrupt)?;
        let same = |tile: &(u32, u32)| tiles.iter().all(|item| item.kind == *b"av01" && self.size(item) == Some(*tile));
        // They cover the picture, none of them in vain.
        let covers = |edge: u32, tile: u32, count: usize| {
            let (edge, tile, count) = (u64::from(edge), u64::from(tile), count as u64);
            edge <= tile * count && edge > tile * (count - 1)
        };
        if tiles.len() != rows * columns
            || !same(&tile)
            || !covers(size.0, tile.0, columns)
            || !covers(size.1, tile.1, rows)
        {
            return Err(corrupt());
        }
        let tiles = tiles.into_iter().map(|item| self.data(item)).collect::<Result<_, _>>()?;
        Ok((Layer { columns, tiles, tile }, size))
    }

    /// Where an item's data lie, which is within the file.
    fn data(&self, item: &Item) -> Result<Vec<Range<usize>>, Rejection> {
        if item.pieces.iter().any(|piece| piece.end > self.bytes.len()) {
            return Err(Reason::Truncated.because("the AVIF ends before its picture does"));
        }
        if item.pieces.iter().all(Range::is_empty) {
            return Err(corrupt());
        }
        Ok(item.pieces.clone())
    }

    /// How colours are coded, and the ICC profile.
    fn colours(&self, item: &Item) -> (Option<Colours>, Option<&'a [u8]>) {
        let (mut colours, mut icc) = (None, None);
        // A grid's tiles may say it in its stead.
        let tile = self.refers(*b"dimg", item.id).next().and_then(|id| self.item(id).ok());
        let found = self.properties_of(item).chain(tile.into_iter().flat_map(|tile| self.properties_of(tile)));
        for content in
            found.filter(|found| found.kind == *b"colr").filter_map(|found| self.bytes.get(found.range.clone()))
        {
            let reader = Reader::big(content);
            match content.get(..4) {
                Some(b"nclx") if colours.is_none() => {
                    colours = (|| {
                        let full_range = reader.u8(10)? & 0x80 != 0;
                        Some(Colours { primaries: reader.u16(4)?, matrix: reader.u16(8)?, full_range })
                    })();
                }
                Some(b"prof" | b"rICC") if icc.is_none() => icc = content.get(4..),
                _ => {}
            }
        }
        (colours, icc)
    }

    /// How the picture must be turned: first rotated, then mirrored. Exif only repeats it.
    fn orientation(&self, item: &Item) -> Orientation {
        let first = |kind: [u8; 4]| self.property(item, kind).and_then(|content| content.first().copied());
        // Quarter turns counter-clockwise; and which parts change places, 0 top and bottom or 1 left and right.
        let (turns, mirror) = (first(*b"irot").unwrap_or(0) & 3, first(*b"imir").map(|axis| axis & 1));
        match (turns, mirror) {
            (0, None) => Orientation::Upright,
            (1, None) => Orientation::Rotate270,
            (2, None) => Orientation::Rotate180,
            (_, None) => Orientation::Rotate90,
            (0, Some(0)) | (2, Some(1)) => Orientation::MirrorVertical,
            (0 | 2, Some(_)) => Orientation::MirrorHorizontal,
            (1, Some(0)) | (3, Some(1)) => Orientation::Transpose,
            (_, Some(_)) => Orientation::Transverse,
        }
    }
}
