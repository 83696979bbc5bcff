//! AVIF: finds the pictures of the container that make up the visible one, and how they are joined, cropped and turned.
//!
//! Written from ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (pictures in boxes) and the AVIF specification 1.1
//! (<https://aomediacodec.github.io/av1-avif/>).

mod container;

use std::{borrow::Cow, ops::Range};

use self::container::{Container, Item, MOST_PARTS, boxes, corrupt};
use super::{Coding, Header, av1::Coded, ends_in_header};
use crate::{Format, Reason, Rejection, bytes::Reader, orientation::Orientation};

/// The coding of an AVIF.
#[derive(Debug)]
pub(crate) struct AvifCoding {
    pub(crate) colour: Layer,
    pub(crate) alpha: Option<Layer>,
    /// Whether colours are multiplied by alpha.
    pub(crate) premultiplied: bool,
    pub(crate) colours: Option<Colours>,
    /// The column and row of the first visible pixel.
    pub(crate) from: (u32, u32),
}

/// The container's code points of ITU-T H.273 for colours, which take precedence over those in the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colours {
    pub(crate) primaries: u16,
    pub(crate) transfer: u16,
    pub(crate) matrix: u16,
    pub(crate) full_range: bool,
}

/// A picture of one or more tiles.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) columns: usize,
    /// The tiles, row by row from the top, each as the ranges of its data.
    pub(crate) tiles: Vec<Vec<Range<usize>>>,
    /// The width and height of each tile.
    pub(crate) tile: (u32, u32),
    /// The coding of the tiles, which is the same for all.
    pub(crate) coded: Coded,
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    /// SMPTE ST 2084: levels of light up to 10,000 candelas, which look washed out without conversion.
    const PQ: u16 = 16;
    let found = |kind: [u8; 4]| boxes(bytes, 0..bytes.len()).find(|found| found.kind == kind);
    let meta = match found(*b"meta") {
        Some(meta) if meta.range.end <= bytes.len() => meta.range,
        None if found(*b"moov").is_some() => {
            return Err(Reason::UnsupportedFormat.because("the AVIF is a film without a picture"));
        }
        _ => return Err(ends_in_header(Format::Avif)),
    };
    // The box begins with its version and flags.
    let container = Container::read(bytes, meta.start + 4..meta.end)?;
    let primary = container.item(container.primary)?;
    container.check_essentials(primary, &[TRANSFORMS, DESCRIPTIONS].concat())?;
    let (colour, size) = container.layer(primary)?;
    let alpha_item = container.alpha_of(primary);
    let alpha = alpha_item.map(|item| container.layer(item)).transpose()?;
    if alpha.as_ref().is_some_and(|(_, of_alpha)| *of_alpha != size) {
        return Err(Reason::UnsupportedFormat.because("the AVIF's alpha channel has another size than its colours"));
    }
    if alpha.is_none() && container.tiles(primary)?.iter().any(|tile| container.alpha_of(tile).is_some()) {
        return Err(Reason::UnsupportedFormat.because("each of the AVIF's tiles has an alpha channel of its own"));
    }
    let [from, size] = container.shown(primary, size)?;
    let premultiplied =
        alpha_item.is_some_and(|item| container.refers(*b"prem", primary.id).any(|referred| referred == item.id));
    let (colours, icc) = container.colours(primary);
    if icc.is_none() && colours.map_or(colour.coded.transfer, |colours| colours.transfer) == PQ {
        return Err(Reason::UnsupportedFormat.because("the AVIF's levels are those of HDR displays (PQ)"));
    }
    let (orientation, icc) = (container.orientation(primary), icc.map(Cow::Borrowed));
    let coding = AvifCoding { colour, alpha: alpha.map(|(layer, _)| layer), premultiplied, colours, from };
    Ok(Header { orientation, icc, ..Header::plain(Format::Avif, size, Coding::Avif(coding)) })
}

