//! How thumbnails are made, and what a source may cost.

use std::{str::FromStr, time::Duration};

use crate::{Format, Size};

/// How thumbnails are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The sizes to make, in any order, without repeats.
    pub sizes: Vec<Size>,
    /// The formats to make of each size. Two that come to the same format for a source give one thumbnail, by the first.
    pub outputs: Vec<Output>,
    /// Sizes with an output of their own, which they are made in instead of `outputs`.
    pub own_outputs: Vec<(Size, Output)>,
    /// JPEG quality, 1 to 100, where an output names none.
    pub jpeg_quality: u8,
    /// WebP quality, 1 to 100, where an output names none.
    pub webp_quality: u8,
    /// AVIF quality, 1 to 100, where an output names none.
    pub avif_quality: u8,
    /// What shows through transparent pixels in an output without transparency: red, green, blue.
    pub background: [u8; 3],
    /// What thumbnails keep of their source's metadata.
    pub keep: Keep,
    /// What becomes of animations.
    pub animation: Animation,
    /// Whether [`crate::Look::placeholder`] is made.
    pub placeholder: bool,
    /// What a source may cost.
    pub limits: Limits,
}

/// What becomes of a GIF or a WebP that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Animation {
    /// Thumbnails show its first frame.
    #[default]
    First,
    /// Thumbnails in GIF and WebP move, others show its first frame.
    Keep,
}

impl FromStr for Animation {
    type Err = &'static str;

    /// `first` or `keep`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "first" => Ok(Self::First),
            "keep" => Ok(Self::Keep),
            _ => Err("write first or keep"),
        }
    }
}

/// One format to make, and its quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Output {
    /// The format, or none for the source's own. What browsers do not show (TIFF, BMP, ICO, HEIC), and AVIF where this build
    /// writes none, becomes JPEG then, or PNG where it has transparency.
    pub format: Option<Format>,
    /// 1 to 100; none for the default of the format. For PNG and GIF it has no meaning: both are coded without a quality.
    pub quality: Option<u8>,
}

/// What thumbnails keep of their source's metadata; nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The names of the author and of the owner.
    pub copyright: bool,
    /// The colours, with the ICC profile that they are in, where the thumbnail's format has a place for it. Other thumbnails are in sRGB.
    pub icc: bool,
}

/// What a source may cost. What exceeds a limit is rejected before a pixel is allocated.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Size of the source file in bytes.
    pub max_bytes: u64,
    /// Width times height of the source in pixels.
    pub max_pixels: u64,
    /// Heap that the work may take at its peak, in bytes, the source file included. What a format needs for a picture is
    /// estimated from the header.
    pub max_memory: u64,
    /// Memory that the process takes besides, in bytes. A rejection adds it, to name the memory that the process would need as a whole.
    pub other_memory: u64,
    /// An ICC profile after decompression, in bytes. The largest printer profiles have three megabytes.
    pub max_metadata: u64,
    /// Progressive scans of a JPEG, which each visit the whole picture. Encoders write some ten.
    pub max_scans: u32,
    /// Pixels that the scans of a JPEG visit together: their number times the picture's pixels. It bounds the time that decoding
    /// takes, to about two seconds; 25 scans of 100 megapixels are far beyond what encoders write. Four scans, one for each
    /// component, are let in at any size.
    pub max_scan_pixels: u64,
    /// Pixels of all frames of an AVIF, its alpha channel included, and four more for each byte of their data, which takes as long. It
    /// bounds the time that decoding takes, to about 20 seconds: the decoder is safe, not quick.
    pub max_av1_pixels: u64,
    /// Frames of an animation whose thumbnails are to move. One with more is not rejected: its thumbnails show the first frame.
    pub max_frames: u32,
    /// Pixels of all frames of such an animation, and eight for each pixel of its thumbnails, which takes as long. It bounds the time
    /// that an animation takes.
    pub max_animation_pixels: u64,
    /// How long the frames of such an animation may take in all.
    pub max_animation_time: Duration,
}

impl Options {
    /// What a size is made in.
    pub(crate) fn outputs_of(&self, size: Size) -> &[Output] {
        let own = self.own_outputs.iter().find(|(other, _)| *other == size);
        own.map_or(&self.outputs[..], |(_, output)| std::slice::from_ref(output))
    }
}

impl Limits {
    /// Scans that a JPEG of that size may have.
    pub(crate) fn scans(&self, (width, height): (u32, u32)) -> u32 {
        let pixels = u64::from(width) * u64::from(height);
        u32::try_from(self.max_scan_pixels / pixels.max(1)).unwrap_or(u32::MAX).max(4).min(self.max_scans)
    }
}

impl Output {
    /// The source's own format.
    pub const SOURCE: Self = Self { format: None, quality: None };
}

impl FromStr for Output {
    type Err = String;

    /// `source`, `jpeg`, `png`, `webp` or `avif` (which needs the feature `avif-output`), each with `:quality` if wanted, such as `webp:75`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, quality) = match text.split_once(':') {
            Some((name, quality)) => (name, Some(quality)),
            None => (text, None),
        };
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

    /// `copyright` and `icc`, separated by commas.
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
            // A picture as large as sharp's at 80, and closer to its source: decoding it was not scaled, so it has more detail.
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
