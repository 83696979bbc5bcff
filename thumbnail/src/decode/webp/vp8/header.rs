//! The header of a frame (RFC 6386, section 9).

use super::{
    Broken,
    bools::Bools,
    filter::{Filter, SEGMENTS, Settings},
    tables::{AC_STEPS, DC_STEPS, TOKEN_UPDATES, TOKENS},
};
use crate::bytes::{Reader, number};

/// The probabilities of tokens, by the kind of block, the position of the coefficient, and the previous token. There is one position more
/// than coefficients, so that the next position can always be looked up.
pub(super) type Tokens = [[[[u8; 11]; 3]; 17]; 4];

/// The quantiser steps of the mean, and of all other coefficients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) dc: i32,
    pub(super) ac: i32,
}

/// The quantiser steps of each kind of plane.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quantisers {
    pub(super) luma: Steps,
    /// The steps of the block with the means of the luma blocks.
    pub(super) means: Steps,
    pub(super) chroma: Steps,
}

pub(super) struct Header<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The probabilities of a macroblock's segment, if macroblocks name one.
    pub(super) segments: Option<[u8; SEGMENTS - 1]>,
    pub(super) filter: Filter,
    pub(super) quantisers: [Quantisers; SEGMENTS],
    pub(super) tokens: Box<Tokens>,
    /// The probability that a macroblock has coefficients, if a flag tells that.
    pub(super) filled: Option<u8>,
    /// The rest of the first partition: the modes of the macroblocks.
    pub(super) modes: Bools<'a>,
    /// The partitions with the coefficients, which rows of macroblocks use in turn. Their number is a power of two.
    pub(super) partitions: Vec<Bools<'a>>,
}

impl<'a> Header<'a> {
    pub(super) fn read(data: &'a [u8]) -> Result<Self, Broken> {
        let reader = Reader::little(data);
        let tag = reader.u24(0).ok_or(Broken::Ends)?;
        if tag & 1 != 0 {
            return Err(Broken::Rules("it begins with a frame that needs another one"));
        }
        let (head, rest) = data.split_at_checked(10).ok_or(Broken::Ends)?;
        if head[3..6] != [0x9d, 0x01, 0x2a] {
            return Err(Broken::Rules("its start code is wrong"));
        }
        // The two highest bits are a scale for display, which all decoders ignore.
        let [width, height] = [6, 8].map(|at| reader.u16(at).map_or(0, |edge| usize::from(edge & 0x3fff)));
        let (modes, rest) = rest.split_at_checked((tag >> 5) as usize).ok_or(Broken::Ends)?;
        let mut bools = Bools::new(modes);
        if bools.flag() {
            return Err(Broken::Rules("its colour space is unknown"));
        }
        // Whether samples need no clamping. They are always clamped.
        bools.flag();
        let segmentation = Segmentation::read(&mut bools);
        let filter = filter(&mut bools, &segmentation);
        let partitions = partitions(1 << bools.literal(2), rest)?;
        let quantisers = quantisers(&mut bools, &segmentation);
        // Whether the probabilities apply to later frames.
        bools.flag();
        let tokens = tokens(&mut bools);
        let filled = bools.flag().then(|| bools.literal(8));
        if bools.overrun() {
            return Err(Broken::Ends);
        }
        Ok(Self {
            width,
            height,
            segments: segmentation.tree,
            filter,
            quantisers,
            tokens,
            filled,
            modes: bools,
            partitions,
        })
    }
}

/// The segments of a frame (section 9.3).
#[derive(Default)]
struct Segmentation {
    tree: Option<[u8; SEGMENTS - 1]>,
    /// The quantiser indices, or differences from the frame's.
    indices: [i32; SEGMENTS],
    /// The filter levels, or differences from the frame's.
    levels: [i32; SEGMENTS],
    /// Whether these values are not differences.
    absolute: bool,
}