/// Reads the Exif block of the visible picture.
pub(crate) fn exif(bytes: &[u8]) -> Option<Vec<u8>> {
    let meta = boxes(bytes, 0..bytes.len()).find(|found| found.kind == *b"meta")?;
    let container = Container::read(bytes, meta.range.start + 4..meta.range.end.min(bytes.len())).ok()?;
    let item = container.items.iter().find(|item| {
        item.kind == *b"Exif" && container.refers(*b"cdsc", item.id).any(|described| described == container.primary)
    })?;
    let pieces = container.data(item).ok()?;
    let data = pieces.into_iter().filter_map(|piece| bytes.get(piece)).collect::<Vec<_>>().concat();
    // The data begin with the offset of the block.
    let start = usize::try_from(Reader::big(&data).u32(0)?).ok()?.checked_add(4)?;
    data.get(start..).map(<[u8]>::to_vec)
}

impl AvifCoding {
    /// Estimates the decoding time, as a number of pixels of an ordinary picture.
    pub(crate) fn work(&self) -> u64 {
        let layers = std::iter::once(&self.colour).chain(&self.alpha);
        let works = layers.flat_map(|layer| {
            let pixels = layer.coded.pixels(u64::from(layer.tile.0) * u64::from(layer.tile.1));
            let bytes = |tile: &Vec<Range<usize>>| tile.iter().map(|piece| piece.len() as u64).sum::<u64>();
            layer.tiles.iter().map(move |tile| pixels.saturating_add(4 * bytes(tile)))
        });
        works.fold(0, u64::saturating_add)
    }
}

/// The properties that transform a picture after its tiles are joined.
const TRANSFORMS: &[[u8; 4]] = &[*b"clap", *b"irot", *b"imir"];

/// The known properties that describe a picture.
const DESCRIPTIONS: &[[u8; 4]] =
    &[*b"av1C", *b"ispe", *b"pixi", *b"colr", *b"pasp", *b"auxC", *b"a1lx", *b"mdcv", *b"clli", *b"cclv", *b"amve"];

/// Returns the data of a tile, which must lie within the file.
pub(crate) fn data<'a>(bytes: &'a [u8], pieces: &[Range<usize>]) -> Cow<'a, [u8]> {
    match pieces {
        [piece] => Cow::Borrowed(&bytes[piece.clone()]),
        _ => pieces.iter().flat_map(|piece| &bytes[piece.clone()]).copied().collect::<Vec<u8>>().into(),
    }
}

impl<'a> Container<'a> {
    /// Rejects a picture with an essential property that is not `known`.
    fn check_essentials(&self, item: &Item, known: &[[u8; 4]]) -> Result<(), Rejection> {
        let essentials = item.properties.iter().filter(|(_, essential)| *essential);
        for found in essentials.filter_map(|&(index, _)| self.properties.get(index)) {
            // These properties select layers. All layers, or the first operating point, are what the decoder decodes anyway.
            let all = match &found.kind {
                b"lsel" => self.bytes.get(found.range.clone()) == Some(&[0xff, 0xff]),
                b"a1op" => self.bytes.get(found.range.clone()) == Some(&[0]),
                _ => known.contains(&found.kind),
            };
            if !all {
                let kind = found.kind.escape_ascii();
                return Err(
                    Reason::UnsupportedFormat.because(format!("the AVIF's picture needs its property \"{kind}\""))
                );
            }
        }
        Ok(())
    }

    fn alpha_of(&self, primary: &Item) -> Option<&Item> {
        const KINDS: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0"];
        let of_primary =
            self.references.iter().filter(|(kind, from, to)| kind == b"auxl" && *to == primary.id && from != to);
        of_primary.filter_map(|(_, from, _)| self.item(*from).ok()).find(|item| {
            let what = self.property(item, *b"auxC").and_then(|property| property.get(4..));
            what.is_some_and(|what| KINDS.iter().any(|kind| what.starts_with(kind)))
        })
    }

