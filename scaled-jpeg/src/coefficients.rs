//! The coefficients of a progressive file that are kept between its scans.

use crate::{
    geometry::{Channel, Geometry},
    output::Output,
    tables,
    transform::{self, LANES, Quantisers},
};

/// A range of coefficients: the zigzag indices of the first and the last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Band {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Band {
    /// Returns a mask with a bit for each index.
    pub(crate) fn bits(self) -> u64 {
        u64::MAX >> (63 - self.last) & u64::MAX << self.first
    }
}

/// The coefficients of one component: the DC coefficients, the AC coefficients that the transform needs, and the places of those that are
/// not zero.
pub(crate) struct Coefficients {
    /// The number of blocks in a row, including blocks beyond the picture's edge.
    pub(crate) width: usize,
    /// The DC coefficient of each block.
    pub(crate) dc: Vec<i16>,
    /// The kept AC coefficients of each block, in zigzag order.
    pub(crate) ac: Vec<i16>,
    /// A mask for each block, with a bit for each coefficient that is known not to be zero, by zigzag index. Empty until it is needed.
    pub(crate) history: Vec<u64>,
    /// A mask with a bit for each coefficient that is kept, by zigzag index.
    pub(crate) kept: u64,
    /// The place of each coefficient among the kept ones of a block, by zigzag index.
    pub(crate) slots: [u8; 64],
    /// The maximum amount that a coefficient of 1 adds to a sample, by zigzag index.
    peaks: [f64; 64],
    /// The quantisation table, row by row, at the time of the component's first scan.
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

    /// The number of kept AC coefficients of a block.
    pub(crate) fn count(&self) -> usize {
        self.kept.count_ones() as usize
    }

    /// Whether a scan of `band` must be read: because it contains a kept coefficient, or because a later scan that refines a kept
    /// coefficient depends on which other coefficients are not zero.
    pub(crate) fn wants(&self, band: Band, shift: u32, refines: bool, approximate: bool) -> bool {
        let gives = self.kept & band.bits() != 0;
        let useful = gives && !(refines && self.may_lack(shift, approximate));
        self.kept != 0 && (useful || self.is_refined_after(shift, approximate))
    }

    /// Whether the coefficients of a scan of this `shift` may be refined by later scans.
    pub(crate) fn is_refined_after(&self, shift: u32, approximate: bool) -> bool {
        shift > 0 && !self.may_lack(shift - 1, approximate)
    }

    /// Whether a refinement to this `shift` can be omitted.
    fn may_lack(&self, shift: u32, approximate: bool) -> bool {
        approximate && shift == 0 && self.last_refinement() < 1.0
    }

    /// Returns the maximum number of levels by which the last bits of all kept AC coefficients can change a sample.
    fn last_refinement(&self) -> f64 {
        let Some(table) = &self.table else { return f64::INFINITY };
        let one = |index: usize| f64::from(table[usize::from(tables::NATURAL[index])]) * self.peaks[index];
        (1..64).filter(|&index| self.kept >> index & 1 == 1).map(one).sum()
    }

    /// Transforms the blocks of all components.
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
        let natural: Vec<u8> =
            (1..64).filter(|at| self.kept >> at & 1 == 1).map(|at: usize| tables::NATURAL[at]).collect();
        let count = natural.len();
        output.begin_row(index, mcu_row as usize * rows);
        let plane = &mut output.planes[index];
        for row in 0..rows {
            let first = (mcu_row as usize * rows + row) * self.width;
            if count == 0 {
                plane.put_row(row, &self.dc[first..first + self.width], quantisers);
                continue;
            }
            for column in (0..self.width).step_by(LANES) {
                let blocks = LANES.min(self.width - column);
                let at = first + column;
                let group = plane.open(row, column);
                group[0][..blocks].copy_from_slice(&self.dc[at..at + blocks]);
                for (lane, ac) in self.ac[at * count..(at + blocks) * count].chunks_exact(count).enumerate() {
                    for (&value, &to) in ac.iter().zip(&natural) {
                        group[usize::from(to & 63)][lane % LANES] = value;
                    }
                }
                plane.close(row, column + blocks, quantisers);
            }
            plane.end_row(row, self.width, quantisers);
        }
    }
}
