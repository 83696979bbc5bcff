//! Segments: what a file says of its picture before the first coefficient, and the tables that decoding needs.

use std::io::BufRead;

use crate::{error::Error, huffman::Spec, input::Input, scan::ScanHeader, standard, zigzag};

/// What is known of a JPEG before its first scan.
#[derive(Debug, Clone, Default)]
pub struct Header {
    /// In pixels, as stored: not turned by the Exif orientation.
    pub width: u16,
    /// In pixels; 0 where only a segment behind the first scan gives it.
    pub height: u16,
    /// Whether the coefficients come in several scans that refine each other.
    pub progressive: bool,
    /// Whether the first scan has all components, as in nearly all sequential files: then the picture is made row by row.
    pub interleaved: bool,
    /// One, three or four.
    pub components: Vec<Component>,
    /// Whether a JFIF segment is there, which says that three components are `YCbCr`.
    pub jfif: bool,
    /// The colour transform of an Adobe segment: 0 none, 1 `YCbCr`, 2 YCCK.
    pub adobe: Option<u8>,
    /// The first Exif segment, from its TIFF header on.
    pub exif: Option<Vec<u8>>,
    /// The ICC profile, joined from its segments.
    pub icc: Option<Vec<u8>>,
}

/// A component of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// The name by which scans refer to it.
    pub id: u8,
    /// Horizontal sampling factor, 1 to 4. That of a lone component counts as 1.
    pub h: u8,
    /// Vertical sampling factor, 1 to 4. That of a lone component counts as 1.
    pub v: u8,
    /// Number of its quantisation table, 0 to 3.
    pub quantisation: u8,
}

/// Which colours the components are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// One component: grey.
    Gray,
    /// Red, green and blue.
    Rgb,
    /// Luminance and two of chrominance.
    YCbCr,
    /// How much ink there is.
    Cmyk,
    /// How much ink is missing.
    AdobeCmyk,
    /// The same, with cyan, magenta and yellow as the light that remains, in `YCbCr`.
    AdobeYcck,
}

impl Header {
    /// Which colours the components are, by the rules of libjpeg, with which every file in the world was tried.
    #[must_use]
    pub fn colours(&self) -> Colours {
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        match (&ids[..], self.jfif, self.adobe) {
            ([_], ..) => Colours::Gray,
            ([_, _, _, _], _, Some(2)) => Colours::AdobeYcck,
            ([_, _, _, _], _, Some(_)) => Colours::AdobeCmyk,
            ([_, _, _, _], _, None) => Colours::Cmyk,
            (_, false, Some(0)) | (b"RGB", false, None) => Colours::Rgb,
            _ => Colours::YCbCr,
        }
    }
}

/// Tables that scans refer to by number.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// In rows.
    quantisation: [Option<[u16; 64]>; 4],
    dc: [Option<Spec>; 4],
    ac: [Option<Spec>; 4],
    /// MCUs between restart markers; 0 for none.
    pub(crate) interval: u32,
}

impl Tables {
    pub(crate) fn quantisation(&self, number: u8) -> Result<&[u16; 64], Error> {
        let table = self.quantisation[usize::from(number & 3)].as_ref();
        table.ok_or(Error::Corrupt("a quantisation table is missing"))
    }

    /// Without one of that number, the standard's example: cameras that write Motion JPEG leave those out.
    pub(crate) fn dc(&self, number: u8) -> Spec {
        let table = self.dc[usize::from(number & 3)].clone();
        table.unwrap_or_else(|| standard::dc(number))
    }

    pub(crate) fn ac(&self, number: u8) -> Spec {
        let table = self.ac[usize::from(number & 3)].clone();
        table.unwrap_or_else(|| standard::ac(number))
    }

