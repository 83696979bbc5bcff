//! `local redrive` and `local backfill`, beside a pipeline that runs.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use local::operate::{self, Backfill, Summary};

use crate::or;

/// Which failures.
#[derive(clap::Args)]
pub(crate) struct RedriveOptions {
    /// Port of Lambda's API on 127.0.0.1 [default: 9001]
    #[arg(long, env = "LAMBDA_PORT", default_value = "", value_parser = or(9001_u16), hide_default_value = true)]
    lambda_port: u16,
    /// The folder that the pipeline writes to; the failures are in `failures/` [default: .local]
    #[arg(long, env = "LOCAL_DATA", default_value = "", value_parser = or(PathBuf::from(".local")), hide_default_value = true)]
    data: PathBuf,
}

/// Which objects.
#[derive(clap::Args)]
pub(crate) struct BackfillOptions {
    /// Port of S3 on 127.0.0.1 [default: 9002]
    #[arg(long, env = "S3_PORT", default_value = "", value_parser = or(9002_u16), hide_default_value = true)]
    s3_port: u16,
    /// Port of Lambda's API on 127.0.0.1 [default: 9001]
    #[arg(long, env = "LAMBDA_PORT", default_value = "", value_parser = or(9001_u16), hide_default_value = true)]
    lambda_port: u16,
    /// The bucket [default: my-image-bucket]
    #[arg(long, env = "BUCKET", default_value = "", value_parser = or(String::from("my-image-bucket")), hide_default_value = true)]
    bucket: String,
    /// Keys that begin with this [default: uploads/]
    #[arg(long, env = "UPLOADS_PREFIX", default_value = "", value_parser = or(String::from("uploads/")), hide_default_value = true)]
    uploads_prefix: String,
    /// Tasks that run at once [default: 4]
    #[arg(long, env = "CONCURRENCY", default_value = "", value_parser = or(4_usize), hide_default_value = true)]
    concurrency: usize,
}

/// Queues again what failed.
pub(crate) async fn redrive(options: RedriveOptions) -> Result<(), String> {
    let folder = options.data.join("failures");
    let lambda = format!("http://127.0.0.1:{}", options.lambda_port);
    let mut progress = Progress::default();
    let redriven = operate::redrive(&folder, &lambda, |done, of| progress.show(done, of, "records")).await;
    progress.end();
    let redriven = redriven?;
    println!("{} events queued again, {} records left in {}", redriven.queued, redriven.left.len(), folder.display());
    listed(redriven.left.iter().map(|(path, why)| format!("{}: {why}", path.display())))
}

/// Makes the thumbnails of what was there before.
pub(crate) async fn backfill(options: BackfillOptions) -> Result<(), String> {
    let backfill = Backfill {
        s3: format!("http://127.0.0.1:{}", options.s3_port),
        lambda: format!("http://127.0.0.1:{}", options.lambda_port),
        bucket: options.bucket,
        prefix: options.uploads_prefix,
        concurrency: options.concurrency,
    };
    let mut progress = Progress::default();
    let summary =
        operate::backfill(&backfill, |so_far| progress.show(so_far.done(), so_far.objects, &counts(so_far))).await;
    progress.end();
    let summary = summary?;
    println!("{} objects: {}", summary.objects, counts(&summary));
    listed(summary.failed.iter().map(|(key, why)| format!("{key}: {why}")))
}

fn counts(summary: &Summary) -> String {
    let Summary { made, current, rejected, failed, .. } = summary;
    format!("{made} made, {current} current, {rejected} rejected, {} failed", failed.len())
}

/// An error that names each problem, if there is one.
fn listed(problems: impl Iterator<Item = String>) -> Result<(), String> {
    let problems: Vec<_> = problems.collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\nerror: ")) }
}

/// A bar that is drawn over itself; where there is no terminal, a line at every tenth.
#[derive(Default)]
struct Progress {
    tenth: usize,
    is_drawn: bool,
}

impl Progress {
    fn show(&mut self, done: usize, of: usize, detail: &str) {
        let tenth = (10 * done).checked_div(of).unwrap_or(10);
        let mut out = std::io::stderr();
        // What cannot be written is no reason to stop.
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
