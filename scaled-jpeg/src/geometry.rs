//! Scales, and the transforms, planes and sizes of a frame at a scale.

use crate::{header::Header, tables};

/// The factor by which a picture is reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scale {
    /// 1/8: one sample of each block of 8 × 8.
    Eighth = 1,
    /// 1/4: 2 × 2 samples.
    Quarter = 2,
    /// 3/8: 3 × 3 samples.
    ThreeEighths = 3,
    /// 1/2: 4 × 4 samples.
    Half = 4,
    /// 5/8: 5 × 5 samples.
    FiveEighths = 5,
    /// 3/4: 6 × 6 samples.
    ThreeQuarters = 6,
    /// 7/8: 7 × 7 samples.
    SevenEighths = 7,
    /// 8/8: all samples.
    Full = 8,
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

    /// The numerator of the scale in eighths. It is also the edge in samples of a block of 8 × 8.
    #[must_use]
    pub fn eighths(self) -> u32 {
        self as u32
    }

    /// The width and height in pixels of a picture of `size` at this scale, rounded up.
    #[must_use]
    pub fn apply(self, (width, height): (u32, u32)) -> (u32, u32) {
        let edge = |edge: u32| u32::try_from((u64::from(edge) * u64::from(self.eighths())).div_ceil(8)).unwrap_or(edge);
        (edge(width), edge(height))
    }

    /// The smallest scale at which a picture of `size` is no smaller than `wanted` on either axis, or [`Full`](Self::Full) if `wanted` is
    /// larger than `size`.
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
    /// The number of blocks of a whole MCU.
    pub(crate) h: u32,
    pub(crate) v: u32,
    /// The width and height of a block in samples, at most 14. If possible, they give as many samples as the luminance has there.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// The number of blocks that cover the picture, across and down. A scan of this component alone has these blocks.
    pub(crate) blocks: (u32, u32),
    /// The number of samples that cover the picture, across and down.
    pub(crate) shown: (usize, usize),
    /// How samples are scaled to the picture's size, across and down.
    pub(crate) upsampling: (Upsampling, Upsampling),
    /// The last coefficient in zigzag order that the transform needs.
    pub(crate) last: u8,
}

/// How samples are scaled to pixels on one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upsampling {
    /// Each sample is one pixel.
    None,
    /// Each sample becomes two pixels, each of three quarters of the sample and one quarter of the nearer neighbour.
    Triangle,
    /// Each pixel takes the nearest sample.
    Nearest,
}

impl Channel {
    /// Whether the transform needs the coefficient with this zigzag index.
    pub(crate) fn keeps(&self, index: usize) -> bool {
        let at = usize::from(tables::NATURAL[index & 63]);
        at % 8 < self.width && at / 8 < self.height
    }
}

/// A frame at a scale.
#[derive(Debug, Clone)]
pub(crate) struct Geometry {
    pub(crate) scale: Scale,
    /// The size of the reduced picture in pixels.
    pub(crate) size: (u32, u32),
    pub(crate) mcus: (u32, u32),
    pub(crate) h_max: u32,
    pub(crate) v_max: u32,
    pub(crate) channels: Vec<Channel>,
}

impl Geometry {
    /// Computes the geometry of `header`'s frame at a scale. `height` is that of the header, or a maximum if the header has none.
    pub(crate) fn new(header: &Header, height: u32, scale: Scale) -> Self {
        let largest =
            |factor: fn(&crate::Component) -> u8| header.components.iter().map(factor).max().map_or(1, u32::from);
        let (h_max, v_max) = (largest(|c| c.h), largest(|c| c.v));
        let size = (u32::from(header.width), height);
        let channels = header.components.iter().map(|component| {
            let (h, v) = (u32::from(component.h), u32::from(component.v));
            let (width, height) = match (edge(scale.eighths(), h_max, h), edge(scale.eighths(), v_max, v)) {
                // With so few samples, detail on one axis is not worth reading the largest scans of a progressive file.
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

    /// The number of samples in a row of a channel's plane, including samples beyond the picture's edge.
    pub(crate) fn stride(&self, channel: &Channel) -> usize {
        self.mcus.0 as usize * channel.h as usize * channel.width
    }

    /// The width and height of an MCU in pixels.
    pub(crate) fn mcu_size(&self) -> (usize, usize) {
        ((self.h_max * self.scale.eighths()) as usize, (self.v_max * self.scale.eighths()) as usize)
    }

    /// The number of rows of samples above and below a pixel's own that the pixel depends on: 0 or 1.
    pub(crate) fn context(&self) -> usize {
        usize::from(self.channels.iter().any(|channel| channel.upsampling.1 == Upsampling::Triangle))
    }

    /// The number of rows of a channel's plane in a row of MCUs.
    pub(crate) fn mcu_height(channel: &Channel) -> usize {
        channel.v as usize * channel.height
    }

    /// The number of blocks of a channel in whole MCUs, across and down.
    pub(crate) fn padded(&self, channel: &Channel) -> (usize, usize) {
        (self.mcus.0 as usize * channel.h as usize, self.mcus.1 as usize * channel.v as usize)
    }
}

/// How a channel with `samples` of an MCU, across and down, is scaled to `max`; `shown` of its columns cover the picture.
///
/// This is libjpeg's default: a triangle filter for two pixels a sample, and repetition for more. Smaller scales use repetition, because
/// the transform usually makes as many samples as needed.
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

/// The number of samples on one axis of a block, for a component with sampling factor `factor` of `max`. It gives the component the scale
/// of the picture or a whole fraction of it.
fn edge(eighths: u32, max: u32, factor: u32) -> u8 {
    if eighths == 8 {
        return 8;
    }
    let wanted = eighths * max;
    // A block gets more samples than are stored only if the luminance also has more than half of its samples.
    let most = if eighths > 4 { 2 * eighths } else { 8 };
    let fitting = (1..=most).rev().find(|edge| wanted.is_multiple_of(factor * edge));
    // If one factor does not divide the other, such as 2 and 3, samples are repeated unevenly.
    fitting.unwrap_or_else(|| wanted.div_ceil(factor).min(8)) as u8
}
