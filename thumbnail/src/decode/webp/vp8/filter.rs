//! The loop filter, which smooths the edges of blocks (RFC 6386, section 15). In a key frame, prediction uses unfiltered samples.

use std::slice;

use wide::{bytemuck::cast, i16x16, u8x16};

use super::{
    edges::{self, Samples},
    strip::{Rows, Strip},
};

/// The number of segments of macroblocks, each with its own filter and quantisers.
pub(super) const SEGMENTS: usize = 4;

/// The filter parameters of a frame.
#[derive(Debug)]
pub(super) struct Settings {
    /// Whether only luma is filtered, by a shorter filter.
    pub(super) simple: bool,
    /// The strength from 0 to 63. 0 disables filtering, even for segments with another level.
    pub(super) level: i32,
    /// The strength of each segment, before adjustment by mode.
    pub(super) levels: [i32; SEGMENTS],
    pub(super) sharpness: i32,
    /// The adjustments for all macroblocks of a key frame, and for macroblocks that are predicted block by block.
    pub(super) changes: [i32; 2],
}

/// The differences up to which samples are filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Across the edge of a block. The limit of a macroblock is greater by 4.
    edge: u8,
    /// Beside the edge.
    inside: u8,
    /// Above this difference there is detail, which is filtered less.
    detail: u8,
}

/// The limits of each segment, for macroblocks that are predicted as a whole or block by block; `None` if they are not filtered.
#[derive(Debug)]
pub(super) struct Filter {
    simple: bool,
    limits: [[Option<Limits>; 2]; SEGMENTS],
}

impl Filter {
    pub(super) fn new(settings: &Settings) -> Self {
        let [always, for_blocks] = settings.changes;
        let limits = settings.levels.map(|level| {
            [always, always + for_blocks]
                .map(|change| if settings.level == 0 { 0 } else { (level + change).clamp(0, 63) })
                .map(|level| Limits::new(level, settings.sharpness))
        });
        Self { simple: settings.simple, limits }
    }

    /// Filters the left and the top edge of a macroblock, and its `inner` edges.
    #[inline]
    pub(super) fn apply(
        &self,
        strip: &mut Strip,
        column: usize,
        top: bool,
        (segment, blocks, inner): (usize, bool, bool),
    ) {
        let Some(limits) = self.limits[segment][usize::from(blocks)] else { return };
        let [luma, chroma @ ..] = strip.planes();
        if self.simple {
            plane::<true, 16>(slice::from_mut(luma), column, top, limits, inner);
        } else {
            plane::<false, 16>(slice::from_mut(luma), column, top, limits, inner);
            plane::<false, 8>(chroma, column, top, limits, inner);
        }
    }
}

impl Limits {
    fn new(level: i32, sharpness: i32) -> Option<Self> {
        if level == 0 {
            return None;
        }
        let inside = match sharpness {
            0 => level,
            1..=4 => (level >> 1).min(9 - sharpness),
            _ => (level >> 2).min(9 - sharpness),
        };
        let inside = inside.max(1) as u8;
        let detail = u8::from(level >= 15) + u8::from(level >= 40);
        Some(Self { edge: 2 * level as u8 + inside, inside, detail })
    }
}

/// Filters the edges of a macroblock of `SIZE` by `SIZE` samples: luma, or both chroma planes at once.
#[inline(always)]
fn plane<const SIMPLE: bool, const SIZE: usize>(
    rows: &mut [Rows],
    column: usize,
    top: bool,
    limits: Limits,
    inner: bool,
) {
    let outer = Limits { edge: limits.edge + 4, ..limits };
    let left = column * SIZE;
    if column > 0 {
        edges::upright::<SIZE>(rows, left, |samples| smooth::<SIMPLE, true>(samples, outer));
    }
    if inner {
        for x in (4..SIZE).step_by(4) {
            edges::upright::<SIZE>(rows, left + x, |samples| smooth::<SIMPLE, false>(samples, limits));
        }
    }
    if !top {
        edges::level::<SIZE>(rows, left, 0, |samples| smooth::<SIMPLE, true>(samples, outer));
    }
    if inner {
        for y in (4..SIZE).step_by(4) {
            edges::level::<SIZE>(rows, left, y, |samples| smooth::<SIMPLE, false>(samples, limits));
        }
    }
}

