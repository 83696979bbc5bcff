//! The Lambda function that makes the thumbnails of one object agree with the object as it is now.
//!
//! [`handle`] answers an invocation. [`reconcile()`] is the protocol, written against the operations of a [`Store`];
//! [`S3Store`] implements them for S3, and starts making [`PendingThumbnails`] while it reads a source.

pub mod batch;
mod keys;
mod layout;
mod memory;
mod metrics;
mod outcome;
mod pending;
mod reconcile;
mod s3;
mod settings;
mod store;
mod target;

use std::time::{Duration, Instant};

use common::{Answer, Job};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use tokio::time::timeout;

use batch::{Batch, BatchAnswer, ResultCode};

pub use layout::Layout;
pub use metrics::Metrics;
pub use outcome::{Milliseconds, Outcome, OutcomeThumbnail};
pub use pending::PendingThumbnails;
pub use reconcile::{Failure, MAX_ROUNDS, RunOptions, reconcile};
pub use s3::{S3Error, S3Store};
pub use settings::Settings;
pub use store::{Fetched, Head, Location, OutcomeSource, Record, Rejection, Store, Version};
pub use target::{Slot, Target};

/// Answers one invocation.
///
/// `event.payload` is a [`Job`] in either of its spellings, or an S3 Batch Operations event. The answer is an [`Answer`] or a
/// [`BatchAnswer`]. Tasks of Batch Operations leave current thumbnails alone.
///
/// # Errors
/// Returns every error that a retry or an operator can resolve. Lambda retries twice, then sends the job to the failure queue.
/// Batch Operations gets the error in the answer to each task instead.
pub async fn handle(event: LambdaEvent<Value>, store: &S3Store) -> Result<Value, Diagnostic> {
    let deadline = resilience::deadline(event.context.deadline);
    let error = |error_type: &str, error_message| Diagnostic { error_type: error_type.to_owned(), error_message };
    let answer = match Batch::read(&event.payload) {
        Some(Err(message)) => return Err(error("MalformedBatch", message)),
        Some(Ok(batch)) => serde_json::to_value(run_batch(batch, deadline, store).await),
        None => {
            let job = Job::from_payload(&event.payload)
                .map_err(|malformed| Outcome::refused(None, "malformed-job", malformed.to_string()));
            let options = RunOptions { skip_current: false, deadline };
            let outcome = run(job, options, store).await?;
            Answer::new(outcome).and_then(serde_json::to_value)
        }
    };
    answer.map_err(|problem| error("Answer", problem.to_string()))
}

async fn run_batch(batch: Batch, deadline: Option<Instant>, store: &S3Store) -> BatchAnswer {
    let mut results = Vec::new();
    for task in &batch.tasks {
        let job = task.job().map_err(|(job, reason, message)| Outcome::refused(Some(job), reason, message));
        let options = RunOptions { skip_current: true, deadline };
        let (code, result) = match run(job, options, store).await {
            Ok(Outcome { outcome, reason: None, .. }) => (ResultCode::Succeeded, outcome.to_owned()),
            Ok(Outcome { outcome, reason: Some(reason), message, .. }) => {
                (ResultCode::Succeeded, format!("{outcome}: {reason}: {}", message.unwrap_or_default()))
            }
            Err(error) => (ResultCode::TemporaryFailure, format!("{}: {}", error.error_type, error.error_message)),
        };
        results.push(task.answer(code, &result));
    }
    batch.answer(results)
}

/// Runs one job, and reports its outcome to the log and the metrics.
async fn run(job: Result<Job, Outcome>, options: RunOptions, store: &S3Store) -> Result<Outcome, Diagnostic> {
    let started = Instant::now();
    memory::reset_peak();
    let outcome = match job {
        // Boxed because the compiler limits how deep futures may be nested.
        Ok(job) => Box::pin(process(job, options, store)).await,
        Err(refused) => Ok(refused),
    };
    if let Ok(outcome) = &outcome {
        outcome.log(memory::peak());
    }
    if let Some(metrics) = &store.settings().metrics {
        metrics.report(outcome.as_ref().ok(), started.elapsed());
    }
    outcome
}

async fn process(job: Job, options: RunOptions, store: &S3Store) -> Result<Outcome, Diagnostic> {
    let target = match store.settings().target(&job.bucket, &job.key) {
        Ok(target) => target,
        Err((reason, message)) => return Ok(Outcome::refused(Some(job), reason, message)),
    };
    // The work can be cancelled at any point, just as a crash could end it: the retry reads the source again.
    let time_left =
        options.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
    let store = store.until(options.deadline);
    let work = reconcile(&store, &target, options, PendingThumbnails::wait);
    let failure = match timeout(time_left, work).await {
        Ok(Ok(outcome)) => return Ok(outcome),
        Ok(Err(failure)) => failure,
        Err(_) => Failure::OutOfTime,
    };
    let error_type = match &failure {
        Failure::Store(error) => error.code(),
        Failure::Unsettled => "Unsettled",
        Failure::OutOfTime => "OutOfTime",
    };
    tracing::error!(outcome = "failed", bucket = job.bucket, key = job.key, error_type, error = %failure);
    Err(Diagnostic {
        error_type: error_type.to_owned(),
        error_message: format!("s3://{}/{}: {failure}", job.bucket, job.key),
    })
}
