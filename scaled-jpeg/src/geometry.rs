//! Scales, and what they make of a frame: transforms, planes, sizes, memory.

use crate::{
    header::Header,
    streams::{Limits, MEMORY},
    tables,
};

/// By what a picture is reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scale {
    /// 1/8: one sample of each block of 8 × 8.
    Eighth,
    /// 1/4: 2 × 2 samples.
    Quarter,
    /// 3/8: 3 × 3 samples.
    ThreeEighths,
    /// 1/2: 4 × 4 samples.
    Half,
    /// 5/8: 5 × 5 samples.
    FiveEighths,
    /// 3/4: 6 × 6 samples.
    ThreeQuarters,
    /// 7/8: 7 × 7 samples.
    SevenEighths,
    /// 8/8: all samples.
    Full,
}

impl Scale {
    /// All scales, from the smallest.
    pub const ALL: [Self; 8] = [
        Self::Eighth,
        Self::Quarter,
        Self::ThreeEighths,
        Self::Half,
        Self::FiveEighths,
        Self::ThreeQuarters,
        Self::SevenEighths,
        Self::Full,
    ];

    /// The numerator over 8, which is the edge in samples of a block of 8 × 8.
    #[must_use]
    pub fn eighths(self) -> u32 {
        match self {
            Self::Eighth => 1,
            Self::Quarter => 2,
            Self::ThreeEighths => 3,
            Self::Half => 4,
            Self::FiveEighths => 5,
            Self::ThreeQuarters => 6,
            Self::SevenEighths => 7,
            Self::Full => 8,
        }
    }

    /// Width and height, in pixels, of a picture of `size` at this scale. Parts of a pixel count as one.
    #[must_use]
    pub fn apply(self, (width, height): (u32, u32)) -> (u32, u32) {
        let edge = |edge: u32| u32::try_from((u64::from(edge) * u64::from(self.eighths())).div_ceil(8)).unwrap_or(edge);
        (edge(width), edge(height))
    }

    /// The smallest scale that makes a picture of `size` no smaller than `wanted` on either axis; [`Full`](Self::Full) where
    /// `wanted` is larger than `size`.
    #[must_use]
    pub fn smallest_leaving(wanted: (u32, u32), size: (u32, u32)) -> Self {
        let suffices = |scale: &Self| {
            let (width, height) = scale.apply(size);
            width >= wanted.0 && height >= wanted.1
        };
        Self::ALL.into_iter().find(suffices).unwrap_or(Self::Full)
    }
}

/// One component at a scale.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    /// Blocks of a whole MCU.
    pub(crate) h: u32,
    pub(crate) v: u32,
    /// Samples of a block, at most 14 on each axis: as many as the luminance has there, if that is possible.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Blocks that show something of the picture, which are those of a scan of this component alone.
    pub(crate) blocks: (u32, u32),
    /// Samples that show something of the picture.
    pub(crate) shown: (usize, usize),
    /// How its samples are brought to the picture's size, across and down.
    pub(crate) upsampling: (Upsampling, Upsampling),
    /// The last coefficient in zigzag order that the transform needs.
    pub(crate) last: u8,
}

/// How samples on one axis become as many as the picture has pixels there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upsampling {
    /// They are as many.
    None,
    /// Each of them becomes two, three quarters of which are its own, and a quarter the nearer neighbour's.
    Triangle,
    /// The nearest one is taken.
    Nearest,
}

impl Channel {
    /// Whether the transform needs the coefficient of that zigzag index.
    pub(crate) fn keeps(&self, index: usize) -> bool {
        let at = usize::from(tables::NATURAL[index & 63]);
        at % 8 < self.width && at / 8 < self.height
    }
}

/// A frame at a scale.
#[derive(Debug, Clone)]
pub(crate) struct Geometry {
    pub(crate) scale: Scale,
    /// Of the reduced picture.
    pub(crate) size: (u32, u32),
    pub(crate) mcus: (u32, u32),
    pub(crate) h_max: u32,
    pub(crate) v_max: u32,
    pub(crate) channels: Vec<Channel>,
}

impl Geometry {
    /// The frame of `header`, with another height where that was still open.
    pub(crate) fn new(header: &Header, height: u32, scale: Scale) -> Self {
        let largest =
            |factor: fn(&crate::Component) -> u8| header.components.iter().map(factor).max().map_or(1, u32::from);
        let (h_max, v_max) = (largest(|c| c.h), largest(|c| c.v));
        let size = (u32::from(header.width), height);
        let channels = header.components.iter().map(|component| {
            let (h, v) = (u32::from(component.h), u32::from(component.v));
            let (width, height) = match (edge(scale.eighths(), h_max, h), edge(scale.eighths(), v_max, v)) {
                // For so few samples of it, a lone axis is not worth a progressive file's largest scans.
                (_, 1) | (1, _) if scale == Scale::Eighth => (1, 1),
                both => both,
            };
            let shown = (
                (size.0 * h * u32::from(width)).div_ceil(8 * h_max),
                (size.1 * v * u32::from(height)).div_ceil(8 * v_max),
            );
            let corner = (height.min(8) - 1) * 8 + width.min(8) - 1;
            let last = tables::NATURAL.iter().rposition(|&at| at == corner);
            Channel {
                h,
                v,
                width: usize::from(width),
                height: usize::from(height),
                blocks: ((size.0 * h).div_ceil(8 * h_max), (size.1 * v).div_ceil(8 * v_max)),
                shown: (shown.0 as usize, shown.1 as usize),
                upsampling: upsampling(scale, (h * u32::from(width), v * u32::from(height)), (h_max, v_max), shown.0),
                last: last.unwrap_or(63) as u8,
            }
        });
        let channels = channels.collect();
        let mcus = (size.0.div_ceil(8 * h_max), size.1.div_ceil(8 * v_max));
        Self { scale, size: scale.apply(size), mcus, h_max, v_max, channels }
    }