impl Segmentation {
    fn read(bools: &mut Bools) -> Self {
        let mut read = Self::default();
        if !bools.flag() {
            return read;
        }
        let (with_tree, with_values) = (bools.flag(), bools.flag());
        if with_values {
            read.absolute = bools.flag();
            read.indices = std::array::from_fn(|_| bools.optional(7));
            read.levels = std::array::from_fn(|_| bools.optional(6));
        }
        if with_tree {
            let probability = |_| if bools.flag() { bools.literal(8) } else { 255 };
            read.tree = Some(std::array::from_fn(probability));
        }
        read
    }

    /// Computes the value of each segment from its own values and the frame's.
    fn apply(&self, own: [i32; SEGMENTS], base: i32) -> [i32; SEGMENTS] {
        own.map(|value| if self.absolute { value } else { base + value })
    }
}

/// Reads the filter parameters (section 9.6).
fn filter(bools: &mut Bools, segmentation: &Segmentation) -> Filter {
    let simple = bools.flag();
    let level = i32::from(bools.literal(6));
    let sharpness = i32::from(bools.literal(3));
    let mut changes = [0; 2];
    if bools.flag() && bools.flag() {
        // The adjustments by reference frame and by mode. A key frame needs one of each.
        let all: [i32; 8] = std::array::from_fn(|_| bools.optional(6));
        changes = [all[0], all[4]];
    }
    Filter::new(&Settings { simple, level, levels: segmentation.apply(segmentation.levels, level), sharpness, changes })
}

/// Finds the partitions after the first one (section 9.5): the lengths of all but the last, and then the partitions. A partition that
/// is missing or cut is noticed when it is read.
fn partitions(count: usize, rest: &[u8]) -> Result<Vec<Bools<'_>>, Broken> {
    let (lengths, mut rest) = rest.split_at_checked(3 * (count - 1)).ok_or(Broken::Ends)?;
    let mut partitions = Vec::with_capacity(count);
    for length in lengths.as_chunks::<3>().0 {
        let length = number(length, true) as usize;
        let (partition, after) = rest.split_at(length.min(rest.len()));
        partitions.push(Bools::new(partition));
        rest = after;
    }
    partitions.push(Bools::new(rest));
    Ok(partitions)
}

/// Reads the quantisers (sections 9.6 and 14.1).
fn quantisers(bools: &mut Bools, segmentation: &Segmentation) -> [Quantisers; SEGMENTS] {
    let base = i32::from(bools.literal(7));
    // The differences for the mean of luma, for both steps of the block of means, and for both steps of chroma.
    let changes: [i32; 5] = std::array::from_fn(|_| bools.optional(4));
    segmentation.apply(segmentation.indices, base).map(|index| {
        let step = |steps: &[i16; 128], change: i32| i32::from(steps[(index + change).clamp(0, 127) as usize]);
        let steps = |dc, ac| Steps { dc: step(&DC_STEPS, dc), ac: step(&AC_STEPS, ac) };
        let (means, chroma) = (steps(changes[1], changes[2]), steps(changes[3], changes[4]));
        Quantisers {
            luma: steps(changes[0], 0),
            means: Steps { dc: 2 * means.dc, ac: (means.ac * 155 / 100).max(8) },
            chroma: Steps { dc: chroma.dc.min(132), ..chroma },
        }
    })
}

/// Reads the probabilities of tokens (section 13.4).
fn tokens(bools: &mut Bools) -> Box<Tokens> {
    /// The band of the coefficient at each position.
    const BANDS: [usize; 17] = [0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0];
    let mut bands = TOKENS;
    for (probability, update) in bands.iter_mut().zip(TOKEN_UPDATES) {
        if bools.next(update) {
            *probability = bools.literal(8);
        }
    }
    let bands: &[[[u8; 11]; 3]] = bands.as_chunks::<11>().0.as_chunks::<3>().0;
    Box::new(std::array::from_fn(|kind| BANDS.map(|band| bands[8 * kind + band])))
}
