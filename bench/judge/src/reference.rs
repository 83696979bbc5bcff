//! The reference: the best possible thumbnail of a source, however long it takes to make.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage, imageops::FilterType, metadata::Orientation};
use moxcms::{ColorProfile, Layout, TransformOptions};

use crate::{Result, on_grey};

/// A source that is decoded in full, and its thumbnails.
pub struct Reference {
    stored: RgbImage,
    orientation: Orientation,
    /// The thumbnails that were asked for, each with its size and whether it is upright.
    made: Vec<((u32, u32), bool, RgbImage)>,
}

impl Reference {
    /// Decodes a file.
    ///
    /// # Errors
    /// Returns an error if the file is not an image.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        reader.no_limits();
        let mut decoder = reader.into_decoder()?;
        let orientation = decoder.orientation()?;
        let profile = decoder.icc_profile()?;
        let picture = DynamicImage::from_decoder(decoder)?;
        let mut stored = on_grey(&picture);
        if let Some(profile) = profile {
            stored = to_srgb(&stored, &profile)?;
        }
        Ok(Self { stored, orientation, made: Vec::new() })
    }

    /// Takes a picture that is upright and in sRGB.
    #[must_use]
    pub fn of(stored: RgbImage) -> Self {
        Self { stored, orientation: Orientation::NoTransforms, made: Vec::new() }
    }

    /// The upright width and height.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.turned(self.stored.dimensions())
    }

    fn turned(&self, (width, height): (u32, u32)) -> (u32, u32) {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        match self.orientation {
            Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH => (height, width),
            _ => (width, height),
        }
    }

    /// The reference at a size. Returns `None` if the size does not have the shape of the source, upright or as stored.
    pub fn at(&mut self, size: (u32, u32), upright: bool) -> Option<&RgbImage> {
        let full = if upright { self.size() } else { self.stored.dimensions() };
        // Programs round the height differently, so a difference of a pixel is allowed.
        let height = f64::from(size.0) * f64::from(full.1) / f64::from(full.0);
        if (height - f64::from(size.1)).abs() > 1.0 {
            return None;
        }
        let known = self.made.iter().position(|(at, turned, _)| (*at, *turned) == (size, upright));
        let index = known.unwrap_or_else(|| {
            let (width, height) = if upright { self.turned(size) } else { size };
            let reduced = image::imageops::resize(&self.stored, width, height, FilterType::Lanczos3);
            let mut reduced = DynamicImage::ImageRgb8(reduced);
            if upright {
                reduced.apply_orientation(self.orientation);
            }
            self.made.push((size, upright, reduced.into_rgb8()));
            self.made.len() - 1
        });
        Some(&self.made[index].2)
    }
}

fn to_srgb(picture: &RgbImage, profile: &[u8]) -> std::result::Result<RgbImage, moxcms::CmsError> {
    let profile = ColorProfile::new_from_slice(profile)?;
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, TransformOptions::default())?;
    let mut converted = RgbImage::new(picture.width(), picture.height());
    transform.transform(picture, &mut converted)?;
    Ok(converted)
}
