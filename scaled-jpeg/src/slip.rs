//! Where a scan without restart markers went out of step: damage has left it a few MCUs too many, and whatever is behind it is as many
//! beside its place.
//!
//! A code resynchronises by itself, mostly within a few MCUs. How many are too many is known at the scan's end; where they are is found
//! by laying the row behind each possible place below the one above it, in step and out of step. Only first coefficients are compared.
//! Damage also changes by how much all that follow are too high. The same row tells that, but what it shows may itself be lighter or darker
//! than what is above it: where that cannot be told apart, over so much of the picture that it matters, nothing is brought into step.
//! A scan with too few MCUs may be cut as well, which no end would tell: it is not looked at.

use std::{cmp::Ordering, ops::Range};

use crate::{
    bits::{Bits, Bytes, Window},
    sequential::Part,
    walk::{Scan, Stop},
};

/// What has to be done to a scan to bring it into step again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slip {
    /// How many MCUs come before it.
    pub(crate) at: u32,
    /// How many MCUs are to be dropped there.
    pub(crate) by: u32,
    /// Over how many MCUs the place may be another.
    pub(crate) doubt: u32,
    /// By part of the scan: by how much all later first coefficients are too high.
    pub(crate) excess: Vec<i16>,
}

/// Of a part's blocks in an MCU, the mean first coefficient of the upper row and of the lower row.
type Edges = [i16; 2];

/// A scan that keeps of each MCU its edges only.
pub(crate) struct Survey {
    /// MCUs in a row, and rows.
    mcus: (u32, u32),
    /// MCUs that were read whole.
    count: usize,
    parts: Vec<Surveyed>,
}

struct Surveyed {
    part: Part,
    /// Blocks of an MCU, across and down.
    shape: (usize, usize),
    /// The first coefficient of the last block.
    last: i16,
    /// By MCU.
    edges: Vec<Edges>,
}

impl Survey {
    /// Of parts with the blocks that an MCU has of them, across and down.
    pub(crate) fn new(mcus: (u32, u32), parts: impl Iterator<Item = (Part, (usize, usize))>) -> Self {
        let parts = parts.map(|(part, shape)| Surveyed { part, shape, last: 0, edges: Vec::new() });
        Self { mcus, count: 0, parts: parts.collect() }
    }

    /// Reads an MCU; false where the data are none.
    fn read(&mut self, bytes: &Bytes, bits: &mut Bits) -> bool {
        self.parts.iter_mut().all(|own| {
            let (across, down) = own.shape;
            let mut edges = [0; 2];
            for row in 0..down {
                let mut sum = 0;
                for _ in 0..across {
                    bits.refill(bytes);
                    let Some(difference) = own.part.dc.difference(bits) else { return false };
                    let mut index = 1;
                    while index < 64 {
                        bits.refill(bytes);
                        let Some((size, advance)) = own.part.ac.long(bits) else { return false };
                        bits.take(size);
                        index += advance;
                    }
                    own.last = own.last.wrapping_add(difference as i16);
                    sum += i32::from(own.last);
                }
                let mean = (sum / across as i32) as i16;
                edges = if row == 0 { [mean; 2] } else { [edges[0], mean] };
            }
            own.edges.push(edges);
            true
        })
    }

    /// Bytes that a survey takes at most.
    pub(crate) fn memory(mcus: (u32, u32), parts: usize) -> u64 {
        // Vectors grow by doubling.
        u64::from(mcus.0) * u64::from(mcus.1) * (2 * parts * size_of::<Edges>() + size_of::<f32>()) as u64
    }

