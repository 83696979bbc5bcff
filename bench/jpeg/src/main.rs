//! Alternating rounds of both decoders over files, and how many times faster ours is, by the medians.

use jpeg_bench::{files, ours, turbo};
use scaled_jpeg::Scale;

fn main() {
    let rounds: usize = std::env::var("ROUNDS").map_or(11, |rounds| rounds.parse().expect("ROUNDS is a number"));
    println!("| file | coding | scale | ours, ms | libjpeg-turbo, ms | ratio |\n|---|---|---|---|---|---|");
    for file in files(std::env::args().skip(1)) {
        let codings = [
            ("sequential", &file.sequential, false),
            ("progressive, exact", &file.progressive, false),
            ("progressive, approximate", &file.progressive, true),
        ];
        for (coding, bytes, approximate) in codings {
            for scale in Scale::ALL {
                let (mut our_times, mut turbo_times) = (Vec::new(), Vec::new());
                for _ in 0..rounds {
                    our_times.push(time(|| ours(bytes, scale, approximate)));
                    turbo_times.push(time(|| turbo(bytes, scale)));
                }
                let (a, b) = (median(our_times), median(turbo_times));
                let (name, eighths) = (&file.name, scale.eighths());
                println!("| {name} | {coding} | {eighths}/8 | {a:.1} | {b:.1} | {:.2} |", b / a);
            }
        }
    }
}

/// Milliseconds of the processor.
fn time(work: impl Fn() -> usize) -> f64 {
    let now = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let start = now();
    std::hint::black_box(work());
    let end = now();
    (end.tv_sec - start.tv_sec) as f64 * 1e3 + (end.tv_nsec - start.tv_nsec) as f64 / 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