/// Filters all positions along an edge. `OUTER` says that it is the edge of a macroblock.
#[inline(always)]
fn smooth<const SIMPLE: bool, const OUTER: bool>(samples: &mut Samples, limits: Limits) {
    let [edge, inside, detail] = [limits.edge, limits.inside, limits.detail].map(|limit| i16x16::splat(limit.into()));
    let [p3, p2, p1, p0, q0, q1, q2, q3] = samples.map(i16x16::from);
    let differ = |a: i16x16, b: i16x16| (a - b).abs();
    // A true comparison sets all bits.
    let mut filtered = (differ(p0, q0) * 4 + differ(p1, q1)).simd_le(edge + edge + 1);
    let beside = differ(p1, p0).max(differ(q1, q0));
    if !SIMPLE {
        let rest = differ(p3, p2).max(differ(p2, p1)).max(differ(q2, q1)).max(differ(q3, q2));
        filtered &= beside.max(rest).simd_le(inside);
    }
    let detailed = if SIMPLE { i16x16::splat(-1) } else { beside.simd_gt(detail) };
    let step = (q0 - p0) * 3;
    let outer = signed_byte(p1 - q1);
    if OUTER && !SIMPLE {
        let step = signed_byte(step + outer) & filtered;
        let (near, wide) = (step & detailed, step & !detailed);
        let [far, middle, close] = [9, 18, 27].map(|weight| (wide * weight + 63) >> 7);
        samples[1] = bytes(p2 + far);
        samples[2] = bytes(p1 + middle);
        samples[3] = bytes(p0 + close + eighth(near + 3));
        samples[4] = bytes(q0 - close - eighth(near + 4));
        samples[5] = bytes(q1 - middle);
        samples[6] = bytes(q2 - far);
    } else {
        let step = (step + (outer & detailed)) & filtered;
        let (before, behind) = (eighth(step + 3), eighth(step + 4));
        let far = ((behind + 1) >> 1) & !detailed;
        samples[2] = bytes(p1 + far);
        samples[3] = bytes(p0 + before);
        samples[4] = bytes(q0 - behind);
        samples[5] = bytes(q1 - far);
    }
}

/// Clamps values to signed eight bits.
#[inline(always)]
fn signed_byte(values: i16x16) -> i16x16 {
    values.max(i16x16::splat(-128)).min(i16x16::splat(127))
}

/// Divides values by eight.
#[inline(always)]
fn eighth(values: i16x16) -> i16x16 {
    signed_byte(values) >> 3
}

/// Clamps values to samples.
#[inline(always)]
fn bytes(values: i16x16) -> u8x16 {
    let [low, high] = cast(values);
    u8x16::narrow_i16x8(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_from_levels_and_modes() {
        let settings = Settings { simple: false, level: 20, levels: [0, 10, 40, 63], sharpness: 5, changes: [2, -12] };
        let limits = Filter::new(&settings).limits;
        let limits = limits.map(|limits| limits.map(|limits| limits.map(|l| (l.edge, l.inside, l.detail))));
        let expected = [
            [Some((5, 1, 0)), None],
            [Some((27, 3, 0)), None],
            [Some((88, 4, 2)), Some((64, 4, 1))],
            [Some((130, 4, 2)), Some((110, 4, 2))],
        ];
        assert_eq!(limits, expected);
        assert_eq!(Filter::new(&Settings { level: 0, ..settings }).limits, [[None; 2]; SEGMENTS]);
    }
}
