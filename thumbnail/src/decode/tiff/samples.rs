//! From unpacked bytes to samples.

use std::borrow::Cow;

use crate::{
    colour,
    header::tiff::{Coding, Numbers, Photometric, Predictor},
};

/// How samples are stored.
pub(super) struct Samples<'a> {
    coding: &'a Coding,
    /// Whether samples stay as large as they are: indices, and those of which each has a scale of its own.
    raw: bool,
}

impl<'a> Samples<'a> {
    pub(super) fn new(coding: &'a Coding) -> Self {
        Self { coding, raw: coding.photometric == Photometric::Palette || coding.photometric.is_lab() }
    }

    /// Shows the samples of each whole row, of eight bits or as they are stored; of one `plane` where they are apart.
    pub(super) fn rows(
        &self,
        mut unpacked: Cow<[u8]>,
        rows: usize,
        plane: Option<usize>,
        mut show: impl FnMut(&[u16]),
    ) {
        let length = usize::try_from(self.coding.row()).unwrap_or(usize::MAX).max(1);
        let count = self.coding.chunk.0 as usize * self.coding.together();
        let mut samples = Vec::with_capacity(count);
        let whole = (unpacked.len() / length).min(rows);
        for y in 0..whole {
            let range = y * length..(y + 1) * length;
            if self.coding.predictor != Predictor::None {
                self.undo_predictor(&mut unpacked.to_mut()[range.clone()]);
            }
            samples.clear();
            self.samples(&unpacked[range], count, plane, &mut samples);
            show(&samples);
        }
    }

    fn samples(&self, row: &[u8], count: usize, plane: Option<usize>, samples: &mut Vec<u16>) {
        let bits = self.coding.bits as usize;
        match (self.coding.numbers, bits) {
            (Numbers::Unsigned, 8) => samples.extend(row.iter().map(|&byte| u16::from(byte))),
            (Numbers::Float, _) => self.floats(row, plane, samples),
            (_, 8 | 16 | 32 | 64) => {
                samples.extend(row.chunks_exact(bits / 8).map(|bytes| self.level(self.number(bytes))));
            }
            // Samples of other sizes follow each other from the greatest bit on.
            _ => samples.extend((0..count).map(|i| {
                let byte = |at: usize| u64::from(row.get(at).copied().unwrap_or(0));
                let at = i * bits / 8;
                let three = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
                self.level(three >> (24 - bits - i * bits % 8) & ((1 << bits) - 1))
            })),
        }
    }

    /// A number of as many bytes, in the file's order.
    fn number(&self, bytes: &[u8]) -> u64 {
        let append = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        if self.coding.little { bytes.iter().rev().fold(0, append) } else { bytes.iter().fold(0, append) }
    }

    fn set_number(&self, bytes: &mut [u8], number: u64) {
        let length = bytes.len();
        if self.coding.little {
            bytes.copy_from_slice(&number.to_le_bytes()[..length]);
        } else {
            bytes.copy_from_slice(&number.to_be_bytes()[8 - length..]);
        }
    }

    /// What is kept of a whole number: eight bits, or all where samples are raw.
    fn level(&self, number: u64) -> u16 {
        let bits = self.coding.bits;
        let max = u64::MAX >> (64 - bits);
        let rounded = |number: u64| (u128::from(number) * 255 + u128::from(max / 2)) / u128::from(max);
        let level = match self.coding.numbers {
            _ if self.raw => u128::from(number),
            Numbers::Unsigned | Numbers::Float => rounded(number),
            Numbers::Signed => rounded(number ^ 1 << (bits - 1)),
        };
        u16::try_from(level).unwrap_or(u16::MAX)
    }

    /// Floating-point samples, by custom linear light where there are colours, so that alpha is taken out of them before they are bent.
    fn floats(&self, row: &[u8], plane: Option<usize>, samples: &mut Vec<u16>) {
        let Coding { bits, photometric, alpha, .. } = *self.coding;
        let (size, together) = (bits as usize / 8, self.coding.together());
        for pixel in row.chunks_exact(size * together) {
            let value = |index: usize| float(self.number(&pixel[index * size..][..size]), bits);
            let multiplied = alpha.filter(|&(_, multiplied)| multiplied).map_or(1.0, |(alpha, _)| value(alpha));
            samples.extend((0..together).map(|index| {
                let is_colour = plane.unwrap_or(index) < photometric.samples();
                let value = if is_colour && multiplied > 0.0 { value(index) / multiplied } else { value(index) };
                u16::from(if is_colour && photometric == Photometric::Rgb { colour::srgb(value) } else { level(value) })
            }));
        }
    }

    fn undo_predictor(&self, row: &mut [u8]) {
        let (step, size) = (self.coding.together(), self.coding.bits as usize / 8);
        if self.coding.predictor == Predictor::Float {
            for i in step..row.len() {
                row[i] = row[i].wrapping_add(row[i - step]);
            }
            let sorted = row.to_vec();
            let count = row.len() / size;
            for (i, bytes) in row.chunks_exact_mut(size).enumerate() {
                let number = (0..size).fold(0, |number, byte| number << 8 | u64::from(sorted[byte * count + i]));
                self.set_number(bytes, number);
            }
        } else if size == 1 {
            for i in step..row.len() {
                row[i] = row[i].wrapping_add(row[i - step]);
            }
        } else {
            for at in (step * size..row.len()).step_by(size) {
                let (before, after) = row.split_at_mut(at);
                let left = self.number(&before[at - step * size..][..size]);
                let sum = self.number(&after[..size]).wrapping_add(left);
                self.set_number(&mut after[..size], sum);
            }
        }
    }
}

/// A number from 0 to 1 in eight bits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
fn level(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

/// The floating-point number that these bits are.
#[allow(clippy::cast_possible_truncation)] // eight bits remain anyway
fn float(number: u64, bits: u32) -> f32 {
    match bits {
        16 => {
            let (sign, exponent, fraction) = (number >> 15 & 1, number >> 10 & 31, number & 1023);
            let size = match exponent {
                0 => f32::from(fraction as u16) * 2_f32.powi(-24),
                31 => f32::INFINITY,
                _ => f32::from((fraction | 1024) as u16) * 2_f32.powi(exponent as i32 - 25),
            };
            if sign == 1 { -size } else { size }
        }
        32 => f32::from_bits(number as u32),
        _ => f64::from_bits(number) as f32,
    }
}
