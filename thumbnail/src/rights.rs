//! Reads the names of the artist and of the copyright holder from metadata: from Exif, else from IPTC, else from XMP.

use std::borrow::Cow;

use memchr::memmem;

use crate::{
    Format,
    bytes::Reader,
    exif,
    header::{avif, png, tiff::Directory, webp},
};

/// The Exif tags.
const ARTIST: u16 = 0x013b;
const COPYRIGHT: u16 = 0x8298;

/// The names as the source stores them, without a terminating zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    artist: Option<Vec<u8>>,
    copyright: Option<Vec<u8>>,
}

/// The metadata blocks of a file.
#[derive(Default)]
struct Blocks<'a> {
    exif: Option<Cow<'a, [u8]>>,
    iptc: Option<&'a [u8]>,
    xmp: Option<&'a [u8]>,
}

impl Rights {
    /// Reads the names from a source. Damaged metadata counts as missing.
    pub(crate) fn of(source: &[u8], format: Format) -> Self {
        let blocks = match format {
            Format::Jpeg => of_jpeg(source),
            Format::Png => Blocks { exif: png::exif(source).map(Cow::Borrowed), ..Blocks::default() },
            Format::Webp => {
                let exif = webp::chunk(source, *b"EXIF").map(Cow::Borrowed);
                Blocks { exif, xmp: webp::chunk(source, *b"XMP "), iptc: None }
            }
            Format::Tiff => {
                // Many writers declare these bytes as numbers of four bytes.
                let raw = |tag: u16| Directory::first(source)?.raw(tag);
                Blocks { exif: Some(Cow::Borrowed(source)), xmp: raw(700), iptc: raw(33723) }
            }
            Format::Avif => Blocks { exif: avif::exif(source).map(Cow::Owned), ..Blocks::default() },
            _ => Blocks::default(),
        };
        let one = |tag: u16, dataset: u8, element: &str| {
            let exif = || from_exif(blocks.exif.as_deref()?, tag);
            let iptc = || from_iptc(blocks.iptc?, dataset);
            let xmp = || from_xmp(blocks.xmp?, element);
            exif().or_else(iptc).or_else(xmp)
        };
        Self { artist: one(ARTIST, 80, "dc:creator"), copyright: one(COPYRIGHT, 116, "dc:rights") }
    }

    /// Builds an Exif block of the names; returns `None` if there are none.
    pub(crate) fn to_exif(&self) -> Option<Vec<u8>> {
        let fields: Vec<_> = [(ARTIST, &self.artist), (COPYRIGHT, &self.copyright)]
            .into_iter()
            .filter_map(|(tag, text)| Some((tag, [text.as_ref()?, &b"\0"[..]].concat())))
            .collect();
        if fields.is_empty() {
            return None;
        }
        let mut block = [b"MM\0\x2a\0\0\0\x08", &u16::try_from(fields.len()).ok()?.to_be_bytes()[..]].concat();
        let mut texts: Vec<u8> = Vec::new();
        // The texts follow the entries and the offset of the next directory, which is 0.
        let texts_at = block.len() + 12 * fields.len() + 4;
        for (tag, text) in &fields {
            let length = u32::try_from(text.len()).ok()?;
            block.extend([&tag.to_be_bytes()[..], &[0, 2], &length.to_be_bytes()].concat());
            if text.len() <= 4 {
                block.extend(text.iter().copied().chain([0; 4]).take(4));
            } else {
                block.extend(u32::try_from(texts_at + texts.len()).ok()?.to_be_bytes());
                texts.extend(text);
            }
        }
        block.extend([0; 4]);
        block.extend(texts);
        Some(block)
    }
}

/// Trims white space and zeros, and shortens a long text; returns `None` if nothing is left.
fn text(bytes: &[u8]) -> Option<Vec<u8>> {
    /// The maximum length, by which two texts fit into the one Exif segment of a JPEG.
    const LONGEST: usize = 16 << 10;
    let is_blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let start = bytes.iter().position(|byte| !is_blank(byte))?;
    let end = bytes.iter().rposition(|byte| !is_blank(byte))? + 1;
    Some(bytes[start..end.min(start + LONGEST)].to_vec())
}

fn from_exif(block: &[u8], tag: u16) -> Option<Vec<u8>> {
    text(exif::directory(block)?.bytes(tag)?)
}

