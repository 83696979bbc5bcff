//! Lambda function: makes the thumbnails of one object agree with the object as it is now.
//!
//! [`reconcile()`] is the protocol, written against a [`Store`]; [`S3Store`] is S3, where a source read is thumbnails in the
//! [`Making`]; [`handle`] joins them.

pub mod batch;
mod keys;
mod layout;
mod making;
mod memory;
mod metrics;
mod outcome;
pub mod reconcile;
mod s3;
mod settings;

use std::time::{Duration, Instant};

use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use thumbnail_job::{Answer, Job};
use tokio::time::timeout;

use batch::{Batch, BatchAnswer};

pub use layout::Layout;
pub use making::Making;
pub use metrics::Metrics;
pub use outcome::Outcome;
pub use reconcile::{Approach, Facts, Failure, Rejection, Store, reconcile};
pub use s3::{S3Error, S3Store};
pub use settings::Settings;

/// Answers one invocation: `event.payload` is a [`Job`] in either of its spellings, answered by an [`Answer`], or the tasks of
/// S3 Batch Operations, answered by a [`batch::BatchAnswer`]. What Batch Operations asks for is left alone where it is current.
///
/// # Errors
/// Whatever a retry or an operator can mend: Lambda tries twice more, then hands the job to the failure destination. Batch
/// Operations gets an answer for each task instead.
pub async fn handle(event: LambdaEvent<Value>, store: &S3Store) -> Result<Value, Diagnostic> {
    let deadline = resilience::deadline(event.context.deadline);
    let error = |error_type: &str, error_message| Diagnostic { error_type: error_type.to_owned(), error_message };
    let answer = match Batch::read(&event.payload) {
        Some(Err(message)) => return Err(error("MalformedBatch", message)),
        Some(Ok(batch)) => serde_json::to_value(run_batch(batch, deadline, store).await),
        None => {
            let job = Job::from_payload(&event.payload)
                .map_err(|malformed| Outcome::refused(None, "malformed-job", malformed.to_string()));
            let approach = Approach { skip_current: false, deadline };
            let outcome = run(job, approach, store).await?;
            Answer::new(outcome).and_then(serde_json::to_value)
        }
    };
    answer.map_err(|problem| error("Answer", problem.to_string()))
}

/// Runs the tasks of Batch Operations.
async fn run_batch(batch: Batch, deadline: Option<Instant>, store: &S3Store) -> BatchAnswer {
    let mut results = Vec::new();
    for task in &batch.tasks {
        let job = task.job().map_err(|(job, reason, message)| Outcome::refused(Some(job), reason, message));
        let approach = Approach { skip_current: true, deadline };
        results.push(match run(job, approach, store).await {
            Ok(Outcome { outcome, reason: None, .. }) => task.succeeded(outcome),
            Ok(Outcome { outcome, reason: Some(reason), message, .. }) => {
                task.succeeded(&format!("{outcome}: {reason}: {}", message.unwrap_or_default()))
            }
            Err(error) => task.failed(&format!("{}: {}", error.error_type, error.error_message)),
        });
    }
    batch.answer(results)
}

/// Runs one job, and tells what became of it in the log and the metrics.
async fn run(job: Result<Job, Outcome>, approach: Approach, store: &S3Store) -> Result<Outcome, Diagnostic> {
    let started = Instant::now();
    memory::reset_peak();
    let outcome = match job {
        // Boxed, since the compiler follows nested futures only so deep.
        Ok(job) => Box::pin(process(job, approach, store)).await,
        Err(refused) => Ok(refused),
    };
    if let Ok(outcome) = &outcome {
        outcome.log(memory::peak());
    }
    if let Some(metrics) = &store.settings().metrics {
        metrics.tell(outcome.as_ref().ok(), started.elapsed());
    }
    outcome
}

async fn process(job: Job, approach: Approach, store: &S3Store) -> Result<Outcome, Diagnostic> {
    let target = match store.settings().target(&job.bucket, &job.key) {
        Ok(target) => target,
        Err((reason, message)) => return Ok(Outcome::refused(Some(job), reason, message)),
    };
    // Ending in the middle is safe at any point: it is what a crash does, and the retry starts from the source again.
    let time_left =
        approach.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
    let work = reconcile(store, &target, approach, Making::made);
    let failure = match timeout(time_left, work).await {
        Ok(Ok(reconciled)) => return Ok(Outcome::of(job, reconciled)),
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
