//! `local redrive` and `local backfill`, for a running pipeline.

use std::io::{IsTerminal as _, Write as _};

use local::operate::{self, Backfill, Summary};

use crate::{Settings, fail_on};

/// Queues failed events again.
pub(crate) async fn redrive(settings: Settings) -> Result<(), String> {
    let folder = settings.data.join("failures");
    let lambda = format!("http://127.0.0.1:{}", settings.lambda_port);
    let mut progress = Progress::default();
    let redriven = operate::redrive(&folder, &lambda, |done, of| progress.show(done, of, "records")).await;
    progress.end();
    let redriven = redriven?;
    println!("{} events queued again, {} records left in {}", redriven.queued, redriven.left.len(), folder.display());
    let left = redriven.left.iter().map(|(path, why)| format!("{}: {why}", path.display()));
    fail_on(&left.collect::<Vec<_>>())
}

/// Makes the missing and outdated thumbnails of all uploads.
pub(crate) async fn backfill(settings: Settings) -> Result<(), String> {
    let backfill = Backfill {
        s3: format!("http://127.0.0.1:{}", settings.s3_port),
        lambda: format!("http://127.0.0.1:{}", settings.lambda_port),
        bucket: settings.bucket,
        prefix: settings.uploads_prefix,
        concurrency: settings.concurrency,
    };
    let mut progress = Progress::default();
    let summary =
        operate::backfill(&backfill, |so_far| progress.show(so_far.done(), so_far.objects, &counts(so_far))).await;
    progress.end();
    let summary = summary?;
    println!("{} objects: {}", summary.objects, counts(&summary));
    let failed = summary.failed.iter().map(|(key, why)| format!("{key}: {why}"));
    fail_on(&failed.collect::<Vec<_>>())
}

fn counts(summary: &Summary) -> String {
    let Summary { made, current, rejected, failed, .. } = summary;
    format!("{made} made, {current} current, {rejected} rejected, {} failed", failed.len())
}

/// A progress bar on a terminal. Elsewhere, a line for each tenth.
#[derive(Default)]
struct Progress {
    tenth: usize,
    is_drawn: bool,
}

impl Progress {
    fn show(&mut self, done: usize, of: usize, detail: &str) {
        let tenth = (10 * done).checked_div(of).unwrap_or(10);
        let mut out = std::io::stderr();
        // The command goes on if its progress cannot be written.
        if out.is_terminal() {
            let _ = write!(out, "\r[{:<10}] {done} of {of}, {detail}\x1b[K", "#".repeat(tenth));
            self.is_drawn = true;
        } else if tenth > self.tenth {
            let _ = writeln!(out, "{done} of {of}, {detail}");
        }
        self.tenth = tenth;
    }

    fn end(&self) {
        if self.is_drawn {
            eprintln!();
        }
    }
}