    /// The slip of a scan that was walked to its end, which was not where it should be; none where it is not certain enough: its place
    /// may be anywhere in more than a tenth of the scan or has less than two rows behind it, or what is behind it may be of another
    /// lightness.
    pub(crate) fn slip(&self) -> Option<Slip> {
        let (width, count) = (self.mcus.0 as usize, self.count);
        // Where more are gained, the end is not likely to be in step with what it shows.
        let by = count.checked_sub(self.mcus.0 as usize * self.mcus.1 as usize)?;
        if by == 0 || by > width / 4 || count <= 2 * width {
            return None;
        }
        let matches: Vec<_> = self.parts.iter().map(|own| Match { edges: &own.edges[..count], width, by }).collect();
        let (at, doubt) = place(&matches, count)?;
        if count - at < by + 2 * width {
            return None;
        }
        let (mut excess, mut scatter, mut content) = (Vec::new(), 0.0, 0.0);
        for (own, part) in self.parts.iter().zip(&matches) {
            let rise = part.row_rise(at);
            let level = own.part.quantisers.level();
            scatter += rise.scatter * level;
            content += rise.content * level;
            excess.push(rise.median);
        }
        // As means of the picture.
        let behind = (count - at) as f32 / count as f32;
        let is_certain = scatter * behind <= MOST_SCATTER && content * behind <= MOST_CONTENT;
        is_certain.then_some(Slip { at: at as u32, by: by as u32, doubt: doubt as u32, excess })
    }
}

/// In levels: what the lightness behind a slip may be off by because the row that tells it does not agree with itself.
const MOST_SCATTER: f32 = 2.5;
/// In levels: what it may be off by because whole rows are lighter or darker than those above them. That is a bound from above.
const MOST_CONTENT: f32 = 7.0;

/// The likeliest place of a slip, and over how many MCUs it may be another; none where no place is likely, or too many are.
fn place(parts: &[Match], count: usize) -> Option<(usize, usize)> {
    /// Of the best place's score, what another needs to be as likely as that.
    const ALIKE: f32 = 0.7;
    /// Times the square root of a row's terms: what chance makes of them.
    const CHANCE: f32 = 1.5;
    let &Match { width, by, .. } = parts.first()?;
    let mut scores = vec![0.0; count + 1 - by];
    for part in parts {
        part.add(&mut scores);
    }
    let best = (0..scores.len()).max_by(|&a, &b| scores[a].partial_cmp(&scores[b]).unwrap_or(Ordering::Equal))?;
    if scores[best] < CHANCE * ((width * parts.len()) as f32).sqrt() {
        return None;
    }
    let is_likely = |score: &f32| *score >= ALIKE * scores[best];
    let (first, last) = (scores.iter().position(is_likely)?, scores.iter().rposition(is_likely)?);
    let doubt = last - first + by;
    (doubt * 10 <= count).then_some((best, doubt))
}

/// By how much the row behind a slip is higher than that above it, in first coefficients.
struct RowRise {
    /// Of its MCUs.
    median: i16,
    /// How far the median is from where most MCUs are alike, and how far these are apart.
    scatter: f32,
    /// By how much the picture itself may rise there: as the rows before and behind it do, or as the two parts of the row differ, of which
    /// one is below the sound part of the slip's own row and the other below the row before.
    content: f32,
}

/// Where a quarter of values is closest together: their mean, and how far they are apart.
fn densest(mut values: Vec<i32>) -> Option<(f32, f32)> {
    values.sort_unstable();
    let size = (values.len() / 4).max(4).min(values.len());
    let closest = values.windows(size.max(1)).min_by_key(|window| window[size - 1] - window[0])?;
    let mean = closest.iter().sum::<i32>() as f32 / size as f32;
    Some((mean, (closest[size - 1] - closest[0]) as f32))
}

/// A part's edges, to be laid below each other.
struct Match<'a> {
    edges: &'a [Edges],
    /// MCUs in a row.
    width: usize,
    by: usize,
}

