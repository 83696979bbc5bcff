//! Every scale of both codings by both decoders.

use criterion::{BenchmarkId, Criterion, Throughput};
use jpeg_bench::{files, ours, turbo};
use scaled_jpeg::Scale;

fn main() {
    let mut criterion = Criterion::default().sample_size(15).configure_from_args();
    let paths = std::env::var("JPEG_FILES").unwrap_or_default();
    for file in files(paths.split_whitespace().map(String::from)) {
        for (coding, bytes) in [("baseline", &file.sequential), ("progressive", &file.progressive)] {
            let mut group = criterion.benchmark_group(format!("{}/{coding}", file.name));
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            for scale in Scale::ALL {
                let name = format!("{}-8", scale.eighths());
                group.bench_function(BenchmarkId::new("ours", &name), |b| b.iter(|| ours(bytes, scale, false)));
                if coding == "progressive" {
                    group.bench_function(BenchmarkId::new("ours, approximate", &name), |b| {
                        b.iter(|| ours(bytes, scale, true))
                    });
                }
                group.bench_function(BenchmarkId::new("libjpeg-turbo", &name), |b| b.iter(|| turbo(bytes, scale)));
            }
            group.finish();
        }
    }
    criterion.final_summary();
}
