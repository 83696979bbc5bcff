//! Makes the pictures of the tests, and compares thumbnails with them.
//!
//! They are coded and decoded by the crate `image`, which the thumbnails are not made with: two opinions on every format.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, imageops::FilterType};

/// A picture that shows its own orientation: red, green, blue and yellow quarters (from the top left, row by row) under a
/// fine pattern, so that a flipped, turned or cropped copy is far from it.
#[must_use]
pub fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let shade = u8::try_from((x / 3 + y / 5) % 40).unwrap_or_default();
        let (dark, light) = (20 + shade, 210 + shade);
        Rgb(match (x < width / 2, y < height / 2) {
            (true, true) => [light, dark, dark],
            (false, true) => [dark, light, dark],
            (true, false) => [dark, dark, light],
            (false, false) => [light, light, dark],
        })
    })
}

/// A picture of the same size that is as unlike [`picture`] as possible.
#[must_use]
pub fn other_picture(width: u32, height: u32) -> RgbImage {
    let mut picture = picture(width, height);
    image::imageops::invert(&mut picture);
    picture
}

/// The file of a picture.
///
/// # Panics
/// Where `format` is one that the test build of `image` does not write.
#[must_use]
pub fn encode(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("a format that can be written");
    file.into_inner()
}

/// Encodes a JPEG with an Exif orientation: `orientation` is the TIFF tag's value, 1 to 8.
#[must_use]
pub fn jpeg_with_orientation(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    // A big-endian TIFF with one directory of one entry: tag 0x0112, type SHORT, one value.
    let tiff = [&b"MM\0\x2a\0\0\0\x08"[..], &[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0], &[0, 0, 0, 0]]
        .concat();
    let length = u16::try_from(2 + 6 + tiff.len()).unwrap_or_default().to_be_bytes();
    let jpeg = encode(picture, ImageFormat::Jpeg);
    [&jpeg[..2], &[0xff, 0xe1], &length, b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

/// Turns an upright picture into the one that a camera stores with the Exif value `orientation` (1 to 8).
///
/// # Panics
/// Where `orientation` is another number.
#[must_use]
pub fn as_stored(upright: &RgbImage, orientation: u8) -> RgbImage {
    let upright = DynamicImage::ImageRgb8(upright.clone());
    let stored = match orientation {
        1 => upright,
        2 => upright.fliph(),
        3 => upright.rotate180(),
        4 => upright.flipv(),
        5 => upright.rotate90().fliph(),
        6 => upright.rotate270(),
        7 => upright.rotate270().fliph(),
        8 => upright.rotate90(),
        other => panic!("{other} is no orientation"),
    };
    stored.into_rgb8()
}

/// Asserts that `file` is a `format` of the given size that shows `picture`, within the tolerance for resizing and coding.
///
/// # Panics
/// Where it is not; the file is then written to the temporary folder, to be looked at.
pub fn assert_shows(file: &[u8], format: ImageFormat, (width, height): (u32, u32), picture: &RgbImage) {
    let failed = |why: String| -> ! {
        let path = std::env::temp_dir().join("unexpected-thumbnail").with_extension(format.extensions_str()[0]);
        let _ = std::fs::write(&path, file);
        panic!("{why}; look at {}", path.display())
    };
    match image::guess_format(file) {
        Ok(found) if found == format => {}
        other => failed(format!("not {format:?} but {other:?}")),
    }
    let shown = match image::load_from_memory(file) {
        Ok(shown) => shown.into_rgb8(),
        Err(error) => failed(format!("not a {format:?}: {error}")),
    };
    if shown.dimensions() != (width, height) {
        failed(format!("{:?} pixels instead of {:?}", shown.dimensions(), (width, height)));
    }
    let expected = image::imageops::resize(picture, width, height, FilterType::Triangle);
    let total: u64 = shown.as_raw().iter().zip(expected.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    // A flipped, turned or other picture is some 90 levels away; JPEG at quality 80 and a GIF's palette less than 10.
    let levels = total / shown.as_raw().len() as u64;
    if levels > 15 {
        failed(format!("{levels} levels away from the expected picture on average"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "levels away")]
    fn a_flipped_picture_is_told_apart() {
        let mut flipped = picture(400, 300);
        image::imageops::flip_horizontal_in_place(&mut flipped);
        assert_shows(&encode(&flipped, ImageFormat::Png), ImageFormat::Png, (400, 300), &picture(400, 300));
    }

    #[test]
    #[should_panic(expected = "levels away")]
    fn another_picture_is_told_apart() {
        let other = encode(&other_picture(400, 300), ImageFormat::Jpeg);
        assert_shows(&other, ImageFormat::Jpeg, (400, 300), &picture(400, 300));
    }
}