impl Match<'_> {
    /// The MCUs of the row behind a place, if the scan slipped there.
    fn row(&self, at: usize) -> Range<usize> {
        let start = (at + self.by).min(self.edges.len());
        start..(start + self.width).min(self.edges.len())
    }

    /// The first MCU that has others above it, in step and out of step.
    fn first(&self) -> usize {
        self.width + self.by + 1
    }

    /// How much higher an MCU is than that above it: where nothing has slipped, or else where something has between them.
    fn rise(&self, mcu: usize, slipped: bool) -> i32 {
        let above = if slipped { self.width + self.by } else { self.width };
        i32::from(self.edges[mcu][0]) - i32::from(self.edges[mcu - above][1])
    }

    /// Adds to the score of each place how much better the row behind it fits if the scan slipped there.
    fn add(&self, scores: &mut [f32]) {
        /// Times the usual rise: what is more says no more.
        const MOST: i64 = 4;
        let first = self.first();
        let all = first.min(self.edges.len())..self.edges.len();
        let rises = all.clone().map(|mcu| i64::from(self.rise(mcu, false).unsigned_abs()));
        let usual = rises.sum::<i64>() / all.len().max(1) as i64 + 1;
        let most = (MOST * usual) as i32;
        // Of an MCU: by steps from one to the next, which do not tell of brightness; and rises, in step and out of step.
        let terms = |mcu: usize| {
            if mcu < first {
                return [0.0; 3];
            }
            let step = |slipped| f64::from(self.rise(mcu, slipped).abs_diff(self.rise(mcu - 1, slipped)));
            let (whole, slipped) = (step(false), step(true));
            let rise = |slipped| f64::from(self.rise(mcu, slipped).clamp(-most, most)) / f64::from(most);
            let (before, after) = (rise(false), rise(true));
            [(whole - slipped) / (whole + slipped + 2.0) + before * before - after * after, after, 1.0]
        };
        let mut sums = [0.0; 3];
        let mut row = 0..0;
        for (at, score) in scores.iter_mut().enumerate() {
            let next = self.row(at);
            (row.end.max(next.start)..next.end).for_each(|mcu| add(&mut sums, terms(mcu), 1.0));
            (row.start..next.start.min(row.end)).for_each(|mcu| add(&mut sums, terms(mcu), -1.0));
            row = next;
            // Whatever all of them rise by is a change of brightness.
            *score += (sums[0] + sums[1] * sums[1] / f64::max(sums[2], 1.0)) as f32;
        }
    }

    /// How the row behind a slip lies below that above it.
    fn row_rise(&self, at: usize) -> RowRise {
        /// MCUs of a part of the row that tell something.
        const FEW: usize = 3;
        let rises = |mcus: Range<usize>, slipped| -> Vec<_> {
            let end = mcus.end.min(self.edges.len());
            (mcus.start.max(self.first())..end).map(|mcu| self.rise(mcu, slipped)).collect()
        };
        let row = self.row(at);
        let mut all = rises(row.clone(), true);
        all.sort_unstable();
        let median = all.get(all.len() / 2).map_or(0, |&median| median as i16);
        let (mean, spread) = densest(all).unwrap_or_default();
        let rise = |mcus| densest(rises(mcus, false)).map_or(0.0, |(mean, _)| mean.abs());
        let mut content = rise(at.saturating_sub(self.width)..at).max(rise(row.end..row.end + self.width));
        // The picture's next row begins so far behind the slip.
        let next = (row.start + self.width - at % self.width).min(row.end);
        let (right, left) = (rises(row.start..next, true), rises(next..row.end, true));
        if right.len() >= FEW
            && left.len() >= FEW
            && let (Some((right, _)), Some((left, _))) = (densest(right), densest(left))
        {
            content = content.max((right - left).abs());
        }
        RowRise { median, scatter: spread + (f32::from(median) - mean).abs(), content }
    }
}

fn add(sums: &mut [f64; 3], terms: [f64; 3], sign: f64) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += sign * term);
}

impl Scan for Survey {
    fn shape(&self) -> (u32, u32) {
        self.mcus
    }

    fn blocks(&self) -> usize {
        self.parts.iter().map(|own| own.shape.0 * own.shape.1).sum()
    }

    fn decode(&mut self, window: &Window, bits: &mut Bits, _row: u32, columns: Range<u32>, safe: usize) -> (u32, Stop) {
        for column in columns.clone() {
            if bits.at > safe {
                return (column, Stop::Hungry);
            }
            if !self.read(&window.bytes, bits) || window.overrun(bits) {
                return (column, Stop::Damaged);
            }
            self.count += 1;
        }
        (columns.end, Stop::Done)
    }

    fn lose(&mut self, _row: u32, _columns: Range<u32>) {}

    fn spare(&mut self, bytes: &Bytes, bits: &mut Bits) -> bool {
        let is_one = self.read(bytes, bits);
        self.count += usize::from(is_one);
        is_one
    }

    fn restart(&mut self) {}

    fn end_row(&mut self, _row: u32) {}
}
