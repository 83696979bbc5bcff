//! Converts unpacked bytes to samples.

use std::borrow::Cow;

use crate::{
    bytes::number,
    header::tiff::{Predictor, TiffCoding},
};

/// Calls `show` with the samples of each whole row. Samples from separate `planes` are interleaved.
pub(super) fn rows(coding: &TiffCoding, mut planes: Vec<Cow<[u8]>>, rows: usize, mut show: impl FnMut(&mut [f32])) {
    let length = usize::try_from(coding.row()).unwrap_or(usize::MAX).max(1);
    let mut samples = vec![0.0; coding.chunk.0 as usize * coding.samples];
    let whole = planes.iter().map(|plane| plane.len() / length).min().unwrap_or(0).min(rows);
    let step = planes.len().max(1);
    for y in 0..whole {
        for (index, plane) in planes.iter_mut().enumerate() {
            let range = y * length..(y + 1) * length;
            if coding.predictor != Predictor::None {
                undo_predictor(coding, &mut plane.to_mut()[range.clone()]);
            }
            numbers(coding, &plane[range], samples[index..].iter_mut().step_by(step));
        }
        show(&mut samples);
    }
}

#[allow(clippy::cast_precision_loss)] // eight bits remain
fn numbers<'a>(coding: &TiffCoding, row: &[u8], samples: impl Iterator<Item = &'a mut f32>) {
    let bits = coding.bits as usize;
    match bits {
        8 => samples.zip(row).for_each(|(sample, &byte)| *sample = f32::from(byte)),
        16 | 32 | 64 => samples.zip(row.chunks_exact(bits / 8)).for_each(|(sample, bytes)| {
            let number = number(bytes, coding.little);
            *sample = if coding.float { float(number, coding.bits) } else { number as f32 };
        }),
        // Samples of other sizes are packed from the most significant bit.
        _ => samples.enumerate().for_each(|(i, sample)| {
            let byte = |at: usize| u32::from(row.get(at).copied().unwrap_or(0));
            let at = i * bits / 8;
            let three = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
            *sample = (three >> (24 - bits - i * bits % 8) & ((1 << bits) - 1)) as f32;
        }),
    }
}

fn undo_predictor(coding: &TiffCoding, row: &mut [u8]) {
    let (step, size) = (coding.together(), coding.bits as usize / 8);
    if coding.predictor == Predictor::Horizontal && size > 1 {
        for at in (step * size..row.len()).step_by(size) {
            let number = |at: usize| number(&row[at..at + size], coding.little);
            let sum = number(at - step * size).wrapping_add(number(at));
            let sum = if coding.little { sum.to_le_bytes() } else { (sum << (64 - 8 * size)).to_be_bytes() };
            row[at..][..size].copy_from_slice(&sum[..size]);
        }
        return;
    }
    for i in step..row.len() {
        row[i] = row[i].wrapping_add(row[i - step]);
    }
    if coding.predictor == Predictor::Float {
        // The most significant bytes of all numbers come first.
        let sorted = row.to_vec();
        for (i, byte) in row.iter_mut().enumerate() {
            let place = if coding.little { size - 1 - i % size } else { i % size };
            *byte = sorted[place * (sorted.len() / size) + i / size];
        }
    }
}

/// Converts bits to a floating-point number.
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
