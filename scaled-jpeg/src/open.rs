//! Reads the segments of a file up to its first scan.

use crate::{error::Error, header::Header, input::Input, scan::ScanHeader, tables::Tables};

/// Reads the segments up to and including the header of the first scan.
pub(crate) fn open(input: &mut Input) -> Result<(Header, Tables, ScanHeader), Error> {
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
            // The picture can be decoded without this segment.
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