/// Reads a dataset of record 2 of IPTC-IIM, which describes the picture.
fn from_iptc(block: &[u8], dataset: u8) -> Option<Vec<u8>> {
    let reader = Reader::big(block);
    let mut at = 0;
    while reader.u8(at)? == 0x1c {
        let length = usize::from(reader.u16(at + 3)?);
        let value = reader.slice(at + 5, length)?;
        if (reader.u8(at + 1)?, reader.u8(at + 2)?) == (2, dataset) {
            if std::str::from_utf8(value).is_ok() {
                return text(value);
            }
            // Text in another encoding is mostly Latin-1.
            return text(value.iter().map(|&byte| char::from(byte)).collect::<String>().as_bytes());
        }
        at += 5 + length;
    }
    None
}

/// Reads the first text in an XMP element.
fn from_xmp(block: &[u8], element: &str) -> Option<Vec<u8>> {
    let from = memmem::find(block, format!("<{element}").as_bytes())?;
    let block = &block[from..from + memmem::find(&block[from..], format!("</{element}").as_bytes())?];
    let item = &block[memmem::find(block, b"<rdf:li")?..];
    let item = &item[memchr::memchr(b'>', item)? + 1..];
    let value = std::str::from_utf8(&item[..memchr::memchr(b'<', item)?]).ok()?;
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    let value = entities.into_iter().fold(value.to_owned(), |value, (entity, sign)| value.replace(entity, sign));
    text(value.as_bytes())
}

fn of_jpeg(source: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks::default();
    for (marker, content) in segments(source) {
        let after = |prefix: &[u8]| content.strip_prefix(prefix);
        match marker {
            // The first Exif block is the camera's.
            0xe1 if blocks.exif.is_none() && after(b"Exif\0\0").is_some() => blocks.exif = Some(Cow::Borrowed(content)),
            0xe1 => blocks.xmp = blocks.xmp.or_else(|| after(b"http://ns.adobe.com/xap/1.0/\0")),
            0xed => blocks.iptc = blocks.iptc.or_else(|| resource(after(b"Photoshop 3.0\0")?)),
            _ => {}
        }
    }
    blocks
}

/// Iterates over the marker segments before the first scan of a JPEG.
fn segments(source: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let reader = Reader::big(source);
    let mut at = 2;
    std::iter::from_fn(move || {
        loop {
            match (reader.u8(at)?, reader.u8(at + 1)?) {
                (0xff, 0xff) => at += 1,
                (0xff, 0xd9 | 0xda) => return None,
                (0xff, 0x01 | 0xd0..=0xd8) => at += 2,
                (0xff, marker) => {
                    let length = usize::from(reader.u16(at + 2)?);
                    let content = reader.slice(at + 4, length.checked_sub(2)?)?;
                    at += 2 + length;
                    return Some((marker, content));
                }
                _ => at += 1,
            }
        }
    })
}

