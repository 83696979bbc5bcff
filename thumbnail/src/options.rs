//! The options of thumbnails, and the limits of sources.

use std::{str::FromStr, time::Duration};

use crate::{Format, Size};

/// The options of thumbnails.
#[derive(Debug, Clone)]
pub struct Options {
    /// The sizes to make, in any order, without repeats.
    pub sizes: Vec<Size>,
    /// The formats of each size. If two outputs result in the same format for a source, the first applies.
    pub outputs: Vec<Output>,
    /// The sizes that have their own output instead of `outputs`.
    pub own_outputs: Vec<(Size, Output)>,
    /// The JPEG quality from 1 to 100, for outputs that name none.
    pub jpeg_quality: u8,
    /// The WebP quality from 1 to 100, for outputs that name none.
    pub webp_quality: u8,
    /// The AVIF quality from 1 to 100, for outputs that name none.
    pub avif_quality: u8,
    /// The red, green and blue of the background behind transparent pixels, for formats without transparency.
    pub background: [u8; 3],
    /// The metadata that thumbnails keep.
    pub keep: Keep,
    /// What thumbnails of animated sources show.
    pub animation: Animation,
    /// Whether to compute [`crate::Look::placeholder`].
    pub placeholder: bool,
    /// The limits of sources.
    pub limits: Limits,
}

/// What thumbnails of an animated GIF or WebP show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Animation {
    /// Thumbnails show the first frame.
    #[default]
    First,
    /// GIF and WebP thumbnails are animated; others show the first frame.
    Keep,
}

impl FromStr for Animation {
    type Err = &'static str;

    /// Parses `first` or `keep`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "first" => Ok(Self::First),
            "keep" => Ok(Self::Keep),
            _ => Err("write first or keep"),
        }
    }
}

/// A format of thumbnails, and its quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Output {
    /// The format; `None` for the format of the source. If browsers do not show that format, or this build cannot write it, the
    /// thumbnail becomes a JPEG, or a PNG if the source has transparency.
    pub format: Option<Format>,
    /// The quality from 1 to 100; `None` for the default of the format. PNG and GIF have no quality.
    pub quality: Option<u8>,
}

/// The metadata that thumbnails keep; none by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The names of the artist and of the copyright holder.
    pub copyright: bool,
    /// The ICC profile, with the colours in it, if the thumbnail's format can store a profile. Other thumbnails are in sRGB.
    pub icc: bool,
}

/// The limits of sources. A source that exceeds one is rejected before anything is allocated for its picture.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The maximum size of the source file in bytes.
    pub max_bytes: u64,
    /// The maximum number of pixels, which is width times height.
    pub max_pixels: u64,
    /// The maximum peak heap in bytes, including the source file. The need of a source is estimated from its header.
    pub max_memory: u64,
    /// The memory that the process uses besides, in bytes. Rejections add it to name the total memory that would suffice.
    pub other_memory: u64,
    /// The maximum size of an ICC profile after decompression, in bytes. The largest printer profiles have three megabytes.
    pub max_metadata: u64,
    /// The maximum number of scans of a progressive JPEG. Each scan visits the whole picture; encoders write about ten.
    pub max_scans: u32,
    /// The maximum number of pixels that all scans of a JPEG visit together, which limits the decoding time to about two seconds.
    /// It allows 25 scans of 100 megapixels, far more than encoders write. Four scans, one for each component, are always allowed.
    pub max_scan_pixels: u64,
    /// The maximum number of pixels of all frames of an AVIF, including alpha. Each byte of data counts as four more pixels, because
    /// it takes as long to decode. This limits the decoding time to about 20 seconds.
    pub max_av1_pixels: u64,
    /// The maximum number of frames of an animation. With more frames, thumbnails show the first frame.
    pub max_frames: u32,
    /// The maximum number of pixels of all frames of an animation. Each pixel of a thumbnail counts as eight more pixels, because it
    /// takes as long to encode. This limits the time that an animation takes.
    pub max_animation_pixels: u64,
    /// The maximum time for all frames of an animation.
    pub max_animation_time: Duration,
}

