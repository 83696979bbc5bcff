//! Measures both decoders in alternating rounds, by processor time, which other work on the machine disturbs less than wall-clock time.

use scaled_jpeg::Scale;

use crate::{Coding, File, one_at_a_time, ours, turbo};

/// The milliseconds that each round took for a file in one coding at one scale.
pub struct Measured<'a> {
    pub file: &'a str,
    pub coding: &'static str,
    pub scale: Scale,
    pub ours: Vec<f64>,
    pub turbo: Vec<f64>,
}

impl Measured<'_> {
    /// How many times faster ours is: the median of the rounds' ratios, because a disturbance slows both decoders of a round.
    pub fn times(&self) -> f64 {
        median(self.turbo.iter().zip(&self.ours).map(|(turbo, ours)| turbo / ours).collect())
    }
}

/// Measures a file in every coding at every scale. Codings of the same bytes share libjpeg-turbo's times.
pub fn measure(file: &File, rounds: usize) -> Vec<Measured<'_>> {
    let codings = file.codings();
    let mut all = Vec::new();
    for same in codings.chunk_by(|a, b| std::ptr::eq(a.bytes, b.bytes)) {
        for scale in Scale::ALL {
            let new = |coding: &Coding| Measured {
                file: &file.name,
                coding: coding.name,
                scale,
                ours: Vec::new(),
                turbo: Vec::new(),
            };
            let mut measured: Vec<_> = same.iter().map(new).collect();
            // The first round warms up.
            for round in 0..=rounds {
                let turbo = time(|| turbo(same[0].bytes, scale));
                for (measured, coding) in measured.iter_mut().zip(same) {
                    let ours = time(|| ours(coding.bytes, scale, coding.approximate));
                    if round > 0 {
                        measured.ours.push(ours);
                        measured.turbo.push(turbo);
                    }
                }
            }
            all.extend(measured);
        }
    }
    all
}

/// Returns for each round how many times faster a sequential file is decoded at several places at once than at one at a time.
pub fn streams(file: &File, scale: Scale, rounds: usize) -> Vec<f64> {
    let ratio = || {
        let one = time(|| one_at_a_time(&file.sequential, scale));
        one / time(|| ours(&file.sequential, scale, false))
    };
    // The first round warms up.
    (0..=rounds).map(|_| ratio()).skip(1).collect()
}

fn time<T>(work: impl FnOnce() -> T) -> f64 {
    let now = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let start = now();
    std::hint::black_box(work());
    let end = now();
    (end.tv_sec - start.tv_sec) as f64 * 1e3 + (end.tv_nsec - start.tv_nsec) as f64 / 1e6
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