/// Finds the IPTC block within Photoshop's resources.
fn resource(block: &[u8]) -> Option<&[u8]> {
    let reader = Reader::big(block);
    let even = |length: usize| length + (length & 1);
    let mut at = 0;
    while reader.slice(at, 4)? == b"8BIM" {
        let id = reader.u16(at + 4)?;
        let data = at + 6 + even(1 + usize::from(reader.u8(at + 6)?));
        let length = reader.u32(data)? as usize;
        if id == 0x0404 {
            return reader.slice(data + 4, length);
        }
        at = (data + 4).checked_add(even(length))?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHTS: (&str, &str) = ("Ada Łovelace", "© 2026 Ada");

    fn rights() -> Rights {
        Rights { artist: Some(RIGHTS.0.into()), copyright: Some(RIGHTS.1.into()) }
    }

    fn jpeg(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut file = vec![0xff, 0xd8];
        for (marker, content) in segments {
            file.extend([0xff, *marker]);
            file.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
            file.extend(content);
        }
        file.extend([0xff, 0xda, 0, 2]);
        file
    }

    fn iptc(datasets: &[(u8, &[u8])]) -> Vec<u8> {
        let mut record = Vec::new();
        for (dataset, value) in datasets {
            record.extend([0x1c, 2, *dataset]);
            record.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            record.extend(*value);
        }
        let other = [&b"8BIM\x03\xed\x03abc\0\0\0\x01\x09\0"[..]].concat();
        let length = u32::try_from(record.len()).unwrap().to_be_bytes();
        [b"Photoshop 3.0\0", &other[..], b"8BIM\x04\x04\0\0", &length, &record].concat()
    }

    fn xmp(creator: &str, rights: &str) -> Vec<u8> {
        let packet = format!(
            "http://ns.adobe.com/xap/1.0/\0<rdf:Description><dc:creator><rdf:Seq><rdf:li>{creator}</rdf:li></rdf:Seq></dc:creator>\
             <dc:rights><rdf:Alt><rdf:li xml:lang=\"x-default\">{rights}</rdf:li></rdf:Alt></dc:rights></rdf:Description>"
        );
        packet.into_bytes()
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (artist, copyright) in [(true, true), (true, false), (false, true)] {
            let Rights { artist: name, copyright: owner } = rights();
            let rights = Rights { artist: name.filter(|_| artist), copyright: owner.filter(|_| copyright) };
            let block = [b"Exif\0\0", &rights.to_exif().unwrap()[..]].concat();
            assert_eq!(Rights::of(&jpeg(&[(0xe1, block)]), Format::Jpeg), rights);
        }
        let short = Rights { artist: Some(b"A B".into()), copyright: None };
        assert_eq!(Rights::of(&short.to_exif().unwrap(), Format::Tiff), short);
        assert_eq!(Rights::default().to_exif(), None);
    }

    #[test]
    fn exif_comes_before_iptc_before_xmp() {
        let exif = |artist: &[u8]| {
            let rights = Rights { artist: Some(artist.into()), copyright: None };
            (0xe1, [b"Exif\0\0", &rights.to_exif().unwrap()[..]].concat())
        };
        let iptc = (0xed, iptc(&[(5, b"title"), (80, b"IPTC"), (116, b"\xa9 IPTC")]));
        let xmp = (0xe1, xmp("XMP", "&lt;XMP&amp;lt;&gt;"));
        let read = |segments: &[_]| Rights::of(&jpeg(segments), Format::Jpeg);
        let is =
            |artist: &str, copyright: &str| Rights { artist: Some(artist.into()), copyright: Some(copyright.into()) };
        assert_eq!(read(&[xmp.clone(), iptc.clone(), exif(b"Exif"), exif(b"other")]), is("Exif", "© IPTC"));
        assert_eq!(read(&[xmp.clone(), iptc, exif(b" \0 ")]), is("IPTC", "© IPTC"));
        assert_eq!(read(&[xmp]), is("XMP", "<XMP&lt;>"));
        assert_eq!(read(&[]), Rights::default());
    }

    #[test]
    fn a_tiff_may_hold_iptc_as_long_numbers() {
        let record = [b"\x1c\x02\x50\0\x03Ada", &[0; 4][..]].concat();
        let numbers = u32::try_from(record.len() / 4).unwrap().to_le_bytes();
        let file =
            [&b"II\x2a\0\x08\0\0\0\x01\0\xbb\x83\x04\0"[..], &numbers, &[26, 0, 0, 0, 0, 0, 0, 0], &record].concat();
        assert_eq!(Rights::of(&file, Format::Tiff).artist.as_deref(), Some(&b"Ada"[..]));
    }

    #[test]
    fn long_texts_are_cut_so_that_two_fit_into_a_segment() {
        let long = Rights { artist: Some(vec![b'a'; 30_000]), copyright: Some(vec![b'c'; 30_000]) };
        let read = Rights::of(&long.to_exif().unwrap(), Format::Tiff);
        assert_eq!(read.artist.as_ref().map(Vec::len), Some(16 << 10));
        assert!(read.to_exif().unwrap().len() < 65_000);
    }

    #[test]
    fn damage_is_as_good_as_missing() {
        let exif = [b"Exif\0\0", &rights().to_exif().unwrap()[..]].concat();
        let whole = jpeg(&[(0xed, iptc(&[(80, b"IPTC"), (116, b"IPTC")])), (0xe1, xmp("a", "b")), (0xe1, exif)]);
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let mut file = whole.clone();
            file.truncate(random.usize(..=file.len()));
            for _ in 0..random.usize(..4) {
                if !file.is_empty() {
                    let at = random.usize(..file.len());
                    file[at] = random.u8(..);
                }
            }
            for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Tiff, Format::Avif] {
                Rights::of(&file, format);
            }
        }
    }
}
