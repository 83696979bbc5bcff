//! Finds where a scan without restart markers slipped: damage added a few MCUs there, and displaced all later MCUs by that number.
//!
//! A Huffman code resynchronises by itself, usually within a few MCUs. The end of the scan shows how many MCUs were added. To find the
//! place, the row behind each possible place is compared with the row above it, with and without the displacement. Only DC coefficients
//! are compared. Damage also raises or lowers all later DC coefficients by an unknown amount. The same row shows the amount, unless the
//! picture itself gets lighter or darker there. If the two cannot be told apart over much of the picture, the scan is not corrected.
//! Scans with too few MCUs are not examined, because they may also be cut.

use std::{cmp::Ordering, ops::Range};

use crate::{
    bits::{Bits, Bytes, Window},
    part::Part,
    walk::{Scan, Slip, read_each},
};

/// The mean DC coefficients of a part's upper row and lower row of blocks in an MCU.
type Edges = [i16; 2];

/// A scan that keeps only the edges of each MCU.
pub(crate) struct Survey {
    /// The number of MCUs in a row, and the number of rows.
    mcus: (u32, u32),
    parts: Vec<Surveyed>,
}

/// A part of a surveyed scan.
struct Surveyed {
    part: Part,
    /// The edges of each MCU.
    edges: Vec<Edges>,
}

impl Surveyed {
    /// Reads the blocks of an MCU. Returns `None` if the data are invalid.
    fn read(&mut self, bits: &mut Bits, bytes: &Bytes) -> Option<()> {
        let Self { part, edges } = self;
        let (across, down) = part.mcu;
        let mut own = [0; 2];
        for row in 0..down {
            let mut sum = 0;
            for _ in 0..across {
                bits.refill(bytes);
                let difference = part.dc.difference(bits)?;
                let mut index = 1;
                while index < 64 {
                    bits.refill(bytes);
                    let (size, advance) = part.ac.long(bits)?;
                    bits.take(size);
                    index += advance;
                }
                part.last = part.last.wrapping_add(difference as i16);
                sum += i32::from(part.last);
            }
            let mean = (sum / across as i32) as i16;
            own = if row == 0 { [mean; 2] } else { [own[0], mean] };
        }
        edges.push(own);
        Some(())
    }
}

impl Survey {
    pub(crate) fn new(mcus: (u32, u32), parts: Vec<Part>) -> Self {
        let parts = parts.into_iter().map(|part| Surveyed { part, edges: Vec::new() });
        Self { mcus, parts: parts.collect() }
    }

    /// The maximum number of bytes that a survey allocates.
    pub(crate) fn memory(mcus: (u32, u32), parts: usize) -> u64 {
        // Vectors grow by doubling.
        u64::from(mcus.0) * u64::from(mcus.1) * (2 * parts * size_of::<Edges>() + size_of::<f32>()) as u64
    }

    /// The slip of a scan that ended with surplus MCUs. Returns `None` if the slip is uncertain: its place may be anywhere in more than a
    /// tenth of the scan, or has less than two rows behind it, or the lightness behind it cannot be told.
    pub(crate) fn slip(&self) -> Option<Slip> {
        let (width, count) = (self.mcus.0 as usize, self.parts.first()?.edges.len());
        // With more surplus MCUs, the end of the scan is unlikely to be in step.
        let by = count.checked_sub(self.mcus.0 as usize * self.mcus.1 as usize)?;
        if by == 0 || by > width / 4 || count <= 2 * width {
            return None;
        }
        let matches: Vec<_> = self.parts.iter().map(|own| Match { edges: &own.edges, width, by }).collect();
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

/// The maximum error of the lightness behind a slip because MCUs of the row disagree, in levels.
const MOST_SCATTER: f32 = 2.5;
/// The maximum error because whole rows are lighter or darker than the rows above them, in levels.
const MOST_CONTENT: f32 = 7.0;

/// The likeliest place of a slip, and the number of MCUs among which it is uncertain. Returns `None` if no place or too many are likely.
fn place(parts: &[Match], count: usize) -> Option<(usize, usize)> {
    /// The part of the best score from which another place counts as likely.
    const ALIKE: f32 = 0.7;
    /// The score that chance reaches, divided by the square root of the number of terms of a row.
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

/// How much higher the DC coefficients of the row behind a slip are than those of the row above it.
struct RowRise {
    /// The median rise of the row's MCUs.
    median: i16,
    /// The distance between the median and the densest quarter of the rises, plus the range of that quarter.
    scatter: f32,
    /// How much the picture itself may rise there. This is estimated from the rises of the neighbouring rows, and from the two parts of the
    /// row: one is below the sound part of the slip's own row, the other below the previous row.
    content: f32,
}

/// The quarter of all values that is closest together: its mean and its range.
fn densest(mut values: Vec<i32>) -> Option<(f32, f32)> {
    values.sort_unstable();
    let size = (values.len() / 4).max(4).min(values.len());
    let closest = values.windows(size.max(1)).min_by_key(|window| window[size - 1] - window[0])?;
    let mean = closest.iter().sum::<i32>() as f32 / size as f32;
    Some((mean, (closest[size - 1] - closest[0]) as f32))
}

/// The edges of a part, to compare with the edges above them.
struct Match<'a> {
    edges: &'a [Edges],
    /// The number of MCUs in a row.
    width: usize,
    by: usize,
}

impl Match<'_> {
    /// The MCUs of the row behind a place, if the scan slipped there.
    fn row(&self, at: usize) -> Range<usize> {
        let start = (at + self.by).min(self.edges.len());
        start..(start + self.width).min(self.edges.len())
    }

    /// The first MCU that has MCUs above it both with and without the displacement.
    fn first(&self) -> usize {
        self.width + self.by + 1
    }

    /// How much higher an MCU is than the MCU above it, without and with a slip between them.
    fn rise(&self, mcu: usize, slipped: bool) -> i32 {
        let above = if slipped { self.width + self.by } else { self.width };
        i32::from(self.edges[mcu][0]) - i32::from(self.edges[mcu - above][1])
    }

    /// Adds to the score of each place how much better the row behind it fits if the scan slipped there.
    fn add(&self, scores: &mut [f32]) {
        /// The multiple of the usual rise at which larger rises are cut off.
        const MOST: i64 = 4;
        let first = self.first();
        let all = first.min(self.edges.len())..self.edges.len();
        let rises = all.clone().map(|mcu| i64::from(self.rise(mcu, false).unsigned_abs()));
        let usual = rises.sum::<i64>() / all.len().max(1) as i64 + 1;
        let most = (MOST * usual) as i32;
        // Steps from an MCU to the next do not depend on brightness; rises are taken with and without the displacement.
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
            // A rise that all MCUs share is a change of brightness.
            *score += (sums[0] + sums[1] * sums[1] / f64::max(sums[2], 1.0)) as f32;
        }
    }

    /// The rise of the row behind a slip.
    fn row_rise(&self, at: usize) -> RowRise {
        /// The minimum number of MCUs in a part of the row.
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
        // The next row of the picture begins at this distance behind the slip.
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
    fn read(&mut self, window: &Window, bits: &mut Bits, _row: u32, columns: Range<u32>, safe: usize) -> (u32, bool) {
        read_each(window, bits, columns, safe, |bits, _| self.spare(bits, &window.bytes).then_some(1))
    }

    fn spare(&mut self, bits: &mut Bits, bytes: &Bytes) -> bool {
        self.parts.iter_mut().all(|own| own.read(bits, bytes).is_some())
    }
}
