//! What is kept of a progressive file's coefficients between its scans.

use crate::{
    geometry::{Channel, Geometry},
    output::Output,
    tables,
    transform::{self, LANES, Quantisers},
};

/// Zigzag indices of the first and the last coefficient.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Band {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Band {
    /// A bit for each index.
    pub(crate) fn bits(self) -> u64 {
        u64::MAX >> (63 - self.last) & u64::MAX << self.first
    }
}

/// Coefficients of one component: of each block the first one, those that its transform needs, and which were not zero.
pub(crate) struct Coefficients {
    /// Blocks in a row, those beyond the picture's edge included.
    pub(crate) width: usize,
    /// By block: the first coefficient.
    pub(crate) dc: Vec<i16>,
    /// By block: the kept coefficients, in zigzag order.
    pub(crate) ac: Vec<i16>,
    /// By block: a bit for each zigzag index, set where a coefficient is known not to be zero. Empty until it is needed.
    pub(crate) history: Vec<u64>,
    /// A bit for each zigzag index that is kept.
    pub(crate) kept: u64,
    /// By zigzag index: the place among a block's kept coefficients.
    pub(crate) slots: [u8; 64],
    /// By zigzag index: what a coefficient of 1 adds to a sample at most.
    peaks: [f64; 64],
    /// The quantisation table, in rows, as it is at the component's first scan.
    pub(crate) table: Option<[u16; 64]>,
}

impl Coefficients {
    pub(crate) fn new(geometry: &Geometry, channel: &Channel) -> Self {
        let (width, height) = geometry.padded(channel);
        let (mut kept, mut slots, mut peaks, mut count) = (0, [0; 64], [0.0; 64], 0);
        for index in (1..64).filter(|&index| channel.keeps(index)) {
            kept |= 1 << index;
            slots[index] = count;
            peaks[index] = transform::peak(channel, index);
            count += 1;
        }
        let ac = vec![0; width * height * usize::from(count)];
        Self { width, dc: vec![0; width * height], ac, history: Vec::new(), kept, slots, peaks, table: None }
    }

    /// Kept coefficients of a block.
    pub(crate) fn count(&self) -> usize {
        self.kept.count_ones() as usize
    }

    /// Whether a scan of that band must be read: because it gives a kept coefficient, or because a later scan that refines one
    /// has to know which others are not zero.
    pub(crate) fn wants(&self, band: Band, shift: u32, refines: bool, approximate: bool) -> bool {
        let gives = self.kept & band.bits() != 0;
        let useful = gives && !(refines && self.may_lack(shift, approximate));
        self.kept != 0 && (useful || self.is_refined_after(shift, approximate))
    }

    /// Whether scans that follow one of this shift may refine what it gives.
    pub(crate) fn is_refined_after(&self, shift: u32, approximate: bool) -> bool {
        shift > 0 && !self.may_lack(shift - 1, approximate)
    }

    /// Whether a refinement to this shift can be left out.
    fn may_lack(&self, shift: u32, approximate: bool) -> bool {
        approximate && shift == 0 && self.last_refinement() < 1.0
    }

    /// By how many levels a sample can change at most with the last bit of all kept coefficients but the first.
    fn last_refinement(&self) -> f64 {
        let Some(table) = &self.table else { return f64::INFINITY };
        let one = |index: usize| f64::from(table[usize::from(tables::NATURAL[index])]) * self.peaks[index];
        (1..64).filter(|&index| self.kept >> index & 1 == 1).map(one).sum()
    }

    /// Transforms all blocks.
    pub(crate) fn transform(all: &[Self], quantisers: &[Quantisers], output: &mut Output) {
        for row in 0..output.geometry.mcus.1 {
            for (index, (own, quantisers)) in all.iter().zip(quantisers).enumerate() {
                own.transform_row(index, row, quantisers, output);
            }
            output.end_row(row);
        }
    }

    fn transform_row(&self, index: usize, mcu_row: u32, quantisers: &Quantisers, output: &mut Output) {
        let rows = output.geometry.channels[index].v as usize;
        let start = output.start(index, mcu_row);
        let natural: Vec<u8> =
            (1..64).filter(|at| self.kept >> at & 1 == 1).map(|at: usize| tables::NATURAL[at]).collect();
        let count = natural.len();
        let plane = &mut output.planes[index];
        plane.begin_row(start);
        for row in 0..rows {
            let first = (mcu_row as usize * rows + row) * self.width;
            if count == 0 {
                plane.put_row(row, &self.dc[first..first + self.width], quantisers);
                continue;
            }
            for column in (0..self.width).step_by(LANES) {
                let blocks = LANES.min(self.width - column);
                let at = first + column;
                let mut open = plane.open(row, column..column + blocks);
                let group = open.group();
                group[0][..blocks].copy_from_slice(&self.dc[at..at + blocks]);
                for (lane, ac) in self.ac[at * count..(at + blocks) * count].chunks_exact(count).enumerate() {
                    for (&value, &to) in ac.iter().zip(&natural) {
                        group[usize::from(to & 63)][lane % LANES] = value;
                    }
                }
                open.finish(quantisers);
            }
            plane.end_row(row, self.width, quantisers);
        }
    }
}
