//! The code that tests share: a writer of files from coefficients, a simple decoder to compare with, and the expected samples.

#![allow(dead_code, unreachable_pub)] // each test uses its part
// A codec's arithmetic, written as the standard has it.
#![allow(
    clippy::cast_lossless,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::needless_range_loop,
    clippy::struct_excessive_bools,
    clippy::too_many_lines,
    clippy::verbose_bit_mask
)]

pub mod reference;
pub mod writer;

use std::{f64::consts::PI, path::PathBuf};

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use scaled_jpeg::Plane;

/// Lists the JPEG files of the corpus, if it is available in `../shared/corpus` beside the workspace or in the folder
/// `THUMBNAIL_CORPUS`.
pub fn corpus() -> Vec<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let root = std::env::var_os("THUMBNAIL_CORPUS").map_or(beside, PathBuf::from);
    let mut files = Vec::new();
    for folder in ["camera", "hostile", "jpeg", "orientation"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        files.extend(
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "jpg")),
        );
    }
    files.sort();
    if files.is_empty() {
        println!("skipped: there is no folder {}; THUMBNAIL_CORPUS can name one", root.display());
    }
    files
}

/// Returns the maximum difference between the samples of a plane and a truncated inverse cosine transform in double precision.
///
/// `coefficients` returns the dequantised coefficients of a block, row by row.
pub fn error(plane: &Plane, coefficients: impl Fn(usize, usize) -> [f64; 64]) -> f64 {
    let (width, height) = plane.block;
    let (across, down) = (cosines(width), cosines(height));
    let mut worst: f64 = 0.0;
    for row in 0..plane.height / height {
        for column in 0..plane.width / width {
            let block = coefficients(column, row);
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let mut sum = 0.0;
                for v in 0..height.min(8) {
                    for u in 0..width.min(8) {
                        sum += block[8 * v + u] * across[u][x] * down[v][y];
                    }
                }
                let expected = (sum / 8.0 + 128.0).clamp(0.0, 255.0);
                let sample = plane.data[(row * height + y) * plane.width + column * width + x];
                worst = worst.max((f64::from(sample) - expected).abs());
            }
        }
    }
    worst
}

/// Computes c(u) cos((2x + 1)uπ / 2n), by u and x.
fn cosines(points: usize) -> [[f64; 16]; 8] {
    let mut table = [[0.0; 16]; 8];
    for (u, row) in table.iter_mut().enumerate().take(points) {
        let c = if u == 0 { 1.0 } else { 2.0_f64.sqrt() };
        for (x, value) in row.iter_mut().enumerate().take(points) {
            *value = c * ((2.0 * x as f64 + 1.0) * u as f64 * PI / (2.0 * points as f64)).cos();
        }
    }
    table
}

/// Computes the place of each coefficient, row × 8 + column, by zigzag index.
pub fn zigzag() -> [usize; 64] {
    let mut all: Vec<(usize, usize)> = (0..64).map(|i| (i / 8, i % 8)).collect();
    all.sort_by_key(|&(row, column)| {
        let diagonal = row + column;
        (diagonal, if diagonal % 2 == 0 { column } else { row })
    });
    std::array::from_fn(|i| all[i].0 * 8 + all[i].1)
}

/// Encodes a picture of slopes with `noise` levels of noise, with the standard's Huffman tables or optimised ones.
pub fn photo(width: u16, height: u16, noise: u64, sampling: SamplingFactor, optimised: bool, interval: u16) -> Vec<u8> {
    let mut random = Random(noise + 0x1234_5678);
    let mut pixels = Vec::new();
    for (y, x) in (0..u64::from(height)).flat_map(|y| (0..u64::from(width)).map(move |x| (y, x))) {
        let base = 40 + (x * y / 100 + 3 * x) % 130;
        pixels.extend([0, 20, 50].map(|channel| (base + channel + random.below(noise + 1)) as u8));
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 88);
    encoder.set_sampling_factor(sampling);
    encoder.set_optimized_huffman_tables(optimised);
    if interval > 0 {
        encoder.set_restart_interval(interval);
    }
    encoder.encode(&pixels, width, height, ColorType::Rgb).unwrap();
    file
}

/// Generates pseudo-random numbers, which are the same in each run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }
}