    /// Samples in a row of a channel's plane, those beyond the picture's edge included.
    pub(crate) fn stride(&self, channel: &Channel) -> usize {
        self.mcus.0 as usize * channel.h as usize * channel.width
    }

    /// Pixels in a row of an MCU, and rows.
    pub(crate) fn mcu_size(&self) -> (usize, usize) {
        ((self.h_max * self.scale.eighths()) as usize, (self.v_max * self.scale.eighths()) as usize)
    }

    /// Rows of samples that pixels depend on above and below their own: none or one.
    pub(crate) fn context(&self) -> usize {
        usize::from(self.channels.iter().any(|channel| channel.upsampling.1 == Upsampling::Triangle))
    }

    /// Rows of a channel's plane that a row of MCUs makes.
    pub(crate) fn mcu_height(channel: &Channel) -> usize {
        channel.v as usize * channel.height
    }

    /// Blocks of a channel in whole MCUs: in a row, and rows.
    pub(crate) fn padded(&self, channel: &Channel) -> (usize, usize) {
        (self.mcus.0 as usize * channel.h as usize, self.mcus.1 as usize * channel.v as usize)
    }
}

impl Header {
    /// Memory that [`Decoder::decode`](crate::Decoder::decode) takes from the heap at its peak, the picture included, in
    /// bytes: an estimate from above. What the reader holds, and this header, come on top.
    ///
    /// A picture in one scan, as nearly all sequential files have it, takes its pixels and one row of blocks. One in
    /// several scans takes its samples besides. A progressive one takes up to 10 bytes for each block of 8 × 8, and 2 for
    /// each of its other coefficients that the scale needs.
    #[must_use]
    pub fn memory(&self, scale: Scale) -> u64 {
        /// The window, lookup tables, rows in between.
        const REST: u64 = 544 << 10;
        /// Beyond the picture's edge, at most.
        const REST_OF_ROW: u64 = 64;
        let height = if self.height == 0 { u16::MAX } else { self.height };
        let geometry = Geometry::new(self, u32::from(height), scale);
        let pixels = u64::from(geometry.size.0) * u64::from(geometry.size.1);
        let rows = if self.progressive || self.interleaved { 1 } else { u64::from(geometry.mcus.1) };
        let mut made = pixels * self.colours().pixels().channels() as u64;
        let (mut kept, mut history, mut all) = (0, 0, 0);
        for channel in &geometry.channels {
            let stride = geometry.stride(channel) as u64;
            made += rows * stride * Geometry::mcu_height(channel) as u64 + stride * geometry.context() as u64;
            // Where each pixel's sample is, or sums of two samples; and a row of what becomes of them.
            let spread = channel.upsampling != (Upsampling::None, Upsampling::None);
            made += if spread { 5 * u64::from(geometry.size.0) + REST_OF_ROW } else { 0 };
            let (width, height) = geometry.padded(channel);
            let (blocks, others) =
                ((width * height) as u64, (1..64).filter(|&index| channel.keeps(index)).count() as u64);
            // Of the largest scan.
            all = if self.interleaved { all + blocks } else { blocks.max(all) };
            if self.progressive {
                kept += blocks * (2 + 2 * others);
                history += if others > 0 { 8 * blocks } else { 0 };
            }
        }
        let streams = if !self.progressive && all >= Limits::USUAL.blocks { MEMORY } else { 0 };
        // The history is dropped before pixels are made.
        REST + streams + kept + history.max(made)
    }
}

/// How a channel with `samples` of an MCU, across and down, becomes one of `max` blocks; `shown` of its columns show something.
///
/// What libjpeg does by default: a triangle filter for two pixels a sample, and repetition for more. The latter also at smaller
/// scales, where a transform mostly has made as many samples as are needed.
fn upsampling(scale: Scale, samples: (u32, u32), max: (u32, u32), shown: u32) -> (Upsampling, Upsampling) {
    let pixels = (max.0 * scale.eighths(), max.1 * scale.eighths());
    let filters = scale == Scale::Full
        && [samples.0, 2 * samples.0].contains(&pixels.0)
        && [samples.1, 2 * samples.1].contains(&pixels.1)
        && (samples.0 == pixels.0 || shown > 2);
    let one = |samples, pixels| match filters {
        _ if samples == pixels => Upsampling::None,
        true => Upsampling::Triangle,
        false => Upsampling::Nearest,
    };
    (one(samples.0, pixels.0), one(samples.1, pixels.1))
}

/// Samples on one axis that a block of a component with sampling factor `factor` of `max` is transformed to, so that they
/// have the scale of the picture, or a whole part of it.
fn edge(eighths: u32, max: u32, factor: u32) -> u8 {
    if eighths == 8 {
        return 8;
    }
    let wanted = eighths * max;
    // More than are stored only where the luminance, too, has more than half of them.
    let most = if eighths > 4 { 2 * eighths } else { 8 };
    let fitting = (1..=most).rev().find(|edge| wanted.is_multiple_of(factor * edge));
    // Where factors have no common measure, such as 2 of 3, samples are repeated unevenly.
    fitting.unwrap_or_else(|| wanted.div_ceil(factor).min(8)) as u8
}
