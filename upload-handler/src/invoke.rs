//! Sends jobs to `image-processor` by asynchronous invocations.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_lambda::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::invoke::InvokeError,
    primitives::Blob,
    types::InvocationType,
};
use common::Job;
use futures_util::{StreamExt, stream};
use resilience::explain;
use tokio::time::timeout;

use crate::Settings;

/// The number of parallel requests: enough to hide the round trip, and few enough that one event is not throttled.
const CONCURRENCY: usize = 16;

/// The result of sending one job.
#[derive(Debug)]
pub enum Attempt {
    /// Lambda has accepted the job (202).
    Invoked,
    /// Lambda will never accept the job, which is a bug of ours. Contains Lambda's error code.
    Refused(String),
    /// Sending failed for a reason that a retry (throttling, 5xx, timeouts) or an operator (access denied, missing function, too
    /// short a timeout) can resolve. Contains the error in words.
    Failed(String),
}

/// Sends all jobs. A failure does not stop the other jobs; jobs that are still being sent at the deadline fail.
pub async fn all(
    jobs: Vec<Job>,
    client: &Client,
    settings: &Settings,
    deadline: Option<Instant>,
) -> HashMap<Job, Attempt> {
    stream::iter(jobs)
        .map(|job| async {
            let time_left = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
            let answer = timeout(time_left, invoke(&job, client, &settings.image_processor_function)).await;
            let attempt = match answer {
                Ok(answer) => attempt(&job, answer),
                Err(_) => failed(&job, "not done in the function's time: raise its timeout".to_owned()),
            };
            (job, attempt)
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await
}

fn attempt(job: &Job, answer: Result<(), SdkError<InvokeError>>) -> Attempt {
    match answer {
        Ok(()) => {
            tracing::info!(bucket = job.bucket, key = job.key, "invoked");
            Attempt::Invoked
        }
        Err(error) if is_permanent(&error) => {
            let reason = error.code().unwrap_or_default().to_owned();
            tracing::error!(bucket = job.bucket, key = job.key, reason, error = explain(&error), "refused");
            Attempt::Refused(reason)
        }
        Err(error) => failed(job, explain(&error)),
    }
}

fn failed(job: &Job, error: String) -> Attempt {
    tracing::error!(bucket = job.bucket, key = job.key, error, "not invoked");
    Attempt::Failed(error)
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

/// Whether the request itself is wrong, so that neither a retry nor an operator can help.
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
