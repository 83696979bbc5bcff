//! Lambda function: what happened to objects of a bucket, turned into asynchronous invocations of `image-processor`.
//!
//! [`event`] reads the raw event, [`invoke`] hands each job over, [`handle`] joins the two.

pub mod event;
pub mod invoke;
mod patterns;
mod settings;

use std::collections::HashSet;

use aws_sdk_lambda::Client;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::Value;
use thumbnail_job::{Answer, Job};

use crate::{event::Skipped, invoke::Refused};
pub use patterns::{KeyPattern, KeyPatterns};
pub use settings::Settings;

/// What became of one event.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// `invoked` when at least one job was handed over, else `skipped`.
    pub outcome: &'static str,
    /// The jobs that `image-processor` has accepted.
    pub invoked: Vec<Job>,
    /// The records that ask for no work, each with its reason.
    pub skipped: Vec<Skipped>,
    /// The jobs that Lambda will never accept, each with its reason.
    pub refused: Vec<Refused>,
}

/// Answers one invocation: `event.payload` is the event as raw JSON, of whatever shape.
///
/// # Errors
/// Where a job could not be handed over for a reason that a retry or an operator can mend: Lambda then delivers the whole
/// event again. Jobs that were accepted the first time are then done twice, which does no harm.
pub async fn handle(
    event: LambdaEvent<Value>,
    client: &Client,
    settings: &Settings,
) -> Result<Answer<Outcome>, Diagnostic> {
    let records = event::read(event.payload, &settings.prefixes);
    let (jobs, skipped) = distinct(records.into_iter().map(|record| admitted(record?, &settings.patterns)));
    for skipped in &skipped {
        tracing::info!(
            key = skipped.key,
            bucket = skipped.bucket,
            reason = skipped.reason,
            detail = skipped.detail,
            "skipped"
        );
    }
    let deadline = resilience::deadline(event.context.deadline);
    let handed_over = invoke::all(jobs, client, settings, deadline).await?;
    let outcome = if handed_over.invoked.is_empty() { "skipped" } else { "invoked" };
    let outcome = Outcome { outcome, invoked: handed_over.invoked, skipped, refused: handed_over.refused };
    Answer::new(outcome).map_err(|error| Diagnostic { error_type: "Answer".into(), error_message: error.to_string() })
}

/// The job, unless its key is one that the deployment's patterns leave out.
fn admitted(job: Job, patterns: &KeyPatterns) -> Result<Job, Skipped> {
    if patterns.admit(&job.key) {
        return Ok(job);
    }
    Err(Skipped { bucket: Some(job.bucket), key: Some(job.key), reason: "excluded", detail: None })
}

/// Records of one event that name the same object are one job: it looks at the object as it is, once is enough.
fn distinct(records: impl Iterator<Item = Result<Job, Skipped>>) -> (Vec<Job>, Vec<Skipped>) {
    let mut seen = HashSet::new();
    let (mut jobs, mut skipped) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Ok(job) => jobs.extend(seen.insert(job.clone()).then_some(job)),
            Err(record) => skipped.push(record),
        }
    }
    (jobs, skipped)
}
