//! Reads the segments of a file up to the first scan, and the headers of scans.

use crate::{
    error::Error,
    geometry::{Channel, Geometry},
    input::Input,
    tables::Tables,
};

/// The properties of a JPEG that precede its first scan.
#[derive(Debug, Clone, Default)]
pub struct Header {
    /// The width in pixels as stored, before the Exif orientation is applied.
    pub width: u16,
    /// The height in pixels; 0 if only a segment behind the first scan contains it.
    pub height: u16,
    /// Whether the file is progressive: its scans refine each other.
    pub progressive: bool,
    /// Whether the first scan has all components, as in nearly all sequential files. Such a picture is made row by row.
    pub interleaved: bool,
    /// The components: one, three or four.
    pub components: Vec<Component>,
    /// Whether the file has a JFIF segment, which makes three components `YCbCr`.
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
    /// The identifier by which scans refer to the component.
    pub id: u8,
    /// Horizontal sampling factor, 1 to 4. That of a lone component counts as 1.
    pub h: u8,
    /// Vertical sampling factor, 1 to 4. That of a lone component counts as 1.
    pub v: u8,
    /// The number of the quantisation table, 0 to 3.
    pub quantisation: u8,
}

/// The colour model of the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// One component: grey.
    Gray,
    /// Red, green and blue.
    Rgb,
    /// Luminance and two of chrominance.
    YCbCr,
    /// Cyan, magenta, yellow and black, inverted as Adobe and everyone else stores them: 255 is no ink.
    Cmyk,
    /// Inverted inks as well, with cyan, magenta and yellow in `YCbCr`.
    Ycck,
}

impl Header {
    /// The colour model by the rules of libjpeg, which practically all files have been tried with.
    #[must_use]
    pub fn colours(&self) -> Colours {
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        match (&ids[..], self.jfif, self.adobe) {
            ([_], ..) => Colours::Gray,
            ([_, _, _, _], _, Some(0) | None) => Colours::Cmyk,
            ([_, _, _, _], _, Some(_)) => Colours::Ycck,
            (_, false, Some(0)) | (b"RGB", false, None) => Colours::Rgb,
            _ => Colours::YCbCr,
        }
    }
}

