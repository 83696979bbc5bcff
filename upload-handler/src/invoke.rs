//! Jobs → asynchronous invocations of `image-processor`.

use std::time::{Duration, Instant};

use aws_sdk_lambda::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::invoke::InvokeError,
    primitives::Blob,
    types::InvocationType,
};
use futures_util::{StreamExt, stream};
use lambda_runtime::Diagnostic;
use resilience::explain;
use serde::Serialize;
use thumbnail_job::Job;
use tokio::time::timeout;

use crate::Settings;

/// Invocations in flight at once: enough to hide the round trip, few enough not to be throttled by one event's records.
const CONCURRENCY: usize = 16;

/// What became of the jobs of one event, none of which asks for a retry.
#[derive(Debug)]
pub struct HandedOver {
    /// Accepted by Lambda (202), in the order they finished.
    pub invoked: Vec<Job>,
    /// Never to be accepted.
    pub refused: Vec<Refused>,
}

/// A job that Lambda will never accept, however often it is sent: a bug of ours.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// Lambda's error code.
    pub reason: String,
}

/// Attempts every job, whatever happens to the others; after the deadline those that are still under way are given up.
///
/// # Errors
/// Where at least one job failed in a way that a retry (throttling, 5xx, timeouts) or an operator (access denied, missing
/// function, a timeout too short) can mend. The message names each of those jobs.
pub async fn all(
    jobs: Vec<Job>,
    client: &Client,
    settings: &Settings,
    deadline: Option<Instant>,
) -> Result<HandedOver, Diagnostic> {
    let mut handed_over = HandedOver { invoked: Vec::new(), refused: Vec::new() };
    let mut failed = Vec::new();
    let mut attempts = stream::iter(jobs)
        .map(|job| async {
            let time_left = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
            (timeout(time_left, invoke(&job, client, &settings.image_processor_function)).await, job)
        })
        .buffer_unordered(CONCURRENCY);
    while let Some((attempt, job)) = attempts.next().await {
        match attempt {
            Ok(Ok(())) => {
                tracing::info!(bucket = job.bucket, key = job.key, "invoked");
                handed_over.invoked.push(job);
            }
            Ok(Err(error)) if is_permanent(&error) => {
                let reason = error.code().unwrap_or_default().to_owned();
                tracing::error!(bucket = job.bucket, key = job.key, reason, error = explain(&error), "refused");
                handed_over.refused.push(Refused { job, reason });
            }
            unfinished => {
                let error = match unfinished {
                    Ok(Err(error)) => explain(&error),
                    _ => "not done in the function's time: raise its timeout".to_owned(),
                };
                tracing::error!(bucket = job.bucket, key = job.key, error, "not invoked");
                failed.push(format!("{}/{}: {error}", job.bucket, job.key));
            }
        }
    }
    if failed.is_empty() {
        return Ok(handed_over);
    }
    Err(Diagnostic {
        error_type: "InvokeFailed".into(),
        error_message: format!(
            "{} could not invoke {}: {}",
            failed.len(),
            settings.image_processor_function,
            failed.join("; ")
        ),
    })
}

async fn invoke(job: &Job, client: &Client, function: &str) -> Result<(), SdkError<InvokeError>> {
    let payload = serde_json::to_vec(job).map_err(SdkError::construction_failure)?;
    client
        .invoke()
        .function_name(function)
        .invocation_type(InvocationType::Event)
        .payload(Blob::new(payload))
        .send()
        .await
        .map(drop)
}

/// Whether it is our request that is wrong: no retry and no operator can help.
fn is_permanent(error: &SdkError<InvokeError>) -> bool {
    matches!(
        error.as_service_error(),
        Some(
            InvokeError::RequestTooLargeException(_)
                | InvokeError::InvalidRequestContentException(_)
                | InvokeError::UnsupportedMediaTypeException(_)
        )
    ) || matches!(error, SdkError::ConstructionFailure(_))
}