    /// Reads a picture: its layer, and its width and height.
    fn layer(&self, item: &Item) -> Result<(Layer, (u32, u32)), Rejection> {
        match &item.kind {
            b"av01" => {
                let size = self.size(item).ok_or_else(corrupt)?;
                Ok((self.layer_of(1, &[item], size)?, size))
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
        let tiles = self.tiles(item)?;
        let first = tiles.first().ok_or_else(corrupt)?;
        let tile = self.size(first).ok_or_else(corrupt)?;
        let same = |tile: &(u32, u32)| tiles.iter().all(|item| item.kind == *b"av01" && self.size(item) == Some(*tile));
        // The tiles cover the picture, and no row or column of tiles lies outside of it.
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
        for item in &tiles {
            self.check_essentials(item, DESCRIPTIONS)?;
        }
        Ok((self.layer_of(columns, &tiles, tile)?, size))
    }

    /// Returns the items of the tiles of a grid.
    fn tiles(&self, grid: &Item) -> Result<Vec<&Item>, Rejection> {
        self.refers(*b"dimg", grid.id).map(|id| self.item(id)).collect()
    }

    fn layer_of(&self, columns: usize, items: &[&Item], tile: (u32, u32)) -> Result<Layer, Rejection> {
        /// How often the bytes of the file may be decoded on average, as identical tiles may share their data.
        const MOST_TIMES: usize = 4;
        const ALWAYS: usize = 1 << 20;
        let tiles: Vec<Vec<Range<usize>>> = items.iter().map(|item| self.data(item)).collect::<Result<_, _>>()?;
        let lengths = tiles.iter().flatten().map(Range::len);
        if lengths.fold(0, usize::saturating_add) > (MOST_TIMES * self.bytes.len()).max(ALWAYS) {
            return Err(
                Reason::TooComplex.because("the AVIF's tiles use the same bytes more often than in any real one")
            );
        }
        let mut coded = None;
        for pieces in &tiles {
            let read = Coded::read(&data(self.bytes, pieces))?;
            if *coded.get_or_insert(read) != read {
                return Err(Reason::UnsupportedFormat.because("the AVIF's tiles are coded differently"));
            }
        }
        Ok(Layer { columns, tiles, tile, coded: coded.ok_or_else(corrupt)? })
    }

    /// Reads the code points for colours, and the ICC profile.
    fn colours(&self, item: &Item) -> (Option<Colours>, Option<&'a [u8]>) {
        let (mut colours, mut icc) = (None, None);
        // They may belong to the tiles of a grid instead.
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
                        let [primaries, transfer, matrix] = [reader.u16(4)?, reader.u16(6)?, reader.u16(8)?];
                        Some(Colours { primaries, transfer, matrix, full_range })
                    })();
                }
                Some(b"prof" | b"rICC") if icc.is_none() => icc = content.get(4..),
                _ => {}
            }
        }
        (colours, icc)
    }

    /// Returns the first visible pixel of a picture of `size`, and the visible width and height.
    fn shown(&self, item: &Item, size: (u32, u32)) -> Result<[(u32, u32); 2], Rejection> {
        let Some(crop) = self.property(item, *b"clap") else { return Ok([(0, 0), size]) };
        let reader = Reader::big(crop);
        // Each axis has a length and the distance of its centre from the centre of the picture, both as fractions.
        let axis = |all: u32, at: usize| {
            let number = |i: usize| reader.u32(at + 4 * i).map(i64::from);
            let shift = i64::from(reader.u32(at + 16)?.cast_signed());
            let (length, shift_by) = (number(0)?.checked_div(number(1)?)?, number(5)?);
            let rest = i64::from(all) - length;
            let start = rest.checked_mul(shift_by)?.checked_add(2 * shift)?.checked_div(2 * shift_by)?;
            let fits = length > 0 && (0..=rest).contains(&start);
            fits.then_some((u32::try_from(start).ok()?, u32::try_from(length).ok()?))
        };
        let (across, down) = axis(size.0, 0).zip(axis(size.1, 8)).ok_or_else(corrupt)?;
        Ok([(across.0, down.0), (across.1, down.1)])
    }

    /// Reads the orientation: a rotation, and then a mirroring. Exif only repeats it.
    fn orientation(&self, item: &Item) -> Orientation {
        let first = |kind: [u8; 4]| self.property(item, kind).and_then(|content| content.first().copied());
        // The number of quarter turns counter-clockwise; and whether top and bottom (0) or left and right (1) are swapped.
        let (turns, mirror) = (first(*b"irot").unwrap_or(0) & 3, first(*b"imir").map(|axis| axis & 1));
        let of_turns = match mirror {
            None => [1, 8, 3, 6],
            Some(0) => [4, 5, 2, 7],
            Some(_) => [2, 7, 4, 5],
        };
        Orientation::from_exif(of_turns[usize::from(turns)])
    }
}