impl Header {
    /// Reads the segment of the frame.
    pub(crate) fn frame(&mut self, marker: u8, segment: &[u8]) -> Result<(), Error> {
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

/// Reads up to and including the header of the first scan.
pub(crate) fn read(input: &mut Input) -> Result<(Header, Tables, ScanHeader), Error> {
    let (mut header, mut tables) = (Header::default(), Tables::default());
    let mut profile = Vec::new();
    let mut buffer = Vec::new();
    if !input.begins()? {
        return Err(Error::NotJpeg);
    }
    while let Some(marker) = input.marker()? {
        match marker {
            // A second start marker, restart markers and markers without meaning have no segment.
            0xd8 | 0xd0..=0xd7 | 0x01 => continue,
            0xd9 => break,
            0xda if header.components.is_empty() => return Err(Error::Corrupt("a scan comes before the frame")),
            0xc3 => return Err(Error::Unsupported("lossless")),
            0xc5..=0xc7 | 0xde | 0xdf => return Err(Error::Unsupported("hierarchical")),
            0xc9..=0xcf => return Err(Error::Unsupported("arithmetic coding")),
            _ => {}
        }
        let is_wanted = matches!(marker, 0xc0..=0xc2 | 0xc4 | 0xda | 0xdb | 0xdd | 0xe0..=0xe2 | 0xee);
        if !is_wanted {
            if input.skip_segment(marker)? {
                continue;
            }
            break;
        }
        let segment = match input.segment(&mut buffer) {
            // What may be missing is missing.
            Err(Error::Corrupt(_)) if marker >= 0xe0 => continue,
            segment => segment?,
        };
        let Some(segment) = segment else { break };
        match marker {
            0xda => {
                let scan = ScanHeader::read(segment, &header)?;
                header.interleaved = scan.parts.len() == header.components.len();
                header.icc = join(profile);
                return Ok((header, tables, scan));
            }
            0xc0..=0xc2 if header.components.is_empty() => header.frame(marker, segment)?,
            0xc0..=0xc2 => return Err(Error::Corrupt("there are two frames")),
            0xe0 if segment.starts_with(b"JFIF\0") && segment.len() >= 14 => header.jfif = true,
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

/// Joins the segments of an ICC profile. Each begins with its number and the number of segments.
fn join(mut parts: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    parts.sort_by_key(|part| part[0]);
    parts.dedup_by_key(|part| part[0]);
    (!parts.is_empty()).then(|| parts.iter().flat_map(|part| &part[2..]).copied().collect())
}

/// A scan's header.
#[derive(Debug)]
pub(crate) struct ScanHeader {
    pub(crate) parts: Vec<Selected>,
    /// The zigzag indices of the first and the last coefficient. These and the fields below have a meaning in progressive files only.
    pub(crate) first: u8,
    pub(crate) last: u8,
    /// Whether the scan refines coefficients of an earlier scan.
    pub(crate) refines: bool,
    /// The number of bits by which to shift coefficients.
    pub(crate) shift: u32,
}

/// A component of a scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selected {
    /// The index of the component in the frame.
    pub(crate) channel: usize,
    /// The numbers of the Huffman tables.
    pub(crate) dc: u8,
    pub(crate) ac: u8,
}

impl ScanHeader {
    /// The number of MCUs in a row, and the number of rows: see [`mcu`](Self::mcu).
    pub(crate) fn shape(&self, geometry: &Geometry) -> (u32, u32) {
        match self.parts[..] {
            [only] => geometry.channels[only.channel].blocks,
            _ => geometry.mcus,
        }
    }

    /// The number of blocks of a channel in an MCU, across and down. It is one by one in a scan of one component.
    pub(crate) fn mcu(&self, channel: &Channel) -> (usize, usize) {
        if self.parts.len() == 1 { (1, 1) } else { (channel.h as usize, channel.v as usize) }
    }

    /// # Errors
    /// Returns [`Error::Corrupt`] if the header contradicts the frame or itself.
    pub(crate) fn read(segment: &[u8], header: &Header) -> Result<Self, Error> {
        const CUT: Error = Error::Corrupt("a scan header is cut off");
        let (&count, rest) = segment.split_first().ok_or(CUT)?;
        let (listed, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or(CUT)?;
        let &[first, last, approximation] = rest.first_chunk().ok_or(CUT)?;
        let mut parts: Vec<Selected> = Vec::new();
        for &[id, tables] in listed.as_chunks::<2>().0 {
            // If components share an identifier, the scan means them in turn.
            let used = |channel: &usize| parts.iter().all(|part| part.channel != *channel);
            let named = |&channel: &usize| header.components[channel].id == id;
            let channel = (0..header.components.len()).filter(named).find(used);
            let channel =
                channel.ok_or(Error::Corrupt("a scan names a component twice, or one that is not in the frame"))?;
            parts.push(Selected { channel, dc: tables >> 4, ac: tables & 15 });
        }
        if parts.is_empty() {
            return Err(Error::Corrupt("a scan has no component"));
        }
        let (high, low) = (approximation >> 4, approximation & 15);
        if header.progressive {
            if last > 63 || first > last || first == 0 && last != 0 {
                return Err(Error::Corrupt("a scan's band of coefficients is impossible"));
            }
            if first > 0 && parts.len() != 1 {
                return Err(Error::Corrupt("a scan of more than first coefficients has several components"));
            }
            if low > 13 || high > 0 && high != low + 1 {
                return Err(Error::Corrupt("a scan's approximation is impossible"));
            }
        }
        Ok(Self { parts, first, last, refines: high > 0, shift: u32::from(low) })
    }
}