impl Options {
    /// Returns the outputs of `size`.
    pub(crate) fn outputs_of(&self, size: Size) -> &[Output] {
        let own = self.own_outputs.iter().find(|(other, _)| *other == size);
        own.map_or(&self.outputs[..], |(_, output)| std::slice::from_ref(output))
    }
}

impl Limits {
    /// Returns the maximum number of scans of a JPEG of `width` by `height` pixels.
    pub(crate) fn scans(&self, (width, height): (u32, u32)) -> u32 {
        let pixels = u64::from(width) * u64::from(height);
        u32::try_from(self.max_scan_pixels / pixels.max(1)).unwrap_or(u32::MAX).max(4).min(self.max_scans)
    }
}

impl Output {
    /// The source's format.
    pub const SOURCE: Self = Self { format: None, quality: None };
}

impl FromStr for Output {
    type Err = String;

    /// Parses `source`, `jpeg`, `png`, `webp` or `avif` (which needs the feature `avif-output`), each with an optional `:quality`, as
    /// in `webp:75`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, quality) = text.split_once(':').map_or((text, None), |(name, quality)| (name, Some(quality)));
        let format = match name {
            "source" => None,
            "jpeg" => Some(Format::Jpeg),
            "png" => Some(Format::Png),
            "webp" => Some(Format::Webp),
            "avif" if cfg!(feature = "avif-output") => Some(Format::Avif),
            "avif" => return Err(format!("{text:?}: this build writes no AVIF; it needs the feature \"avif-output\"")),
            _ => return Err(format!("{text:?} is no output format: write source, jpeg, png, webp or avif")),
        };
        let quality = match quality.map(str::parse::<u8>) {
            None => None,
            Some(Ok(quality @ 1..=100)) => Some(quality),
            Some(_) => return Err(format!("{text:?}: a quality is a whole number from 1 to 100")),
        };
        Ok(Self { format, quality })
    }
}

impl FromStr for Keep {
    type Err = String;

    /// Parses `copyright` and `icc`, separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut keep = Self::default();
        for name in text.split(',').map(str::trim) {
            match name {
                "copyright" => keep.copyright = true,
                "icc" => keep.icc = true,
                _ => {
                    return Err(format!("{name:?} cannot be kept: write copyright, icc, or both with a comma between"));
                }
            }
        }
        Ok(keep)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sizes: vec![Size::Width(100), Size::Width(300), Size::Width(500)],
            outputs: vec![Output::SOURCE],
            own_outputs: Vec::new(),
            jpeg_quality: 80,
            // Files have the size of sharp's at 80, and are closer to their source.
            webp_quality: 79,
            avif_quality: 60,
            background: [255; 3],
            keep: Keep::default(),
            animation: Animation::default(),
            placeholder: true,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 100 << 20,
            max_pixels: 100_000_000,
            max_memory: 400 << 20,
            other_memory: 0,
            max_metadata: 4 << 20,
            max_scans: 100,
            max_scan_pixels: 2_500_000_000,
            max_av1_pixels: 150_000_000,
            max_frames: 500,
            max_animation_pixels: 2_500_000_000,
            max_animation_time: Duration::from_secs(20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read() {
        assert_eq!("source".parse(), Ok(Output::SOURCE));
        assert_eq!("webp:75".parse(), Ok(Output { format: Some(Format::Webp), quality: Some(75) }));
        for wrong in ["", "gif", "jpg", "jpeg:0", "jpeg:101", "jpeg:", "JPEG"] {
            let message = wrong.parse::<Output>().unwrap_err();
            assert!(message.contains(&format!("{wrong:?}")) || message.contains(wrong), "{message}");
        }
    }
}
