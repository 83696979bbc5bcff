//! Reads Exif blocks, which are small TIFF files.

use crate::{
    header::tiff::{Directory, ORIENTATION},
    orientation::Orientation,
};

/// Finds the directory of an Exif block; returns `None` if the block is damaged.
pub(crate) fn directory(block: &[u8]) -> Option<Directory<'_>> {
    // JPEG requires this prefix; some writers of WebP and PNG keep it.
    Directory::first(block.strip_prefix(b"Exif\0\0").unwrap_or(block))
}

/// Reads the orientation from an Exif block. Returns upright if it is missing or damaged.
pub(crate) fn orientation(block: &[u8]) -> Orientation {
    // Exif has a SHORT, for which some writers store a LONG. Browsers ignore all other types.
    let directory = directory(block).filter(|directory| matches!(directory.kind(ORIENTATION), Some(3 | 4)));
    directory.map(|directory| directory.orientation()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_byte_orders_and_survives_anything() {
        let big = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let little = b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
        assert_eq!(orientation(big), Orientation::from_exif(6));
        assert_eq!(orientation(little), Orientation::from_exif(8));
        // An entry without a value is ignored.
        let mut empty = *big;
        empty[17] = 0;
        assert_eq!(orientation(&empty), Orientation::default());
        let mut byte = *big;
        byte[13] = 1;
        byte[18] = 6;
        assert_eq!(orientation(&byte), Orientation::default());
        for end in 0..big.len() {
            orientation(&big[..end]);
            orientation(&[&big[..end], &[255; 8]].concat());
        }
    }
}
