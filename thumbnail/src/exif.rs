//! Reads the orientation from Exif.

use crate::{bytes::Reader, orientation::Orientation};

/// Reads the orientation from an Exif block, which is a small TIFF file. Returns upright if it is missing or damaged.
pub(crate) fn orientation(block: &[u8]) -> Orientation {
    // JPEG requires this prefix; some writers of WebP and PNG keep it.
    let tiff = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    find(tiff).map(Orientation::from_exif).unwrap_or_default()
}

fn find(tiff: &[u8]) -> Option<u16> {
    const ORIENTATION: u16 = 0x0112;
    let reader = Reader::tiff(tiff)?;
    let directory = usize::try_from(reader.u32(4)?).ok()?;
    let entries = usize::from(reader.u16(directory)?);
    (0..entries)
        .map(|i| directory + 2 + 12 * i)
        .take_while(|&entry| entry + 12 <= tiff.len())
        .find(|&entry| reader.u16(entry) == Some(ORIENTATION) && reader.u32(entry + 4) != Some(0))
        .and_then(|entry| match reader.u16(entry + 2)? {
            3 => reader.u16(entry + 8),
            // Some writers store a LONG where a SHORT belongs.
            4 => u16::try_from(reader.u32(entry + 8)?).ok(),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_byte_orders_and_survives_anything() {
        let big = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let little = b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
        assert_eq!(orientation(big), Orientation::Rotate90);
        assert_eq!(orientation(little), Orientation::Rotate270);
        // An entry without a value is ignored.
        let mut empty = *big;
        empty[17] = 0;
        assert_eq!(orientation(&empty), Orientation::Upright);
        for end in 0..big.len() {
            orientation(&big[..end]);
            orientation(&[&big[..end], &[255; 8]].concat());
        }
    }
}