    /// Takes in a segment that defines tables; others are none of its business.
    pub(crate) fn read(&mut self, marker: u8, segment: &[u8]) -> Result<(), Error> {
        match marker {
            0xc4 => self.read_huffman(segment),
            0xdb => self.read_quantisation(segment),
            0xdd => {
                let interval = segment.first_chunk().ok_or(Error::Corrupt("the restart interval is cut off"))?;
                self.interval = u32::from(u16::from_be_bytes(*interval));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn read_huffman(&mut self, mut segment: &[u8]) -> Result<(), Error> {
        const CUT: Error = Error::Corrupt("a Huffman table is cut off");
        while let [place, rest @ ..] = segment {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(CUT)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(CUT)?;
            let tables = match place >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(Error::Corrupt("a Huffman table has no known class")),
            };
            let table = tables.get_mut(usize::from(place & 15));
            *table.ok_or(Error::Corrupt("a Huffman table's number is above 3"))? = Some(Spec::new(*counts, symbols)?);
            segment = rest;
        }
        Ok(())
    }

    fn read_quantisation(&mut self, mut segment: &[u8]) -> Result<(), Error> {
        const CUT: Error = Error::Corrupt("a quantisation table is cut off");
        while let [place, rest @ ..] = segment {
            let bytes = if place >> 4 == 0 { 1 } else { 2 };
            let (values, rest) = rest.split_at_checked(64 * bytes).ok_or(CUT)?;
            let mut table = [0; 64];
            for (value, &at) in values.chunks_exact(bytes).zip(&zigzag::NATURAL) {
                table[usize::from(at)] = value.iter().fold(0, |sum, &byte| sum << 8 | u16::from(byte));
            }
            let number = usize::from(place & 15);
            let place = self.quantisation.get_mut(number);
            *place.ok_or(Error::Corrupt("a quantisation table's number is above 3"))? = Some(table);
            segment = rest;
        }
        Ok(())
    }
}

/// Reads up to the first scan's header, and no further.
pub(crate) fn read<R: BufRead>(input: &mut Input<R>) -> Result<(Header, Tables, ScanHeader), Error> {
    let (mut header, mut tables) = (Header::default(), Tables::default());
    let mut profile = Vec::new();
    let mut buffer = Vec::new();
    if !input.begins()? {
        return Err(Error::NotJpeg);
    }
    while let Some(marker) = input.marker()? {
        match marker {
            // A second start, restart markers and those without meaning stand alone.
            0xd8 | 0xd0..=0xd7 | 0x01 => continue,
            0xd9 => break,
            0xda if header.components.is_empty() => return Err(Error::Corrupt("a scan comes before the frame")),
            0xc3 => return Err(Error::Unsupported("lossless")),
            0xc5..=0xc7 | 0xde | 0xdf => return Err(Error::Unsupported("hierarchical")),
            0xc9..=0xcf => return Err(Error::Unsupported("arithmetic coding")),
            _ => {}
        }
        let Some(segment) = input.segment(&mut buffer)? else { break };
        match marker {
            0xda => {
                let scan = ScanHeader::read(segment, &header)?;
                header.interleaved = scan.parts.len() == header.components.len();
                header.icc = join(profile);
                return Ok((header, tables, scan));
            }
            0xc0..=0xc2 if header.components.is_empty() => header.frame(marker, segment)?,
            0xc0..=0xc2 => return Err(Error::Corrupt("there are two frames")),
            0xe0 if segment.starts_with(b"JFIF\0") => header.jfif = true,
            0xe1 if segment.starts_with(b"Exif\0\0") && header.exif.is_none() => {
                header.exif = Some(segment[6..].to_vec());
            }
            0xe2 if segment.starts_with(b"ICC_PROFILE\0") && segment.len() > 14 => profile.push(segment[12..].to_vec()),
            0xee if segment.starts_with(b"Adobe") && segment.len() >= 12 => header.adobe = Some(segment[11]),
            _ => tables.read(marker, segment)?,
        }
    }
    Err(Error::NoPicture)
}

impl Header {
    fn frame(&mut self, marker: u8, segment: &[u8]) -> Result<(), Error> {
        const CUT: Error = Error::Corrupt("the frame header is cut off");
        let (&[precision, h1, h0, w1, w0, count], listed) = segment.split_first_chunk().ok_or(CUT)?;
        if precision != 8 {
            return Err(Error::Unsupported("more than 8 bits a sample"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(Error::Unsupported("neither one nor three nor four components"));
        }
        self.height = u16::from_be_bytes([h1, h0]);
        self.width = u16::from_be_bytes([w1, w0]);
        if self.width == 0 {
            return Err(Error::Corrupt("its width is 0"));
        }
        self.progressive = marker == 0xc2;
        for component in listed.get(..3 * usize::from(count)).ok_or(CUT)?.as_chunks::<3>().0 {
            let &[id, factors, quantisation] = component;
            let (h, v) = (factors >> 4, factors & 15);
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) {
                return Err(Error::Corrupt("a sampling factor is not 1 to 4"));
            }
            if quantisation > 3 {
                return Err(Error::Corrupt("a quantisation table's number is above 3"));
            }
            let (h, v) = if count == 1 { (1, 1) } else { (h, v) };
            self.components.push(Component { id, h, v, quantisation });
        }
        Ok(())
    }
}

/// Joins an ICC profile's segments, which begin with their number and how many there are.
fn join(mut parts: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    parts.sort_by_key(|part| part[0]);
    parts.dedup_by_key(|part| part[0]);
    (!parts.is_empty()).then(|| parts.iter().flat_map(|part| &part[2..]).copied().collect())
}
